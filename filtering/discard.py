"""Writes a shard set without the images that a person, or the proposal, discarded.

python -m filtering.discard --data_dir=pggan/tumor --clusters_dir=clusters/tumor
 --decisions=decisions.jsonl --output_dir=filtered/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("filtering.discard", writes_shard_set=True)

import io
import os

import numpy as np
import pandas as pd
import tqdm
from matplotlib.figure import Figure

from dataset.errors import UserError
from dataset.folders import write_bytes
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from filtering.clusters import KEEP, Clusters
from filtering.decisions import read_decisions

FIGURE, COLUMNS, ROWS = "kept_and_discarded.png", 4, 3


def discard(
    *, data_dir, clusters_dir, decisions, output_dir, undecided, seed, **writing
):
    """Writes the shard set and a figure; the arguments are the flags by name."""
    data = ShardSet(data_dir)
    clusters = Clusters(clusters_dir)
    images = images_of_set(clusters, data)
    images["decision"], digest = read_verdicts(images, clusters, decisions)
    kept = positions_to_keep(images, undecided)
    settings = {
        "data_dir": data_dir,
        "decisions": decisions,
        "decisions_sha256": digest,
        "clusters_sha256": clusters.digest,
        "undecided": undecided,
        "seed": seed,
    }
    shard_set = write_shard_set(
        output_dir,
        lambda start, stop: (data.record(n) for n in kept[start:stop]),
        len(kept),
        binary="filtering.discard",
        settings=settings,
        inputs=[data],
        progress=lambda records: tqdm.tqdm(
            records, total=len(kept), desc="filtering.discard", unit="img"
        ),
        **writing,
    )
    figure = os.path.join(output_dir, FIGURE)
    write_figure(figure, data, kept, seed)
    print(summary(data, shard_set))
    kept = f"{len(shard_set):,} of {len(data):,} images kept"
    print(f"{output_dir}: {kept}; look at {figure}.")


def images_of_set(clusters, data):
    """The rows of `Clusters.images` that are of one of the sets, in its order.

    Raises:
      UserError: it is none of the clustered sets.
    """
    digests = [entry["digest"] for entry in clusters.sets]
    if data.digest not in digests:
        listed = ", ".join(clusters.set_names(n)[-1] for n in range(len(digests)))
        raise UserError(
            f"--data_dir={data.directory}: none of the sets clustered in --clusters_dir"
            f"={clusters.directory} ({listed}), or changed since."
        )
    images = clusters.images()
    return images[images.set_number == digests.index(data.digest)].copy()


def read_verdicts(images, clusters, decisions):
    """`keep`, `discard` or None (undecided) for images, and the digest of the source.

    Args:
      images: rows of `Clusters.images`.
      clusters: the `Clusters`.
      decisions: `proposal`, or the path of a decisions file about these clusters.

    Raises:
      UserError: there is no proposal, or the file is not about these clusters.
    """
    if decisions == "proposal":
        if not clusters.content["reference"]:
            raise UserError(
                f"--decisions=proposal: --clusters_dir={clusters.directory} has no"
                " proposal; run filtering.cluster with --reference_dir."
            )
        return list(images.proposal), clusters.digest
    made, digest = read_decisions(decisions, "clusters", clusters.digest)
    return [*map(made.of_image, images.id, images.cluster)], digest


def positions_to_keep(images, undecided):
    """Positions in the set of the images to keep, in order.

    Raises:
      UserError: images are undecided and `undecided` is `refuse`, or none is kept.
    """
    open_clusters = images.cluster[images.decision.isna()]
    if len(open_clusters) and undecided == "refuse":
        numbers = sorted(open_clusters.unique())
        raise UserError(
            f"--decisions: {len(open_clusters)} of {len(images)} images are undecided,"
            f" in {len(numbers)} clusters (first: {', '.join(map(str, numbers[:10]))});"
            " decide in filtering.review, or give --undecided=keep or discard."
        )
    kept = images.position[images.decision.fillna(undecided) == KEEP].tolist()
    if not kept:
        raise UserError("--decisions: every image is discarded; nothing is written.")
    return kept


def summary(before, after):
    """Number of images before and after, by label, as a table of text."""
    counts = {
        "before": {**before.label_counts, "all": len(before)},
        "kept": {**after.label_counts, "all": len(after)},
    }
    table = pd.DataFrame(counts).query("before > 0")
    discarded = (1 - table.kept / table.before).map("{:.1%}".format)
    return table.assign(discarded=discarded).to_string(col_space=8)


def write_figure(path, shard_set, kept, seed):
    """Draws kept and discarded images, as figure 5 of Han et al. (2019).

    Args:
      path: of the PNG file.
      shard_set: the `ShardSet` before discarding.
      kept: positions in it of the images that are kept.
      seed: of the random choice of images.
    """
    discarded = np.setdiff1d(np.arange(len(shard_set)), kept)
    panels = {"(a) kept": np.asarray(kept), "(b) discarded": discarded}
    rng = np.random.default_rng(seed)
    figure = Figure(figsize=(10, 3.9), dpi=150, layout="constrained")
    halves = figure.subfigures(1, 2, wspace=0.04)
    for half, (title, positions) in zip(halves, panels.items()):
        half.suptitle(f"{title}: {len(positions)} images", y=-0.01, va="top")
        count = min(ROWS * COLUMNS, len(positions))
        chosen = np.sort(rng.choice(positions, count, replace=False))
        for number, axes in enumerate(half.subplots(ROWS, COLUMNS).flat):
            axes.set(xticks=[], yticks=[])
            axes.set_visible(number < count)
            if number < count:
                image = shard_set.record(int(chosen[number])).image
                axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    write_bytes(path, content.getvalue())


def main(settings):
    discard(**settings)
