"""The tumor detector: ResNet-50 and classic data augmentation."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
