"""Progressive growing of GANs (Karras et al., 2018): images from noise."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
