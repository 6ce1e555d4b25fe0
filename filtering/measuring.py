"""What images are compared by: a network's features, and descriptors made by hand."""

import numpy as np

from features.extraction import DESCRIPTORS, JoinedFeatures, build_extractor, extract
from filtering.suspicion import RealImages

NETWORK = "densenet169"  # Han et al. (2019).


def choose_features(backbone, weights, feature_size, seed):
    """The extractor that the flags of these names ask for.

    A network has the descriptors at its side, for suspicion: they see what it was never
    taught to see, such as halves that are copies. `auto` is DenseNet-169, or the
    descriptors alone where there are no weights for it: random ones tell little.

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


def cluster_blocks(extractor):
    """The slices of the features that clusters are made by: the network's, if any."""
    network = extractor.blocks.get("network")
    return [network] if network else list(extractor.blocks.values())


def measure(images, extractor, prefix, image_size):
    """Features of each set of an `ImageSets`, mapped from `<prefix>-<number>.npy`."""
    return [
        extract(shards, extractor, f"{prefix}-{number}.npy", image_size=image_size)
        for number, shards in enumerate(images.sets)
    ]


def measure_suspicion(data, data_features, real, real_features, blocks):
    """Suspicion of all images of an `ImageSets`, float64 [images].

    Args:
      data, real: `ImageSets`.
      data_features, real_features: what `measure` returns for them.
      blocks: of the extractor.
    """
    reference = RealImages(np.concatenate(real_features), real.patients, blocks)
    ends = np.cumsum([0, *map(len, data_features)])
    parts = [
        reference.suspicion(features, data.patients[start:stop])
        for features, start, stop in zip(data_features, ends, ends[1:])
    ]
    return np.concatenate(parts)
