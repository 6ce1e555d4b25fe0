"""Images to feature vectors: networks trained on ImageNet, or measures made by hand."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
