"""SimGAN (Shrivastava et al., 2017) as a refiner."""
