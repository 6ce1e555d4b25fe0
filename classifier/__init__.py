"""The tumor detector: ResNet-50 and classic data augmentation."""
