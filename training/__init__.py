"""What every trainer needs, and nothing about any model."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
