"""Measuring fills: protocol masks, metrics of one image, and a distance between sets of images."""
