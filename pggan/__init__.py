"""Progressive growing of GANs (Karras et al., 2018): images from noise."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
