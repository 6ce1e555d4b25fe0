"""Files that somebody made wrong, on purpose or not: an error for the user, no more.

Of each format, mutations of good files for STRESS_SECONDS (60), read in processes that
can be lost: none may end by a signal or an error that is no `UserError`, take longer
than LONGEST seconds or more than LARGEST bytes. TEST_SEED gives the mutations; number n
of a format is the same again with `STRESS_ONLY=n`.
"""

import collections
import csv
import json
import os
import random
import resource
import shutil
import signal
import time
import traceback

import nibabel
import numpy as np
import pytest
import shard_sets
import SimpleITK as sitk
from image_folder import pattern, write
from mutations import mutated, mutated_json, mutated_png, mutated_text

from dataset.errors import UserError
from dataset.image_files import read_image
from dataset.image_table import read_table
from dataset.records import Record
from dataset.shards import ShardSet
from dataset.volumes import read_volume
from evaluation.predictions import read_predictions
from evaluation.turing_table import read_tests
from filtering.clusters import CLUSTERS_VERSION, Clusters
from filtering.decisions import make_header, read_decisions
from pages.journal import Journal
from training.checkpoints import read_run

pytestmark = pytest.mark.stress

SEED = os.environ["TEST_SEED"]
SECONDS = float(os.environ.get("STRESS_SECONDS", 60))
ONLY = os.environ.get("STRESS_ONLY")
LONGEST, LARGEST = 30, 2 * 2**30
AT_ONCE = 25  # Files that one process reads.

Format = collections.namedtuple("Format", "name write mutate read")


def write_volume(path):
    """A small head in a frame, as the reader expects a volume."""
    voxels = np.zeros([40, 40, 30], np.int16)
    voxels[10:30, 10:30, 5:21] = np.random.default_rng(0).integers(
        50, 900, [20, 20, 16]
    )
    if ".nii" in path.name:
        image = nibabel.Nifti1Image(voxels, np.diag([-6.0, -6.0, 6.0, 1.0]))
        image.set_sform(image.affine, 1)
        image.set_qform(image.affine, 1)
        image.header.set_xyzt_units("mm", "sec")
        nibabel.save(image, path)
        return
    image = sitk.GetImageFromArray(voxels.T)
    image.SetSpacing([6.0, 6.0, 6.0])
    sitk.WriteImage(image, str(path), useCompression=path.stem == "packed")


def write_image(path):
    image = pattern(1, top=900) if path.stem == "deep" else pattern(1)
    write(path, image.astype(np.uint16) if path.stem == "deep" else image)


def write_table(path):
    rows = [[f"a/{n}.png", n % 2, f"p{n // 2}", f"i{n}"] for n in range(6)]
    write_rows(path, [["file", "label", "patient", "id"], *rows])


def write_predictions(path):
    rows = [[f"i{n}", f"p{n // 2}", n % 2, n / 10] for n in range(8)]
    write_rows(path, [["id", "patient", "label", "probability"], *rows])


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_decisions(path):
    journal = Journal(path)
    journal.append(make_header("clusters", "0" * 64))
    for number in range(4):
        decision = {"scope": "cluster", "key": str(number), "decision": "keep"}
        journal.append({**decision, "reviewer": "a"})
    journal.close()


def write_manifest(path):
    images = np.random.default_rng(0).integers(0, 256, [6, 8, 8], np.uint8)
    records = [Record(x, n % 2, f"i{n}", f"p{n}") for n, x in enumerate(images)]
    settings = {"seed": 1, "image_size": 8}
    shard_sets.write(path.parent, records, images_per_shard=3, settings=settings)


def read_set(path):
    shard_set = ShardSet(path.parent)
    list(shard_set.records())
    shard_set.serialized(0)
    shard_set.origins()
    return shard_set.label_counts


def write_run(path):
    settings = {"model_dir": "model", "seed": 0, "batch_size": 4}
    content = {"binary": "unit.train", "settings": settings, "inputs": {}, "facts": {}}
    path.write_text(json.dumps(content))


def write_clusters(path):
    cluster = {"size": 2, "suspicion": 1.0, "proposal": "keep", "labels": {"tumor": 2}}
    cluster["sheet"] = "cluster-000.png"
    content = {"clusters_version": CLUSTERS_VERSION, "clusters": [cluster]}
    content |= {"sets": [{"directory": "x", "digest": "0" * 64}], "reference": None}
    path.write_text(json.dumps({**content, "images": {"sha256": "0" * 64}}))


def write_answers(path):
    images = [{"source": "real", "label": n % 2, "id": f"i{n}"} for n in range(4)]
    path.with_name("test.json").write_text(json.dumps({"images": images}))
    answers = [
        {"reader": "a", "image": n, "real": True, "tumor": False, "seconds": 1.5}
        for n in range(4)
    ]
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))


FORMATS = [
    *(
        Format(name, write_volume, mutate, read_volume)
        for name, mutate in (
            ("head.nii", mutated),
            ("head.nii.gz", mutated),
            ("head.mha", mutated_text),
            ("packed.mha", mutated),
            ("head.nrrd", mutated_text),
        )
    ),
    *(
        Format(name, write_image, mutate, read_image)
        for name, mutate in (
            ("grey.png", mutated_png),
            ("deep.png", mutated_png),
            ("grey.tif", mutated),
            ("deep.tif", mutated),
            ("grey.jpg", mutated),
        )
    ),
    Format("grey.dcm", write_image, mutated, read_image),
    Format("images.csv", write_table, mutated_text, lambda p: read_table(p, p.parent)),
    Format("predictions.csv", write_predictions, mutated_text, read_predictions),
    Format(
        "decisions.jsonl",
        write_decisions,
        mutated_json,
        lambda path: read_decisions(str(path), "clusters", "0" * 64),
    ),
    Format("manifest.json", write_manifest, mutated_json, read_set),
    Format("run.json", write_run, mutated_json, lambda path: read_run(path.parent)),
    Format(
        "clusters.json", write_clusters, mutated_json, lambda p: Clusters(str(p.parent))
    ),
    Format(
        "answers.jsonl",
        write_answers,
        mutated_json,
        lambda path: read_tests([str(path.parent)]),
    ),
]


def read_some(form, folder, good, numbers, log):
    """Reads mutations in a process of its own; a line of the log for each.

    Returns:
      How the process ended, and the most memory that it had, in bytes.
    """
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            for number in numbers:
                signal.alarm(LONGEST)
                print(
                    number, read_one(form, folder, good, number), file=log, flush=True
                )
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print("memory", now - used, file=log, flush=True)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def read_one(form, folder, good, number):
    draw = random.Random(f"{SEED} {form.name} {number}")
    path = folder / form.name
    path.write_bytes(form.mutate(good, draw))
    try:
        form.read(path)
    except UserError as error:
        return "refused" if str(error).count("\n") == 0 else "several lines"
    except OSError as error:  # `flags.binary` says it in one line.
        return "refused" if error.filename else f"fault {error!r}"
    except BaseException:
        return "fault " + " | ".join(traceback.format_exc().splitlines()[-3:])
    return "read"


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_wrong_files_are_an_error_for_the_user(form, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / form.name
    check_good(form, folder)
    good, before = path.read_bytes(), sorted(os.listdir(tmp_path))
    counts, faults, memory, number = collections.Counter(), [], 0, 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not (ONLY and number):
        numbers = [int(ONLY)] if ONLY else range(number, number + AT_ONCE)
        number += AT_ONCE
        with open(tmp_path.parent / f"{form.name}.log", "w+") as log:
            code = read_some(form, folder, good, numbers, log)
            log.seek(0)
            lines = [line.rstrip("\n").partition(" ") for line in log]
        if code:
            lines.append((str(numbers[len(lines)]), "", f"fault signal {-code}"))
        for key, _, outcome in lines:
            if key == "memory":
                memory = max(memory, int(outcome))
            elif outcome in ("read", "refused"):
                counts[outcome] += 1
            else:
                faults.append((key, outcome))
    report(form.name, counts, faults, memory)
    assert sorted(os.listdir(tmp_path)) == before  # Nothing beside its own folder.
    assert not faults, f"TEST_SEED={SEED}: {len(faults)} faults: {faults[:5]}"
    assert memory < LARGEST
    shutil.rmtree(folder)


def check_good(form, folder):
    """Writes the file and reads it, in another process: TensorFlow does not fork."""
    child = os.fork()
    if not child:
        form.write(folder / form.name)
        good = (folder / form.name).read_bytes()
        outcome = read_one(form._replace(mutate=lambda x, _: x), folder, good, 0)
        os._exit(outcome != "read")
    assert os.waitpid(child, 0)[1] == 0, f"{form.name}: a good file is not read"


def report(name, counts, faults, memory):
    line = f"{name}: {dict(counts)}, {len(faults)} faults, {memory / 2**20:.0f} MB more"
    print(line)
    if path := os.environ.get("STRESS_LOG"):
        with open(path, "a") as file:
            file.write(f"{line} {faults[:8]}\n")
