"""Clusters of artificial images, written as `filtering.cluster` writes them."""

import os

import cv2
import numpy as np

from dataset.shards import Record, ShardSet, write_shard_set
from filtering.clusters import ClusteredImage, write_clusters
from pages import pictures

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def write(folder, draw, num_clusters, per_cluster, size, sheet=(6, 2, 128)):
    """Writes a shard set and its clusters; every third cluster is strange.

    Args:
      folder: a path; gets `images` and `clusters`.
      draw: draw(random generator, is strange, size) gives a uint8 [size, size] image.
      num_clusters, per_cluster, size: numbers of clusters, images in each, and pixels.
      sheet: columns, rows and size of tiles of the contact sheets.

    Returns:
      Path of the clusters' folder.
    """
    count = num_clusters * per_cluster
    clusters = [n // per_cluster for n in range(count)]
    images = [
        draw(np.random.default_rng(n), cluster % 3 == 0, size)
        for n, cluster in enumerate(clusters)
    ]
    ids = [f"pggan/{HOSTILE if n == 0 else 'run'}/{n:07d}" for n in range(count)]
    write_shard_set(
        os.path.join(folder, "images"),
        lambda start, stop: (Record(images[n], 1, ids[n]) for n in range(start, stop)),
        count,
        binary="tests",
        settings={},
    )
    shard_set = ShardSet(os.path.join(folder, "images"))
    output = os.path.join(folder, "clusters")
    os.makedirs(output)
    columns, rows, tile = sheet

    def write_sheet(name, members):
        members = members[: columns * rows]
        picture = pictures.sheet(members, columns, rows, tile)
        cv2.imwrite(os.path.join(output, name), picture)

    rows_of_table = [
        ClusteredImage(
            set_number=0,
            position=n,
            id=ids[n],
            label=1,
            cluster=cluster,
            distance=1 + n % per_cluster / 10,
            suspicion=3 - cluster / num_clusters + n % per_cluster / 100,
            proposal="discard" if cluster % 3 == 0 else "keep",
        )
        for n, cluster in enumerate(clusters)
    ]
    listed = []
    for cluster in range(num_clusters):
        first = cluster * per_cluster
        name = f"cluster-{cluster:03d}.png"
        write_sheet(name, images[first : first + per_cluster])
        listed.append(
            {
                "size": per_cluster,
                "labels": {"tumor": per_cluster},
                "suspicion": 3 - cluster / num_clusters,
                "num_proposed": per_cluster if cluster % 3 == 0 else 0,
                "proposal": "discard" if cluster % 3 == 0 else "keep",
                "sheet": name,
            }
        )
    real = [draw(np.random.default_rng([9, n]), False, size) for n in range(18)]
    write_sheet("reference.png", real)
    facts = {
        "directory": shard_set.directory,
        "digest": shard_set.digest,
        "num_images": count,
        "image_size": size,
    }
    reference = {"num_images": len(real), "sheet": "reference.png"}
    content = {"sets": [facts], "reference": reference, "clusters": listed}
    write_clusters(output, rows_of_table, content)
    return output
