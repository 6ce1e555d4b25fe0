"""Multimodal unsupervised image translation (Huang et al., 2018) as a refiner."""
