"""Groups of similar images: k-means++ (Arthur and Vassilvitskii, 2007)."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

# Sums over threads depend on who comes first; those of two do not, as a + b = b + a.
MAX_THREADS = 2


def comparable_features(features, blocks):
    """One array for distances over all blocks, which weigh the same.

    Args:
      features: list of float32 [images, num_features], perhaps mapped from files.
      blocks: list of slices of the features.

    Returns:
      float32 [all images, features of the blocks], in memory. A single block is as it
      was; each of several is divided by its root mean square distance to its mean.
    """
    width = sum(block.stop - block.start for block in blocks)
    result = np.empty([sum(map(len, features)), width], np.float32)
    column = 0
    for block in blocks:
        own = result[:, column : column + block.stop - block.start]
        np.concatenate([array[:, block] for array in features], out=own)
        if len(blocks) > 1:
            own /= max(np.sqrt(own.var(axis=0, dtype=np.float64).sum()), 1e-6)
        column += own.shape[1]
    return result


def group(features, num_clusters, seed):
    """Divides images into clusters; the same again for the same arguments.

    Args:
      features: float32 [images, num_features]; changed by rounding.
      num_clusters: at most as many as there are images.
      seed: of the first centres.

    Returns:
      int32 [images], numbers of clusters, none of which is empty: fewer than
      `num_clusters` if fewer images differ; and float32 [images], distances to the
      clusters' centres.
    """
    means = KMeans(num_clusters, init="k-means++", n_init=1, random_state=seed)
    means.copy_x = False  # The features may be most of the memory.
    with threadpool_limits(MAX_THREADS), warnings.catch_warnings():
        # Said when fewer images differ than there are to be clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means.fit(features)
    _, numbers = np.unique(means.labels_, return_inverse=True)
    centres = means.cluster_centers_[np.unique(means.labels_)]
    distances = np.empty(len(features), np.float32)
    for start in range(0, len(features), 4096):
        rows = slice(start, start + 4096)
        offsets = features[rows] - centres[numbers[rows]]
        distances[rows] = np.sqrt((offsets**2).sum(axis=1))
    return numbers.astype(np.int32), distances
