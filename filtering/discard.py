"""Writes a shard set without the images that a person, or the proposal, discarded.

python -m filtering.discard --data_dir=pggan/tumor --clusters_dir=clusters/tumor
 --decisions=decisions.jsonl --output_dir=filtered/tumor
"""

import os

import tqdm

from dataset.shards import Record, ShardSet, UserError, parse, write_shard_set
from filtering.clusters import Clusters
from filtering.decisions import KEEP, read_decisions
from filtering.figure import write_figure
from flags import binary
from flags import filtering as filtering_flags

PROPOSAL = "proposal"
FIGURE = "kept_and_discarded.png"


def discard(
    *, data_dir, clusters_dir, decisions, output_dir, undecided, seed, **writing
):
    """Writes the shard set and a figure; the arguments are the flags of these names."""
    data = ShardSet(data_dir)
    clusters = Clusters(clusters_dir)
    images = images_of_set(clusters, data)
    verdicts, digest = judge(images, clusters, decisions)
    kept = positions_to_keep(images, verdicts, undecided)
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
        lambda start, stop: (read_record(data, place) for place in kept[start:stop]),
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
    print(f"{summary(data, shard_set)}\n{output_dir}: look at {figure}.")


def images_of_set(clusters, data):
    """The `ClusteredImage`s of one of the clustered sets, in its order.

    Raises:
      UserError: it is none of them.
    """
    digests = [entry["digest"] for entry in clusters.sets]
    if data.digest not in digests:
        listed = ", ".join(entry["directory"] for entry in clusters.sets)
        raise UserError(
            f"--data_dir={data.directory}: not a set that {clusters.directory} has the"
            f" clusters of, or changed since; those are {listed}."
        )
    number = digests.index(data.digest)
    return [image for image in clusters.images() if image.set_number == number]


def judge(images, clusters, decisions):
    """What becomes of each image.

    Args:
      images: `ClusteredImage`s.
      clusters: their `Clusters`.
      decisions: `proposal`, or the path of a decisions file about these clusters.

    Returns:
      A list of `keep`, `discard` or None (undecided), and the digest of the file that
      says so.

    Raises:
      UserError: there is no proposal, or the file is not about these clusters.
    """
    if decisions == PROPOSAL:
        if not clusters.content["reference"]:
            raise UserError(
                f"--decisions=proposal: {clusters.directory} has none, made without"
                " --reference_dir; give that to filtering.cluster."
            )
        return [image.proposal for image in images], clusters.digest
    made = read_decisions(decisions, "clusters", clusters.digest)
    return [made.of_image(image.id, image.cluster) for image in images], made.digest


def positions_to_keep(images, verdicts, undecided):
    """Positions in the set of the images that stay, in order.

    Raises:
      UserError: images are undecided and `undecided` is `refuse`, or none stays.
    """
    undecided_in = {i.cluster for i, verdict in zip(images, verdicts) if not verdict}
    if undecided_in and undecided == "refuse":
        first = ", ".join(map(str, sorted(undecided_in)[:10]))
        raise UserError(
            f"--decisions: {verdicts.count(None)} of {len(images)} images are not"
            f" decided, in {len(undecided_in)} clusters (the first: {first}); decide"
            " them in filtering.review, or say --undecided=keep or discard."
        )
    kept = [
        image.position
        for image, verdict in zip(images, verdicts)
        if (verdict or undecided) == KEEP
    ]
    if not kept:
        raise UserError("--decisions: every image is discarded; nothing is written.")
    return kept


def read_record(shard_set, position):
    """The `Record` at a position (0-based) of a set."""
    example = {
        key: value.numpy()
        for key, value in parse(shard_set.serialized(position)).items()
    }
    return Record(
        image=example["image"][..., 0],
        label=int(example["label"]),
        id=example["id"].decode(),
        patient=example["patient"].decode(),
    )


def summary(before, after):
    """Number of images before and after, by label, as a table of text."""
    lines = [f"{'':12}{'before':>9}{'kept':>9}{'discarded':>11}"]
    counts = {**before.label_counts, "all": len(before)}
    kept = {**after.label_counts, "all": len(after)}
    for name, count in counts.items():
        if count:
            share = 1 - kept[name] / count
            lines.append(f"{name:12}{count:9}{kept[name]:9}{share:11.1%}")
    return "\n".join(lines)


def main(settings):
    discard(**settings)


def run():
    binary.run(main, filtering_flags.define_discard, UserError, writes_shard_set=True)


if __name__ == "__main__":
    run()
