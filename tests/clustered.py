"""Clusters of artificial images, written as `filtering.cluster` writes them."""

import os

import cv2
import numpy as np
import pandas as pd

from dataset.pictures import fit, sheet
from dataset.records import Record
from dataset.shard_writer import write_shard_set
from filtering.clusters import DISCARD, KEEP, describe_sets, write_clusters

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def write(folder, draw, num_clusters, per_cluster, size):
    """Writes a shard set and its clusters; every third cluster is strange.

    Args:
      folder: a path; gets `images` and `clusters`.
      draw: draw(random generator, is strange, size) gives a uint8 [size, size] image.
      num_clusters, per_cluster, size: numbers of clusters, images in each, and pixels.

    Returns:
      Path of the clusters' folder.
    """
    number = np.arange(num_clusters * per_cluster)
    cluster, rank = number // per_cluster, number % per_cluster
    images = pd.DataFrame(
        {
            "set_number": 0,
            "position": number,
            "id": [f"pggan/{'run' if n else HOSTILE}/{n:07d}" for n in number],
            "label": "tumor",
            "cluster": cluster,
            "distance": 1 + rank / 10,
            "suspicion": 3 - cluster / num_clusters + rank / 100,
            "proposal": np.where(cluster % 3, KEEP, DISCARD),
        }
    )
    pixels = [
        draw(np.random.default_rng(n), proposal == DISCARD, size)
        for n, proposal in enumerate(images.proposal)
    ]
    shard_set = write_shard_set(
        os.path.join(folder, "images"),
        lambda a, b: (Record(pixels[n], 1, images.id[n]) for n in range(a, b)),
        len(images),
        binary="tests",
        settings={},
    )
    output = os.path.join(folder, "clusters")
    os.makedirs(output)

    def write_sheet(name, members):
        picture = sheet([fit(image, 128) for image in members[:12]], columns=6, gap=4)
        cv2.imwrite(os.path.join(output, name), picture)

    listed = []
    for first in range(0, len(images), per_cluster):
        strange = images.proposal[first] == DISCARD
        listed.append(
            {
                "size": per_cluster,
                "labels": {"tumor": per_cluster},
                "suspicion": 3 - len(listed) / num_clusters,
                "num_proposed": per_cluster * int(strange),
                "proposal": images.proposal[first],
                "sheet": f"cluster-{len(listed):03d}.png",
            }
        )
        write_sheet(listed[-1]["sheet"], pixels[first : first + per_cluster])
    real = [draw(np.random.default_rng([9, n]), False, size) for n in range(18)]
    write_sheet("reference.png", real)
    content = {
        "inputs": {shard_set.directory: shard_set.digest},
        "sets": describe_sets([shard_set], output),
        "reference": {"num_images": len(real), "sheet": "reference.png"},
        "clusters": listed,
    }
    write_clusters(output, images, content)
    return output
