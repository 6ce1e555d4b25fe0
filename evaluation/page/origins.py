"""Flags of everything in an experiment, and digests of what it was made from."""

import os

from dataset.folders import file_sha256, read_json
from training.model_dir import flagfile

DIGITS = 16  # Of a digest; enough to tell files apart.


def cases_are_artificial(experiment):
    """Whether the real images were prepared from what `dataset.phantom` wrote."""
    for report in experiment.prepared("report.json"):
        settings = read_json(experiment.full(report)).get("settings") or {}
        cases = settings.get("brats_dir") or ""
        if os.path.exists(experiment.full(os.path.join(cases, "phantom.json"))):
            return True
    return False


def origins(experiment, result_paths):
    """Flags of everything, and digests of what it was made from.

    Args:
      experiment: `Experiment`.
      result_paths: paths of JSON files of results.

    Returns:
      A list of dicts of texts, `name`, `binary`, `digest` (of the file that says so)
      and `inputs`, and of `flags`, a list. Of several outputs of one program the later
      ones have those flags in which they differ from the first, which `base` names.
    """
    files = [
        *(os.path.join(training.path, "run.json") for training in experiment.trainings),
        *(experiment.full(f"{name}/manifest.json") for name in experiment.shard_sets),
        *map(experiment.full, experiment.files["selection.json"]),
        *result_paths,
    ]
    reports = map(experiment.full, experiment.prepared("report.json"))
    entries, first = [], {}
    for path in [*reports, *files]:
        content = read_json(path)
        binary = content.get("binary", "")
        settings = content.get("settings") or {}
        base = first.setdefault(binary, (path, settings)) if binary else (path, {})
        is_first = base[0] == path
        shown = {
            key: value
            for key, value in settings.items()
            if is_first or base[1].get(key) != value
        }
        words = f"As {os.path.relpath(base[0], experiment.path)}, but "
        entries.append(
            {
                "name": os.path.relpath(path, experiment.path),
                "binary": binary,
                "digest": file_sha256(path)[:DIGITS],
                "base": "" if is_first else words,
                "flags": list(filter(None, flagfile(shown).splitlines())),
                "inputs": as_digests(content.get("inputs") or {}),
            }
        )
    return entries


def as_digests(inputs):
    """Inputs and the beginnings of their digests."""
    texts = []
    for name, digests in inputs.items():
        digests = digests if isinstance(digests, list) else [digests]
        texts.append(f"{name} {' '.join(str(digest)[:DIGITS] for digest in digests)}")
    return "; ".join(texts)
