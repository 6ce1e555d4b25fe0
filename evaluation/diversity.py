"""How alike a set's images are to each other: MS-SSIM, as Odena et al. (2017) use it.

The mean multi-scale structural similarity of pairs of images of one class,
https://arxiv.org/abs/1610.09585: 1 where all images are the same. A generator that
collapsed has a higher value than real images.
"""

import numpy as np
import tensorflow as tf

NUM_PAIRS = 1000
WINDOW = 11
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. (2003).


def scale_weights(image_size):
    """The exponents of the scales that an image has, from the finest; their sum is 1.

    Five scales from 176 px on, at which the coarsest is one window wide. Smaller images
    have fewer, such as three at 64 px: values of other sizes do not compare.
    """
    fitting = sum(image_size >> n >= WINDOW for n in range(len(WEIGHTS)))
    weights = np.array(WEIGHTS[:fitting])
    return (weights / weights.sum()).tolist()


def random_pairs(labels, seed):
    """Pairs of positions, of one class each and of two images.

    Returns:
      int64 [pairs, 2], in shares that follow the classes; at most `NUM_PAIRS`.
    """
    draws = np.random.default_rng(seed)
    pairs = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) > 1:
            first = draws.integers(len(members), size=len(members))
            second = draws.integers(1, len(members), size=len(members))
            pairs.append(members[np.stack([first, (first + second) % len(first)], 1)])
    return draws.permutation(np.concatenate(pairs))[:NUM_PAIRS]


def mean_similarity(images, labels, seed, batch_size=64):
    """The mean MS-SSIM of random pairs of one class.

    Args:
      images: uint8 [images, size, size].
      labels: int64 [images].
      seed: of the pairs.
      batch_size: pairs at a time.
    """
    pairs = random_pairs(labels, seed)
    weights = scale_weights(images.shape[1])
    values = [
        tf.image.ssim_multiscale(
            *tf.unstack(tf.constant(images[some][..., None]), axis=1),
            max_val=255,
            power_factors=weights,
            filter_size=WINDOW,
        )
        for some in np.array_split(pairs, -(-len(pairs) // batch_size))
    ]
    return float(tf.reduce_mean(tf.concat(values, axis=0)))
