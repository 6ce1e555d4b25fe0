"""Discarding weird-looking synthetic images with a person's help."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
