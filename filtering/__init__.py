"""Discarding weird-looking synthetic images with a person's help."""
