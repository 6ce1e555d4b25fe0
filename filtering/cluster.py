"""Sorts images into clusters, the strangest first, for a person to discard some.

python -m filtering.cluster --data_dir=pggan/tumor --reference_dir=real/train/tumor
 --output_dir=clusters/tumor

Nothing is discarded here: `filtering.review` asks a person, `filtering.discard` acts.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("filtering.cluster")

import os
import re

import numpy as np

from dataset.errors import UserError
from dataset.folders import claim_folder, release_folder
from dataset.shards import PROJECT_VERSION, ShardSet
from features.extraction import extract
from filtering import clustering
from filtering.clusters import (
    CLUSTERS_FILE,
    DISCARD,
    KEEP,
    Clusters,
    describe_sets,
    write_clusters,
)

FEATURES = re.compile(r"features-\w+-\d+\.npy(\.part)?")
REFERENCE_SHEET = "reference.png"
OWN = re.compile(
    rf"clusters\.(csv|json)|(reference|cluster-\d+)\.png|{FEATURES.pattern}"
)


def cluster(*, output_dir, overwrite, **settings):
    """Writes clusters and contact sheets; the arguments are the flags by name."""
    data = [ShardSet(directory) for directory in settings["data_dir"]]
    real = [ShardSet(directory) for directory in settings["reference_dir"]]
    images = clustering.list_images(data)
    check_data(data, images, settings["num_clusters"])
    check_reference(real, data)
    names = ("backbone", "weights", "feature_size", "seed")
    extractor, facts = clustering.choose_extractor(*(settings[n] for n in names))
    print(f"Features: {facts['description']}.", flush=True)
    job = {
        "project_version": PROJECT_VERSION,
        "binary": "filtering.cluster",
        "settings": settings,
        "inputs": {shards.directory: shards.digest for shards in [*data, *real]},
        "features": facts,
    }
    finished = claim_folder(
        output_dir, job, final=CLUSTERS_FILE, is_own=OWN.fullmatch, overwrite=overwrite
    )
    if not finished:
        results = sort_images(images, data, real, extractor, output_dir, settings)
        write_clusters(output_dir, images, {**job, **results})
        for name in filter(FEATURES.fullmatch, os.listdir(output_dir)):
            os.remove(os.path.join(output_dir, name))
        release_folder(output_dir)
    print(summary(Clusters(output_dir)))


def check_data(data, images, num_clusters):
    """Raises `UserError` if the images cannot be clustered together."""
    sizes = {shards.image_size: shards.directory for shards in data}
    if len(sizes) > 1:
        listed = ", ".join(f"{path} {size} px" for size, path in sizes.items())
        raise UserError(f"--data_dir: {listed}; expected one size.")
    if num_clusters > len(images):
        raise UserError(
            f"--num_clusters={num_clusters}: --data_dir has {len(images)} images;"
            " expected no more clusters than images."
        )
    if not images.id.is_unique:
        repeated = images.id[images.id.duplicated()].iloc[0]
        raise UserError(f"--data_dir: several images have the id {repeated}.")


def check_reference(real, data):
    """Raises `UserError` if the images cannot be compared with those real ones."""
    size = data[0].image_size
    for shards in real:
        if shards.image_size > size:
            raise UserError(
                f"--reference_dir: {shards.directory} has {shards.image_size} px,"
                f" expected at most the {size} px of --data_dir (smaller images are"
                " zero-padded)."
            )
        if shards.digest in {other.digest for other in data}:
            raise UserError(
                f"--reference_dir: {shards.directory} is in --data_dir as well;"
                " expected other, real images."
            )


def sort_images(images, data, real, extractor, output_dir, settings):
    """Adds the columns of `clusters.csv` to a list of images; writes contact sheets.

    Args:
      images: list of the images, see `clustering`.
      data, real: their `ShardSet`s, and those of real images, perhaps none.
      extractor: of the features, which stay in `output_dir` as `features-*.npy`.
      output_dir: the folder.
      settings: the flags by name.

    Returns:
      A dict: the results for `clusters.json`.
    """
    seed = settings["seed"]
    features = extract_sets(data, extractor, output_dir, "data", data[0].image_size)
    images["suspicion"], images["proposal"], reference = np.nan, "", None
    if real:
        listed = clustering.list_images(real)
        others = extract_sets(real, extractor, output_dir, "real", data[0].image_size)
        images["suspicion"] = clustering.score_outliers(
            images, features, listed, others, extractor.blocks
        )
        is_outlier = images.suspicion > settings["max_suspicion"]
        images["proposal"] = np.where(is_outlier, DISCARD, KEEP)
        reference = write_reference(real, listed, output_dir, seed)
    joined = clustering.join_features(features, extractor.blocks)
    clusters, distances = clustering.k_means(joined, settings["num_clusters"], seed)
    strangeness = images.suspicion.to_numpy() if real else distances
    images["cluster"] = clustering.rank(clusters, strangeness)
    images["distance"] = distances
    return {
        "sets": describe_sets(data, output_dir),
        "num_images": len(images),
        "num_proposed": int((images.proposal == DISCARD).sum()) if real else None,
        "reference": reference,
        "clusters": write_sheets(images, data, output_dir),
    }


def extract_sets(shard_sets, extractor, output_dir, name, image_size):
    """Features of each set, mapped from `features-<name>-<number>.npy`."""
    prefix = os.path.join(output_dir, f"features-{name}")
    return [
        extract(shards, extractor, f"{prefix}-{number}.npy", image_size=image_size)
        for number, shards in enumerate(shard_sets)
    ]


def write_reference(real, images, output_dir, seed):
    """Writes the sheet of real images; returns what `clusters.json` says of them."""
    path = os.path.join(output_dir, REFERENCE_SHEET)
    clustering.write_reference_sheet(path, real, images, seed)
    return {
        "sets": describe_sets(real, output_dir),
        "num_images": len(images),
        "num_patients": len({*images.patient} - {""}),
        "sheet": REFERENCE_SHEET,
    }


def write_sheets(images, data, output_dir):
    """Writes the clusters' sheets; returns what `clusters.json` says of clusters."""
    clusters = []
    for number, members in images.groupby("cluster"):
        name = f"cluster-{number:03d}.png"
        path = os.path.join(output_dir, name)
        clustering.write_cluster_sheet(path, data, members)
        clusters.append({**clustering.summarise(members), "sheet": name})
    return clusters


def summary(clusters):
    """What was found, in a few lines."""
    content, listed = clusters.content, clusters.clusters
    count, proposed = content["num_images"], content["num_proposed"]
    text = (
        f"{clusters.directory}: {count} images in {len(listed)} clusters, the strangest"
        f" first; look at {os.path.join(clusters.directory, 'cluster-*.png')}.\n"
    )
    if proposed is None:
        return text + "Without --reference_dir nothing is proposed."
    mostly = sum(entry["proposal"] == DISCARD for entry in listed)
    text += (
        f"Proposed for discarding, not discarded: {proposed} images"
        f" ({proposed / count:.1%}); {mostly} clusters consist mostly of these."
    )
    if 2 * proposed > count:
        text += (
            "\nThat is more than half: either they are far from real, or"
            " --reference_dir is of another sequence, orientation or intensity scale."
        )
    return text


def main(settings):
    cluster(**settings)
