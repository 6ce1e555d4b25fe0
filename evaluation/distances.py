"""Measures of a set of images beside a reference set, equally many and by name.

SWD: `features.wasserstein`. FID: Heusel et al. (2017),
https://arxiv.org/abs/1706.08500. KID: Binkowski et al. (2018),
https://arxiv.org/abs/1801.01401. Precision and recall: Kynkaanniemi et al. (2019),
https://arxiv.org/abs/1904.06991. Papers' values are of their own network and number of
images; ours compare with each other only.

MS-SSIM as Odena et al. (2017) use it, https://arxiv.org/abs/1610.09585: the mean
multi-scale structural similarity of pairs of images of one class, 1 where all images
are the same. A generator that collapsed has a higher value than real images.
"""

import numpy as np
import tensorflow as tf
from sklearn.metrics import euclidean_distances

from features import wasserstein

SUBSET = 1000
NUM_SUBSETS = 100
NEIGHBOURS = 3
NUM_PAIRS = 1000
WINDOW = 11
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. (2003).


def sliced_wasserstein(reference, sample, seed):
    """Distance at each level of the pyramid, in pixels, and their mean; times 1,000."""
    levels = wasserstein.sliced_wasserstein(reference.images, sample.images, seed)
    columns = {f"SWD {size} px": distance for size, distance in levels.items()}
    return {**columns, "SWD mean": float(np.mean([*levels.values()]))}


def frechet_distance(a, b):
    """|mean_a - mean_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)).

    The root's trace is the sum of the singular values of A B^T, where C = A^T A: exact,
    and well-behaved where there are fewer images than features. FID is biased upwards
    then, by as much in every row of equally many images. a and b are float [images,
    features].
    """
    offset = a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = np.sum(root_a**2) + np.sum(root_b**2)
    return max(0.0, float(offset @ offset + spread - 2 * cross))


def _covariance_root(features):
    """A with A^T A = the covariance, float64 [min(images, features), features]."""
    centred = features - features.mean(axis=0, dtype=np.float64)
    root = centred / np.sqrt(len(features) - 1)
    return np.linalg.qr(root, mode="r") if len(root) > root.shape[1] else root


def kernel_distance(a, b, seed):
    """Unbiased MMD^2 with the kernel (x . y / features + 1)^3; may be below 0.

    The mean over random subsets of 1,000; all images at once if there are no more. a
    and b are float [images, features], equally many.
    """
    if len(a) <= SUBSET:
        return _squared_discrepancy(a, b)
    draws = np.random.default_rng(seed)
    values = [
        _squared_discrepancy(
            a[draws.choice(len(a), SUBSET, replace=False)],
            b[draws.choice(len(b), SUBSET, replace=False)],
        )
        for _ in range(NUM_SUBSETS)
    ]
    return float(np.mean(values))


def _squared_discrepancy(a, b):
    def kernel(x, y):
        return (x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3

    n = len(a)
    within = 0.0
    for features in (a, b):
        values = kernel(features, features)
        within += (values.sum() - np.trace(values)) / (n * (n - 1))
    return float(within - 2 * kernel(a, b).mean())


def precision_recall(real, synthetic):
    """Shares of either set that lie in the manifold of the other.

    A set's manifold are the balls around its vectors that reach their third nearest
    neighbour. Precision: synthetic images among real ones; recall: real images among
    synthetic ones. Both are float [images, features].
    """
    real, synthetic = real.astype(np.float64), synthetic.astype(np.float64)
    between = euclidean_distances(real, synthetic)
    precision = np.mean((between <= _radii(real)[:, None]).any(axis=0))
    recall = np.mean((between <= _radii(synthetic)[None, :]).any(axis=1))
    return float(precision), float(recall)


def _radii(features):
    """Distance of each vector to the third nearest of the others."""
    own = euclidean_distances(features)
    return np.partition(own, NEIGHBOURS, axis=1)[:, NEIGHBOURS]


def scale_weights(image_size):
    """The exponents of the scales that an image has, from the finest; their sum is 1.

    Five scales from 176 px on, at which the coarsest is one window wide. Smaller images
    have fewer, such as three at 64 px: values at different sizes do not compare.
    """
    fitting = sum(image_size >> n >= WINDOW for n in range(len(WEIGHTS)))
    weights = np.array(WEIGHTS[:fitting])
    return (weights / weights.sum()).tolist()


def random_pairs(labels, seed):
    """Pairs of positions, of one class each and of two images: int64 [pairs, 2].

    At most `NUM_PAIRS`, in shares that follow the classes.
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
    """The mean MS-SSIM of random pairs of one class, of uint8 [images, size, size]."""
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


# Functions of two `Sample`s, the reference and the one measured, and a seed, to a dict
# of columns to numbers. MS-SSIM is the likeness of a sample's images to each other.
MEASURES = {
    "swd": sliced_wasserstein,
    "ms_ssim": lambda _, sample, seed: {
        "MS-SSIM": mean_similarity(sample.images, sample.labels, seed)
    },
    "kid": lambda reference, sample, seed: {
        "KID": 1e3 * kernel_distance(reference.features, sample.features, seed)
    },
    "fid": lambda reference, sample, _: {
        "FID": frechet_distance(reference.features, sample.features)
    },
    "precision_recall": lambda reference, sample, _: dict(
        zip(
            ("Precision", "Recall"),
            precision_recall(reference.features, sample.features),
        )
    ),
}
OF_FEATURES = {"kid", "fid", "precision_recall"}
