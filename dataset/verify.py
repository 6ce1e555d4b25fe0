"""Verifies shard sets: what they hold, and that no patient is in two parts.

python -m dataset.verify --data_dirs=real

Or a whole experiment: that nothing has learned from patients that it is tested on.

python -m dataset.verify --experiment_dir=experiment
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.verify")

import os
import sys

import tensorflow as tf
import tqdm

from dataset.audit import Audit, refinement_faults
from dataset.errors import UserError
from dataset.leaks import LeakCheck
from dataset.shards import MANIFEST, ShardSet, has_manifest
from dataset.splits import PARTS

MAX_SHOWN = 20
# Share of a refined set that may be exact copies: nearly empty slices can be refined to
# the same image. A larger share means that the refiner has collapsed.
COPIES_OF_REFINED = 0.01


def verify(*, data_dirs, refined_from, experiment_dir=None, run_dirs=()):
    """Verifies shard sets or an experiment; arguments as the flags say.

    Raises:
      UserError: something is wrong; the faults are printed before.
    """
    if bool(data_dirs) == bool(experiment_dir):
        raise UserError("expected either --data_dirs or --experiment_dir.")
    if data_dirs:
        verify_sets(data_dirs, refined_from)
    else:
        verify_experiment(experiment_dir, run_dirs)


def verify_experiment(experiment_dir, run_dirs):
    """Proves that runs have not learned from patients that they are tested on."""
    check = LeakCheck(experiment_dir)
    run_dirs = run_dirs or check.find_runs()
    if not run_dirs:
        raise UserError(
            f"--experiment_dir={experiment_dir}: no predictions.csv in it; expected the"
            " --output_dir of workflow.run."
        )
    check.check(run_dirs)
    print(*check.describe(), sep="\n")
    if check.faults:
        raise UserError(f"faults: {len(check.faults)}; {show(check.faults)} above.")
    print(
        f"{len(run_dirs)} detectors and all that they come from have learned from no"
        " patient that they are tested on."
    )


def verify_sets(data_dirs, refined_from):
    """Verifies all shard sets below `data_dirs`."""
    parts = {part: find_sets(part) for part in divide_folders(data_dirs)}
    sets = [shard_set for found in parts.values() for shard_set in found]
    if refined_from and len(sets) != 1:
        raise UserError(
            f"--refined_from={refined_from}: expected one shard set in --data_dirs,"
            f" it has {len(sets)}."
        )
    audit = Audit()
    total = sum(map(len, sets))
    with tqdm.tqdm(total=total, desc="dataset.verify", unit="img") as progress:
        for part, found in parts.items():
            for shard_set in found:
                audit.check_set(part, shard_set, progress.update)
    faults, copies = audit.faults, audit.copies
    if refined_from and len(copies) <= COPIES_OF_REFINED * total:
        if copies:
            print(f"Note: {len(copies)} of {total} images equal others, {copies[0]}")
    else:
        faults = faults + copies
    if refined_from and not faults:
        faults = refinement_faults(sets[0], ShardSet(refined_from))
    if faults:
        raise UserError(
            f"{len(faults)} faults in {total} images; {show(faults)} are above."
        )
    for part, found in parts.items():
        images = sum(map(len, found))
        print(f"{part}: {len(found)} shard sets with {images} images are in order.")


def show(faults):
    """Prints the first faults; which these are, in words."""
    print(*faults[:MAX_SHOWN], sep="\n", file=sys.stderr)
    return f"the first {MAX_SHOWN}" if len(faults) > MAX_SHOWN else "all"


def divide_folders(data_dirs):
    """The folders given, those with train, validation and test as these."""
    for folder in data_dirs:
        inner = []
        if not has_manifest(folder):
            inner = [os.path.join(folder, part) for part in PARTS]
        yield from [path for path in inner if tf.io.gfile.isdir(path)] or [folder]


def find_sets(folder):
    """The `ShardSet`s of a folder: itself, or all below it.

    Raises:
      UserError: there are none, or one is unfinished.
    """
    if has_manifest(folder):
        return [ShardSet(folder)]
    if not tf.io.gfile.isdir(folder):
        raise UserError(f"--data_dirs: {folder}: no such folder.")
    below = [
        path
        for path, _, names in tf.io.gfile.walk(folder)
        if MANIFEST in names or any(name.startswith("shard-") for name in names)
    ]
    if not below:
        raise UserError(f"--data_dirs: {folder}: no {MANIFEST} in it or below it.")
    return [ShardSet(path) for path in sorted(below)]


def main(settings):
    verify(**settings)
