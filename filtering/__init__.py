"""Discarding weird-looking synthetic images with a person's help."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
