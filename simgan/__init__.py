"""SimGAN (Shrivastava et al., 2017) as a refiner."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
