"""Sorts images into clusters, the strangest first, for a person to discard some.

python -m filtering.cluster --data_dir=pggan/tumor --reference_dir=real/train/tumor
 --output_dir=clusters/tumor

Nothing is discarded here: `filtering.review` asks a person, `filtering.discard` acts.
"""

import os
import re

from dataset.shards import PROJECT_VERSION, UserError, claim_folder, release_folder
from filtering.clusters import CLUSTERS_FILE, Clusters, write_clusters
from filtering.decisions import DISCARD
from filtering.image_sets import ImageSets, check_data, check_reference
from filtering.measuring import choose_features
from filtering.sorting import sort_images
from flags import binary
from flags import filtering as filtering_flags

FEATURES = r"features-\w+-\d+\.npy(\.part)?"
OWN = re.compile(rf"clusters\.(csv|json)|(reference|cluster-\d+)\.png|{FEATURES}")


def cluster(
    *,
    data_dir,
    reference_dir,
    output_dir,
    backbone,
    weights,
    feature_size,
    seed,
    overwrite,
    **settings,
):
    """Writes clusters and contact sheets; the arguments are the flags by name."""
    data = ImageSets(data_dir)
    check_data(data, settings["num_clusters"])
    real = ImageSets(reference_dir) if reference_dir else None
    if real:
        check_reference(real, data)
    extractor, facts = choose_features(backbone, weights, feature_size, seed)
    print(f"Features: {facts['description']}.", flush=True)
    job = {
        "project_version": PROJECT_VERSION,
        "binary": "filtering.cluster",
        "settings": {
            "data_dir": data_dir,
            "reference_dir": reference_dir,
            "backbone": backbone,
            "weights": weights,
            "feature_size": feature_size,
            "seed": seed,
            **settings,
        },
        "inputs": {
            shards.directory: shards.digest
            for shards in [*data.sets, *(real.sets if real else ())]
        },
        "features": facts,
    }
    finished = claim_folder(
        output_dir, job, final=CLUSTERS_FILE, is_own=OWN.fullmatch, overwrite=overwrite
    )
    if not finished:
        images, results = sort_images(
            data, real, extractor, output_dir, seed=seed, **settings
        )
        write_clusters(output_dir, images, {**job, **results})
        remove_features(output_dir)
        release_folder(output_dir)
    print(summary(Clusters(output_dir)))


def remove_features(folder):
    """Removes what only a stopped run needs to go on."""
    for name in os.listdir(folder):
        if re.fullmatch(FEATURES, name):
            os.remove(os.path.join(folder, name))


def summary(clusters):
    """What was found, in a few lines."""
    content = clusters.content
    sheets = os.path.join(clusters.directory, "cluster-*.png")
    text = (
        f"{clusters.directory}: {content['num_images']} images in"
        f" {len(clusters.clusters)} clusters, the strangest first; look at {sheets}."
    )
    if content["num_proposed"] is None:
        return text + "\nWithout --reference_dir nothing is proposed."
    share = content["num_proposed"] / content["num_images"]
    whole = sum(entry["proposal"] == DISCARD for entry in clusters.clusters)
    text += (
        f"\nProposed for discarding, not discarded: {content['num_proposed']} images"
        f" ({share:.1%}); {whole} clusters are mostly of these."
    )
    if share > 0.5:
        text += (
            "\nThat is most of them. Either they are far from real, or --reference_dir"
            " is of another kind: another sequence, orientation or intensity scale."
        )
    return text


def main(settings):
    cluster(**settings)


def run():
    binary.run(main, filtering_flags.define_cluster, UserError)


if __name__ == "__main__":
    run()
