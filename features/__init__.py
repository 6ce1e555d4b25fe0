"""Images to features, of networks or made by hand, and to distances between sets."""
