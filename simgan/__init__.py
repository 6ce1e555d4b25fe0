"""SimGAN (Shrivastava et al., 2017) as a refiner."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
