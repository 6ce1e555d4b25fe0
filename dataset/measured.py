"""What `evaluation.quality` has found out about shard sets, read off its JSON files."""

import os
import statistics

from dataset.errors import UserError
from dataset.folders import read_json

QUALITY, MEMORISATION = "quality.json", "memorisation.json"


def read_measured(path, digests, trained_on, noted=frozenset()):
    """Reads how good images are, and how near to training images.

    Args:
      path: `quality.json` or its folder; `memorisation.json` may lie beside it.
      digests: of the sets that are asked about.
      trained_on: digests of the real sets that they come from, as far as known.
      noted: digests of sets that are gone, as trainings note them, real ones among
        them.

    Returns:
      Two dicts, the second None where memorisation was not measured.

    Raises:
      UserError: a file is missing, damaged, about other sets, or memorisation was
        sought among other images than those trained on.
    """
    flag = f"--quality={path}"
    path = os.path.join(path, QUALITY) if os.path.isdir(path) else path
    beside = os.path.join(os.path.dirname(path), MEMORISATION)
    if not os.path.exists(path):
        raise UserError(
            f"{flag}: no {path}; expected the file {QUALITY} that evaluation.quality"
            " writes, or its folder."
        )
    try:
        quality = _quality(read_json(path), digests, flag)
        path = beside
        if not os.path.exists(beside):
            return quality, None
        content = read_json(beside)
        return quality, _memorisation(content, digests, trained_on, noted, flag)
    except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
        raise UserError(
            f"{path}: not as evaluation.quality writes it: {error!r}."
        ) from error


def _measured_rows(content):
    """{name of a row: set of digests of its sets}."""
    rows = {}
    for row in content["settings"]["synthetic_dirs"]:
        name, _, folders = row.partition("=")
        own = {content["inputs"][folder] for folder in folders.split(",")}
        rows[name] = rows.get(name, set()) | own
    return rows


def _row_of(content, digests, flag):
    """The row that all sets are in, and how many others are in it."""
    rows = _measured_rows(content)
    for name, own in rows.items():
        if own >= set(digests):
            return name, len(own - set(digests))
    raise UserError(
        f"{flag}: none of its rows, {', '.join(rows)}, is of all sets of --data_dirs,"
        " by the digests of their manifests; expected one that is."
    )


def _quality(content, digests, flag):
    name, others = _row_of(content, digests, flag)
    synthetic = _measured_rows(content).keys()
    rows = {row["name"]: _summary(row["values"]) for row in content["rows"]}
    return {
        "values": rows[name],
        "floors": {row: rows[row] for row in rows if row not in synthetic},
        "other_sets": others,
        "num_splits": content["settings"]["num_splits"],
        "images_per_comparison": content["images_per_comparison"],
        "image_size": content["image_size"],
        "features": content["features"] and _features(content),
    }


def _features(content):
    """What FID and the like are measured on, without the path of a file of weights."""
    features, weights = content["features"], content["settings"]["weights"]
    digest = features.get("weights_sha256")
    if not digest:
        return features["description"]
    return features["description"].replace(weights, f"a file of SHA-256 {digest}")


def _summary(values):
    """By column, the mean over splits and their standard deviation, if several."""
    return {
        column: {
            "mean": statistics.fmean(own),
            "sd": statistics.stdev(own) if len(own) > 1 else None,
        }
        for column, own in values.items()
    }


def _memorisation(content, digests, trained_on, noted, flag):
    name, others = _row_of(content, digests, flag)
    searched = {content["inputs"][path] for path in content["settings"]["real_dirs"]}
    if missing := set(trained_on) - searched:
        raise UserError(
            f"{flag}: {MEMORISATION} was not sought among all real images that these"
            f" come from: {len(missing)} of {len(trained_on)} sets are missing in its"
            f" --real_dirs, of digest {min(missing)} for one; run evaluation.quality"
            " with them."
        )
    if noted and not set(noted) & searched:
        raise UserError(
            f"{flag}: {MEMORISATION} was sought in none of the {len(noted)} sets that"
            f" trainings note and that are gone, of digest {min(noted)} for one;"
            " expected the real ones of them among its --real_dirs."
        )
    row = content["sets"][name]
    unseen = next(own for own in content["sets"].values() if own["verdict"] is None)
    return {
        **row,
        "unseen_patients": {k: v for k, v in unseen.items() if k != "verdict"},
        # The rule of evaluation.memorisation, in numbers.
        "is_near": bool(row["copies"]) or row["low"] > unseen["high"],
        "other_sets": others,
        "training_images": content["training_images"],
        "limits": content["limits"],
    }
