"""Measures of a grey image made by hand, for where there are no trained weights.

Five blocks, each in units of its own: `layout` (where it is how bright), `edges` (their
directions, after Dalal and Triggs, 2005), `detail` and `spectrum` (energy of fine and
coarse structure, on the average and at its strongest: noise, blur, checkerboards) and
`symmetry` (how alike the halves are: a brain is nearly symmetric, not exactly).
"""

import math

import numpy as np
import tensorflow as tf

SIZE = 128  # Height and width at which all but the finest detail is measured.
FLOOR = 1e-4  # Energy of a structure that cannot be seen, about (2.5 / 255)^2.
FOREGROUND = 0.03  # Of the range of grey values; what is darker is background.
DIRECTIONS = 8
MAX_SHIFT = 3  # Of 32: a head off the middle by less is as symmetric.
BLOCKS = {"layout": 64, "edges": 128, "detail": 6, "spectrum": 12, "symmetry": 4}


class Descriptors:
    """Grey images to float32 [batch, 214]; no weights, nothing learnt.

    Attributes:
      num_features: 214.
      blocks: {name: its slice of the features}. Blocks have units of their own, so a
        distance is meaningful within one only.
      facts: dict for a manifest: what the features are.
    """

    def __init__(self):
        ends = np.cumsum([0, *BLOCKS.values()]).tolist()
        self.blocks = {
            name: slice(start, stop)
            for name, start, stop in zip(BLOCKS, ends[:-1], ends[1:])
        }
        self.num_features = ends[-1]
        self.facts = {
            "backbone": "descriptors",
            "weights": "none",
            "weights_sha256": None,
            "image_size": SIZE,
            "num_features": self.num_features,
            "description": "descriptors made by hand (layout, edges, detail, spectrum"
            " and symmetry of the image); no network, no ImageNet",
        }
        self._features = tf.function(
            _features, input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)]
        )

    def __call__(self, images):
        """Features float32 [batch, 214] of uint8 [batch, height, width, 1]."""
        return self._features(images)


def _features(images):
    images = tf.cast(images, tf.float32) / 255
    pyramid = [tf.image.resize(images, [SIZE, SIZE], antialias=True)]
    for _ in range(4):  # 64, 32, 16, 8 px
        pyramid.append(tf.nn.avg_pool2d(pyramid[-1], 2, 2, "VALID"))
    energies = [_band_energy(*bands) for bands in zip(pyramid, pyramid[1:])]
    blocks = {
        "layout": tf.reshape(pyramid[4], [-1, 64]),
        "edges": edges(pyramid[1]),
        "detail": detail(images, energies[1]),
        "spectrum": spectrum(energies),
        "symmetry": symmetry(pyramid[2]),
    }
    return tf.concat([blocks[name] for name in BLOCKS], axis=1)


def _band_energy(fine, coarse):
    """Log energy of what `fine` has and `coarse` lacks, in 8 x 8 tiles, [batch, 64]."""
    band = fine - tf.image.resize(coarse, fine.shape[1:3])
    energy = tf.nn.avg_pool2d(band**2, fine.shape[1] // 8, fine.shape[1] // 8, "VALID")
    return tf.math.log(tf.reshape(energy, [-1, 64]) + FLOOR)


def edges(images):
    """Strengths of edges by direction in 4 x 4 tiles, relative to the brightness.

    Args:
      images: float32 [batch, 64, 64, 1] in [0, 1].

    Returns:
      float32 [batch, 128].
    """
    foreground = tf.cast(images > FOREGROUND, tf.float32)
    brightness = tf.reduce_sum(images * foreground, [1, 2, 3], keepdims=True)
    brightness /= tf.reduce_sum(foreground, [1, 2, 3], keepdims=True) + 1
    images /= tf.maximum(brightness, 0.05)
    # [batch, 64, 64, 1, 2] -> [batch, 64, 64]
    dy, dx = tf.unstack(tf.image.sobel_edges(images)[..., 0, :] / 8, axis=-1)
    strength = tf.minimum(tf.sqrt(dx**2 + dy**2), 1)
    turn = tf.math.floormod(tf.atan2(dy, dx), math.pi) / math.pi  # [0, 1)
    direction = tf.cast(turn * DIRECTIONS, tf.int32) % DIRECTIONS
    votes = strength[..., None] * tf.one_hot(direction, DIRECTIONS)
    tiles = tf.nn.avg_pool2d(votes, 16, 16, "VALID")
    return tf.sqrt(tf.reshape(tiles, [-1, 16 * DIRECTIONS]))


def detail(images, middle_energy):
    """Log energy of single pixels, alone and against that of structure of 4 px of 128.

    Args:
      images: float32 [batch, height, width, 1] in [0, 1].
      middle_energy: its energy at 64 px, float32 [batch, 64].

    Returns:
      float32 [batch, 6]: strongest, fourth strongest and mean of 8 x 8 tiles; of both.
    """
    band = images - tf.nn.avg_pool2d(images, 3, 1, "SAME")
    # Tiles of whole pixels: a few at the border are left out where 8 is no divisor.
    tile = tf.shape(images)[1] // 8
    band = band[:, : 8 * tile, : 8 * tile, 0]
    tiles = tf.reduce_mean(tf.reshape(band**2, [-1, 8, tile, 8, tile]), [2, 4])
    energy = tf.math.log(tf.reshape(tiles, [-1, 64]) + FLOOR)
    return tf.concat([_strongest(energy), _strongest(energy - middle_energy)], axis=1)


def spectrum(energies):
    """How energy falls from one scale to the next, in 8 x 8 tiles.

    Args:
      energies: four float32 [batch, 64], the finest first.

    Returns:
      float32 [batch, 12]: of three falls the strongest, fourth and mean, and the
      seventh weakest.
    """
    falls = [fine - coarse for fine, coarse in zip(energies, energies[1:])]
    weak = [tf.sort(fall, axis=1)[:, 6:7] for fall in falls]
    return tf.concat([_strongest(fall) for fall in falls] + weak, axis=1)


def _strongest(tiles):
    """Strongest, fourth strongest and mean of the tiles, float32 [batch, 3]."""
    ordered = tf.sort(tiles, axis=1, direction="DESCENDING")
    mean = tf.reduce_mean(tiles, axis=1)
    return tf.stack([ordered[:, 0], ordered[:, 3], mean], axis=1)


def symmetry(images):
    """Log of how much an image differs from itself mirrored or moved by half.

    Args:
      images: float32 [batch, 32, 32, 1] in [0, 1].

    Returns:
      float32 [batch, 4]: left and right mirrored (at the best shift), top and bottom
      mirrored, left and right as they are, top and bottom as they are.
    """
    spread = tf.math.reduce_std(images, [1, 2, 3]) + 0.02

    def difference(ones, others):
        mean = tf.reduce_mean(tf.abs(ones - others), [1, 2, 3])
        return tf.math.log(mean / spread + 0.02)

    mirrored = images[:, :, ::-1]
    shifts = [
        difference(images, tf.roll(mirrored, shift, axis=2))
        for shift in range(-MAX_SHIFT, MAX_SHIFT + 1)
    ]
    return tf.stack(
        [
            tf.reduce_min(shifts, axis=0),
            difference(images, images[:, ::-1]),
            difference(images[:, :, :16], images[:, :, 16:]),
            difference(images[:, :16], images[:, 16:]),
        ],
        axis=1,
    )
