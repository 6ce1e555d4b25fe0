"""Artefacts planted in good images, to see who finds them."""

import numpy as np


def noise_block(image, rng):
    """A block of noise, a fifth to a half of the image wide and high."""
    size = len(image)
    sides = (rng.uniform(0.2, 0.5, 2) * size).astype(int)
    row, column = rng.integers(size // 6, 5 * size // 6 - sides)
    block = rng.integers(0, 256, sides)
    image[row : row + sides[0], column : column + sides[1]] = block
    return image


def doubled_half(image, rng):
    """One half of the image, any of four, again in place of the other."""
    turns = int(rng.integers(4))
    turned = np.rot90(image, turns)
    half = len(image) // 2
    turned[-half:] = turned[:half]
    return image


def inverted(image, rng):
    return 255 - image


def black(image, rng):
    return np.zeros_like(image)


ARTEFACTS = {
    "noise": noise_block,
    "doubled": doubled_half,
    "inverted": inverted,
    "black": black,
}


def planted(image, number, rng):
    """A copy of a uint8 [size, size] image with artefact `number`, and its name."""
    name = list(ARTEFACTS)[number % len(ARTEFACTS)]
    return ARTEFACTS[name](image.copy(), rng), name
