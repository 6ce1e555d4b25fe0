"""A small command of every binary that writes, and the inputs of all of them.

A command is run in a folder in which `base` holds the inputs: `base/sets`, and what the
commands of other binaries wrote, `base/pggan.train/out`. It writes to `out` alone.
"""

import json
import os

import cv2
import numpy as np
import small_trainings

from evaluation.turing_images import ANSWERS, write_test
from filtering.clusters import Clusters
from filtering.decisions import DecisionJournal
from training.model_dir import flagfile

# Binaries that no command below is for, and why.
WRITES_NOTHING = {"dataset.verify": "prints what it finds"}
UNTIL_STOPPED = {
    "evaluation.turing_test": "serves a page; answers in `pages_test.py`",
    "evaluation.reader_training": "serves a page; the journal is that of the test",
    "filtering.review": "serves a page; decisions in `pages_test.py`",
    "workflow.run": "starts other programs; killed in tests/workflow_long_test.py",
}

SETS = "base/sets"
OUT = {"output_dir": "out"}
CLASSES = f"{SETS}/tumor,{SETS}/non_tumor"
TRAIN = {"model_dir": "out", "checkpoint_minutes": 0.0, "strategy": "auto"}
TEST = f"{SETS}/test,{SETS}/test_non_tumor"
DETECTOR = {"train_dirs": CLASSES, "validation_dirs": TEST}
DOMAINS = {"synthetic_dir": f"{SETS}/tumor", "real_dir": f"{SETS}/real"}
SHARDS = {**OUT, "images_per_shard": 4}
TINY = small_trainings
PHANTOM = {"num_patients": 4, "spacing": 6.0, "num_workers": 2}
DESCRIPTORS = {"backbone": "descriptors"}
PREDICTIONS = "base/classifier.predict/out/predictions.csv"
TABLE = "base/evaluation.table/out"
REPORT = "base/dataset.prepare/out/report.json"

# By binary: its flags, and the binaries whose outputs it reads.
COMMANDS = {
    "dataset.phantom": ({**OUT, **PHANTOM, "tumor_radius": "20,28"}, ()),
    "dataset.prepare": (
        {"brats_dir": "base/dataset.phantom/out", **OUT, "image_size": 32}
        | {"split": "0.5,0.25,0.25", "tumor_labels": "1,4", "min_tumor_area": 300.0}
        | {"keep_borderline": True, "num_workers": 2},
        ("dataset.phantom",),
    ),
    "dataset.export_images": ({"data_dirs": CLASSES, **OUT}, ()),
    "dataset.import_images": (
        {"images_dir": f"{SETS}/files", **OUT, "patient_pattern": "(.*)_"}
        | {"image_size": 32, "split": "0.5,0.25,0.25", "num_workers": 2}
        | {"min_foreground": 0.0, "images_per_shard": 4},
        (),
    ),
    "pggan.train": ({**TINY.PGGAN, **TRAIN, "data_dir": f"{SETS}/small"}, ()),
    "pggan.generate": (
        {"model_dir": "base/pggan.train/out", **SHARDS, "num_images": 14},
        ("pggan.train",),
    ),
    "dataset.card": (
        {"data_dirs": "base/pggan.generate/out", **OUT},
        ("pggan.generate",),
    ),
    "unit.train": ({**TINY.UNIT, **DOMAINS, **TRAIN}, ()),
    "unit.refine": (
        {"model_dir": "base/unit.train/out", "data_dir": f"{SETS}/tumor", **SHARDS},
        ("unit.train",),
    ),
    "munit.train": ({**TINY.MUNIT, **DOMAINS, **TRAIN}, ()),
    "munit.refine": (
        {"model_dir": "base/munit.train/out", "data_dir": f"{SETS}/tumor", **SHARDS},
        ("munit.train",),
    ),
    "simgan.train": ({**TINY.SIMGAN, **DOMAINS, **TRAIN}, ()),
    "simgan.refine": (
        {"model_dir": "base/simgan.train/out", "data_dir": f"{SETS}/tumor", **SHARDS},
        ("simgan.train",),
    ),
    "classifier.train": ({**TINY.CLASSIFIER, **DETECTOR, **TRAIN}, ()),
    "classifier.augment": ({"data_dirs": CLASSES, **SHARDS, "num_images": 14}, ()),
    "classifier.predict": (
        {"model_dir": "base/classifier.train/out", "data_dirs": TEST}
        | {"output_csv": "out/predictions.csv", "heat_maps": False},
        ("classifier.train",),
    ),
    "classifier.export": (
        {"model_dir": "base/classifier.train/out", **OUT},
        ("classifier.train",),
    ),
    "filtering.cluster": (
        {"data_dir": f"{SETS}/tumor", "reference_dir": f"{SETS}/real", **OUT}
        | {**DESCRIPTORS, "weights": "none", "num_clusters": 3},
        (),
    ),
    "filtering.discard": (
        {"data_dir": f"{SETS}/tumor", "clusters_dir": "base/filtering.cluster/out"}
        | {"decisions": f"{SETS}/decisions.jsonl", "undecided": "keep", **SHARDS},
        ("filtering.cluster",),
    ),
    "evaluation.quality": (
        {"real_dirs": f"{SETS}/tumor", "synthetic_dirs": f"a={SETS}/real", **OUT}
        | {**DESCRIPTORS, "weights": "none"},
        (),
    ),
    "evaluation.tsne": (
        {"real_dirs": f"{SETS}/tumor", "synthetic_dirs": f"a={SETS}/real", **OUT}
        | {"num_images": 12, "perplexity": 3.0, "num_iterations": 250},
        (),
    ),
    "evaluation.select": (
        {"candidates": f"20={PREDICTIONS}", "output_json": "out/selection.json"},
        ("classifier.predict",),
    ),
    "evaluation.table": (
        {"rows": f"real={PREDICTIONS}", "num_bootstrap": 100, **OUT},
        ("classifier.predict",),
    ),
    "evaluation.learning_curve": (
        # A flag that is given once per point.
        {"points": f"{TABLE}={REPORT}\n--points={TABLE}/../out={REPORT}", **OUT},
        ("evaluation.table", "dataset.prepare"),
    ),
    "evaluation.turing_table": ({"test_dirs": f"{SETS}/turing", **OUT}, ()),
    "evaluation.report": (
        {"experiment_dir": "base", "output_html": "out/report.html"},
        ("classifier.predict", "pggan.generate"),
    ),
}


def words(binary):
    """The flags of a binary's command, a list of words."""
    return flagfile(COMMANDS[binary][0]).split("\n")[:-1]


def write_inputs(folder, write_images):
    """Writes `base/sets`; `write_images` is the fixture."""
    own = {"images": 8, "size": 32}
    write_images(folder / "tumor", 1, ("a", "b"), **own)
    write_images(folder / "non_tumor", 0, ("a", "b"), **own)
    write_images(folder / "test", 1, ("c", "d"), **own)
    write_images(folder / "test_non_tumor", 0, ("c", "d"), **own)
    write_images(folder / "real", 1, ("e", "f", "g"), **own)
    write_images(folder / "non_tumor_synthetic", 0, ("h", "i"), **own)
    write_images(folder / "small", 1, ("a",), images=5, size=8)
    write_files(folder / "files")
    write_answers(folder / "turing", folder)


def write_decisions(base):
    """What a person said about the clusters, once there are some."""
    clusters = Clusters(str(base / "filtering.cluster/out"))
    path = str(base / "sets/decisions.jsonl")
    journal = DecisionJournal(path, "clusters", clusters.digest)
    journal.append("cluster", "0", "discard", "a reader")
    journal.close()


def write_files(folder):
    """PNG files of four patients in folders of two classes."""
    draws = np.random.default_rng(1)
    for name in ("tumor", "non_tumor"):
        os.makedirs(folder / name)
        for number in range(12):
            image = draws.integers(0, 256, [40, 40], np.uint8)
            path = folder / name / f"{'abcd'[number // 3]}{name}_{number}.png"
            cv2.imwrite(str(path), image)


def write_answers(folder, sets):
    """A Visual Turing Test that a reader has answered."""
    os.makedirs(folder)
    real = [str(sets / "tumor"), str(sets / "non_tumor")]
    synthetic = [str(sets / "real"), str(sets / "non_tumor_synthetic")]
    test = write_test(str(folder), real, synthetic, num_images=3, seed=0)
    with open(folder / ANSWERS, "w") as file:
        for number in range(len(test["images"])):
            answer = {"reader": "a", "image": number, "real": True, "tumor": True}
            file.write(json.dumps({**answer, "seconds": 1.0}) + "\n")
