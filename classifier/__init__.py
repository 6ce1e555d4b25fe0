"""The tumor detector: ResNet-50 and classic data augmentation."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
