"""What shard sets were made from and with, told without a path or a patient's name."""

import os
import pathlib
import re

from dataset.errors import UserError
from dataset.folders import RUN_FLAGS, file_sha256, read_json
from dataset.lineage import CLUSTERS, RUN, VALIDATION, Lineage
from dataset.shards import MANIFEST, ShardSet

SET, TRAINING, CLUSTERING = "set", "training", "clustering"
# Of settings, what may name a person or a place is left out: flags that are paths or
# patterns of names, and all texts but words such as `lsgan`, numbers and digests.
_PLACES = re.compile(r".*_(dirs?|csv|json|pattern|prefix)")
_PLAIN = re.compile(r"[a-z_]*\d{0,2}|-?\d+(\.\d+)?|[0-9a-f]{64}")


def trace(shard_sets):
    """Follows the notes of sets, of trainings and of clusterings back to real images.

    Args:
      shard_sets: list of `ShardSet`s.

    Returns:
      A list of dicts, these sets first, then what they were made from, and so on; each
      has `number` (from 1), `made_from` (numbers), `is_followed` (False where what it
      was made from is not noted or not at hand), `kind`, `sha256` of the file of its
      notes (None where it is gone), `inputs_sha256` of what it notes that it was made
      from or learned from (not what it validated on), `binary`,
      `project_version` and `settings`. Sets also have `num_images`, `image_size`,
      `images_per_label`, `shards` and, where made from no other, the number of their
      `patients`. Second, the set of all patients. Third, by path, for the user alone,
      why something is not followed.

    Raises:
      UserError: notes are damaged.
    """
    lineages = {}
    keys = []
    for shard_set in shard_sets:
        base, path = _place(shard_set)
        lineage = lineages.setdefault(base, Lineage(base))
        try:
            lineage.of_set(path)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(
                f"{shard_set.directory}: notes of what it was made from are damaged,"
                f" in it or further back: {error!r}."
            ) from error
        keys.append((base, path))
    for base, path in keys:  # Grows: the sources of each are followed in turn.
        found = [(base, source) for source in lineages[base].sources.get(path, ())]
        keys += [key for key in dict.fromkeys(found) if key not in keys]
    entries, patients, reasons = [], set(), {}
    for number, (base, path) in enumerate(keys, 1):
        lineage = lineages[base]
        sources = dict.fromkeys(lineage.sources.get(path, ()))
        made_from = [keys.index((base, source)) + 1 for source in sources]
        entry = {"number": number, "made_from": made_from, **_describe(lineage, path)}
        patients |= lineage.of_set(path).keys() if entry["kind"] == SET else set()
        if not entry["is_followed"]:
            reasons[path] = lineage.faults.get(path) or lineage.unknown[path]
        entries.append(entry)
    for entry in entries:
        entry["settings"] = {
            name: value
            for name, value in entry["settings"].items()
            if not patients & {*map(str, value if isinstance(value, list) else [value])}
        }
    return entries, patients, reasons


def _place(shard_set):
    """The folder that a set's notes are relative to, and the set's path from there.

    Programs note paths as they were given: from their working directory, perhaps
    today's, or one above the set.
    """
    directory = shard_set.directory
    if "://" in directory:
        return ".", directory
    settings = shard_set.manifest.get("settings") or {}
    notes = [*(shard_set.manifest.get("inputs") or {}), settings.get("model_dir")]
    above = [str(folder) for folder in pathlib.Path(directory).resolve().parents]
    for base in (*above, "."):  # Another experiment's folders have the same names.
        if any(note and os.path.exists(os.path.join(base, note)) for note in notes):
            return base, os.path.relpath(os.path.realpath(directory), base)
    return ".", os.path.relpath(directory)


def _describe(lineage, path):
    """A set, training or clustering by its notes."""
    full = lineage.full(path)
    is_followed = path not in {*lineage.unknown, *lineage.faults}
    entry = {"kind": TRAINING, "is_followed": is_followed, "sha256": None}
    entry |= _told({})
    if os.path.basename(path) == CLUSTERS:
        notes_path, entry["kind"] = full, CLUSTERING
    elif os.path.exists(os.path.join(full, RUN)):
        notes_path = os.path.join(full, RUN)
    elif "://" in full or os.path.exists(os.path.join(full, MANIFEST)):
        return entry | _describe_set(lineage, path)
    else:
        return entry  # A training whose folder is gone.
    notes = read_json(notes_path)
    return entry | {"sha256": file_sha256(notes_path)} | _told(notes)


def _describe_set(lineage, path):
    shard_set = ShardSet(lineage.full(path))
    entry = {"kind": SET, "sha256": shard_set.digest, **_told(shard_set.manifest)}
    entry |= {
        "num_images": len(shard_set),
        "image_size": shard_set.image_size,
        "images_per_label": shard_set.label_counts,
        "shards": [
            {"num_images": shard["num_images"], "sha256": shard["sha256"]}
            for shard in shard_set.manifest["shards"]
        ],
    }
    if not entry["inputs_sha256"] and not lineage.sources.get(path):
        entry["patients"] = len(lineage.of_set(path))
    return entry


def _told(notes):
    inputs = notes.get("inputs") or {}
    inputs = [own for flag, own in inputs.items() if flag not in VALIDATION]
    lists = [i if isinstance(i, list) else [i] for i in inputs]
    return {
        "binary": notes.get("binary"),
        "project_version": notes.get("project_version"),
        "settings": plain_settings(notes.get("settings") or {}),
        "inputs_sha256": sum(lists, []),
    }


def plain_settings(settings):
    """Settings without those that may name a person or a place, or say nothing."""

    def is_plain(value):
        if isinstance(value, list):
            return all(map(is_plain, value))
        is_text = isinstance(value, str)
        return bool(_PLAIN.fullmatch(value)) if is_text else not isinstance(value, dict)

    return {
        name: value
        for name, value in sorted(settings.items())
        if name not in RUN_FLAGS | {"cases_sha256"}
        and not _PLACES.fullmatch(name)
        and value not in (None, "", [])
        and is_plain(value)
    }
