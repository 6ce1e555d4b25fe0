"""What every trainer needs, and nothing about any model."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
