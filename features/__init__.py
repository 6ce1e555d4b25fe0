"""Images to features, of networks or made by hand, and to distances between sets."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
