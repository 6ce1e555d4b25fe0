"""What refiners share: their two sets of images, their training, how they refine."""
