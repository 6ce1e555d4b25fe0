"""What generative adversarial networks share: layers, discriminators, losses, Adam."""
