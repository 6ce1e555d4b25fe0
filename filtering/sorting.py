"""Images to clusters in order of suspicion, with their contact sheets."""

import os

import numpy as np

from filtering import sheets
from filtering.clusters import ClusteredImage
from filtering.decisions import DISCARD
from filtering.groups import comparable_features, group
from filtering.measuring import cluster_blocks, measure, measure_suspicion
from filtering.ranking import propose, ranked, summaries

REFERENCE_SHEET = "reference.png"


def sort_images(
    data, real, extractor, output_dir, *, num_clusters, max_suspicion, seed
):
    """Clusters images and writes the contact sheets.

    Args:
      data: `ImageSets`.
      real: `ImageSets` to measure suspicion by, or None.
      extractor: of the features, which stay in `output_dir` as `features-*.npy`.
      output_dir: the folder.
      num_clusters, max_suspicion, seed: as the flags.

    Returns:
      The `ClusteredImage`s, and a dict: what `clusters.json` says of results.
    """
    size = data.sets[0].image_size
    prefix = os.path.join(output_dir, "features")
    features = measure(data, extractor, f"{prefix}-data", size)
    suspicion = proposals = None
    if real:
        real_features = measure(real, extractor, f"{prefix}-real", size)
        suspicion = measure_suspicion(
            data, features, real, real_features, extractor.blocks
        )
        proposals = propose(suspicion, max_suspicion)
    comparable = comparable_features(features, cluster_blocks(extractor))
    clusters, distances = group(comparable, num_clusters, seed)
    clusters = ranked(clusters, distances if suspicion is None else suspicion)
    listed = summaries(clusters, data.labels, suspicion, proposals)
    for number, cluster in enumerate(listed):
        cluster["sheet"] = f"cluster-{number:03d}.png"
        members = np.flatnonzero(clusters == number)
        path = os.path.join(output_dir, cluster["sheet"])
        sheets.write_cluster_sheet(path, data.read, members, distances[members])
    content = {
        "sets": [_describe(shards) for shards in data.sets],
        "num_images": len(data),
        "num_proposed": None if real is None else int((proposals == DISCARD).sum()),
        "reference": real and _write_reference(real, output_dir, seed),
        "clusters": listed,
    }
    return clustered_images(data, clusters, distances, suspicion, proposals), content


def clustered_images(data, clusters, distances, suspicion, proposals):
    """The rows of `clusters.csv`; numbers have as many digits as mean something."""
    return [
        ClusteredImage(
            *data.place(n),
            id=data.ids[n],
            label=int(data.labels[n]),
            cluster=int(clusters[n]),
            distance=float(f"{distances[n]:.6g}"),
            suspicion=None if suspicion is None else float(f"{suspicion[n]:.6g}"),
            proposal=None if proposals is None else str(proposals[n]),
        )
        for n in range(len(data))
    ]


def _describe(shards):
    return {
        "directory": shards.directory,
        "digest": shards.digest,
        "num_images": len(shards),
        "image_size": shards.image_size,
    }


def _write_reference(real, output_dir, seed):
    path = os.path.join(output_dir, REFERENCE_SHEET)
    sheets.write_reference_sheet(path, real.read, len(real), seed)
    return {
        "sets": [_describe(shards) for shards in real.sets],
        "num_images": len(real),
        "num_patients": len({*real.patients} - {""}),
        "sheet": REFERENCE_SHEET,
    }
