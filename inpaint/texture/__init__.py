"""Texture for a hole from the known rest of its own photo: patch attention with hard weights."""
