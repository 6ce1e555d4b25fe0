"""Unsupervised image-to-image translation networks (Liu et al., 2017) as a refiner."""
