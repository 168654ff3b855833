"""Measure fills: masks of the protocols, metrics of one image, a distance of sets of images."""
