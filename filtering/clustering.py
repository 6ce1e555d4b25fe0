"""Clusters of similar images: k-means++ (Arthur and Vassilvitskii, 2007) on features.

A list of images is a `DataFrame` with a row per image: `set_number` and `position` (in
that shard set), `id`, `label` (its name) and `patient`. Features are a list too, of a
float32 [images, num_features] per shard set, perhaps mapped from a file.
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from dataset.pictures import fit, sheet, write_png
from dataset.records import label_name
from features.extraction import DESCRIPTORS, JoinedFeatures, build_extractor
from filtering.clusters import DISCARD, KEEP
from filtering.outliers import RealImages

NETWORK = "densenet169"  # Han et al. (2019).
# The sum of two threads is the same in either order; that of more is not.
MAX_THREADS = 2
COLUMNS, ROWS, TILE, GAP = 6, 3, 128, 4  # Of a contact sheet; the last two in pixels.
LINE = 96  # Grey value of the line above the farthest images.


def list_images(shard_sets):
    """The list of all images of some `ShardSet`s, in order."""
    tables = []
    for number, shard_set in enumerate(shard_sets):
        labels, ids, patients = shard_set.origins()
        table = pd.DataFrame({"id": ids, "label": labels, "patient": patients})
        tables.append(table.assign(set_number=number, position=table.index))
    images = pd.concat(tables, ignore_index=True)
    return images.assign(label=images.label.map(label_name))


def choose_extractor(backbone, weights, feature_size, seed):
    """The extractor that the flags of these names describe.

    A network comes with the descriptors for outlier scores: those see what it was never
    taught to see, such as a half that copies the other. `auto` is DenseNet-169 or,
    without weights, the descriptors alone: random weights tell little.

    Returns:
      The extractor, and a dict for `clusters.json`: what the features are.
    """
    if backbone == "auto":
        backbone = DESCRIPTORS if weights == "none" else NETWORK
    extractor = build_extractor(backbone, weights, image_size=feature_size, seed=seed)
    facts = {**extractor.facts, "suspicion_by": extractor.facts["description"]}
    if backbone == DESCRIPTORS:
        return extractor, facts
    descriptors = build_extractor(DESCRIPTORS, "none")
    facts["suspicion_by"] += "; and " + descriptors.facts["description"]
    return JoinedFeatures([extractor, descriptors]), facts


def score_outliers(images, features, real, real_features, blocks):
    """Outlier scores, float64 [images], of a list of images by a list of real ones."""
    reference = RealImages(np.concatenate(real_features), real.patient, blocks)
    patients = (patients for _, patients in images.groupby("set_number").patient)
    return np.concatenate([*map(reference.score, features, patients)])


def join_features(features, blocks):
    """One array for k-means, in which all blocks have the same weight.

    Args:
      features: of all shard sets.
      blocks: {name: slice} of the features; a network's is taken alone.

    Returns:
      float32 [all images, features of the blocks], in memory. A single block is as it
      was; each of several is divided by its root mean square distance to its mean.
    """
    blocks = [blocks["network"]] if "network" in blocks else list(blocks.values())
    width = sum(block.stop - block.start for block in blocks)
    joined = np.empty([sum(map(len, features)), width], np.float32)
    column = 0
    for block in blocks:
        own = joined[:, column : column + block.stop - block.start]
        np.concatenate([array[:, block] for array in features], out=own)
        if len(blocks) > 1:
            own /= max(np.sqrt(own.var(axis=0, dtype=np.float64).sum()), 1e-6)
        column += own.shape[1]
    return joined


def k_means(features, num_clusters, seed):
    """Divides images into clusters, reproducibly.

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
        # Warns of fewer distinct images than clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means.fit(features)
    used, clusters = np.unique(means.labels_, return_inverse=True)
    centres = means.cluster_centers_[used]
    distances = np.empty(len(features), np.float32)
    for start in range(0, len(features), 4096):
        rows = slice(start, start + 4096)
        offsets = features[rows] - centres[clusters[rows]]
        distances[rows] = np.sqrt((offsets**2).sum(axis=1))
    return clusters.astype(np.int32), distances


def rank(clusters, strangeness):
    """Clusters renumbered by the median strangeness of their images, highest first.

    Both are [images]; no cluster number up to the highest is unused.
    """
    medians = [np.median(strangeness[clusters == n]) for n in range(clusters.max() + 1)]
    order = np.argsort(-np.array(medians), kind="stable")
    return np.argsort(order)[clusters]


def summarise(members):
    """What `clusters.json` says of a cluster of listed images, but for its sheet.

    It is proposed for discarding if most of its images are.
    """
    facts = {
        "size": len(members),
        "labels": members.label.value_counts().sort_index().to_dict(),
        **dict.fromkeys(("suspicion", "num_proposed", "proposal")),
    }
    if members.suspicion.notna().all():
        proposed = int((members.proposal == DISCARD).sum())
        facts["suspicion"] = round(float(np.median(members.suspicion)), 4)
        facts["num_proposed"] = proposed
        facts["proposal"] = DISCARD if 2 * proposed > len(members) else KEEP
    return facts


def write_cluster_sheet(path, shard_sets, members):
    """A PNG of the images nearest to the centre and, below a line, the farthest."""
    members = members.sort_values("distance", kind="stable")
    nearest = members[: COLUMNS * ROWS]
    farthest = members[len(nearest) :][-COLUMNS:][::-1]
    picture = _tiles(shard_sets, nearest)
    if len(farthest):
        line = np.full([GAP, picture.shape[1]], LINE, np.uint8)
        tiles = _tiles(shard_sets, farthest)
        picture = np.concatenate([picture, 0 * line, line, 0 * line, tiles])
    write_png(path, picture[..., None])


def write_reference_sheet(path, shard_sets, real, seed):
    """A PNG of some of the real images, chosen by the seed, in their order."""
    rng = np.random.default_rng(seed)
    count = min(len(real), COLUMNS * (ROWS + 1))
    chosen = np.sort(rng.choice(len(real), count, replace=False))
    write_png(path, _tiles(shard_sets, real.iloc[chosen])[..., None])


def _tiles(shard_sets, images):
    pictures = [
        fit(shard_sets[number].record(position).image, TILE)
        for number, position in zip(images.set_number, images.position)
    ]
    return sheet(pictures, COLUMNS, GAP)
