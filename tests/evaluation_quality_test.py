"""The quality of synthetic images, from shard sets to tables."""

import csv
import json

import numpy as np
import pytest
from scipy import ndimage

from dataset.errors import UserError
from dataset.image_sets import open_image_set
from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from evaluation.distances import MEASURES
from evaluation.quality import write_quality
from evaluation.samples import OTHER_PATIENTS, SAME_PATIENTS, SampleReader
from features.descriptors import Descriptors
from features.extraction import DESCRIPTORS
from features.networks import NETWORKS
from flags import evaluation as evaluation_flags
from flags import features as features_flags

PATIENTS = [f"p{n}" for n in range(8)]


def corrupt(source, directory, change):
    """Writes the images of a shard set after `change(image, n)`."""
    records = [
        Record(np.clip(change(r.image, n), 0, 255).astype(np.uint8), r.label, f"c/{n}")
        for n, r in enumerate(source.records())
    ]
    return write_shard_set(
        str(directory),
        lambda start, stop: iter(records[start:stop]),
        len(records),
        binary="tests",
        settings={},
    )


def add_noise(image, n):
    return image + np.random.default_rng(n).normal(0, 60, image.shape)


def blur(image, n):
    return ndimage.gaussian_filter(image.astype(float), 1.5)


def darken(image, n):
    return 0.5 * image


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """Folders of real images, good synthetic ones and four kinds of bad ones."""
    root = tmp_path_factory.mktemp("quality")
    real = write_images(root / "real", 1, PATIENTS, images=8)
    good = write_images(root / "good", 1, ["q0"], images=64)
    first = next(iter(good.records())).image
    bad = {
        "noisy": corrupt(good, root / "noisy", add_noise),
        "blurred": corrupt(good, root / "blurred", blur),
        "dark": corrupt(good, root / "dark", darken),
        "collapsed": corrupt(good, root / "collapsed", lambda image, n: first),
    }
    folders = {name: shards.directory for name, shards in bad.items()}
    held_out = write_images(root / "held_out", 1, ["h0", "h1", "h2"], images=8)
    folders |= {"real": real.directory, "good": good.directory}
    return {**folders, "held_out": held_out.directory}


@pytest.fixture(scope="module")
def defaults(flag_defaults):
    values = flag_defaults(evaluation_flags.define_quality)
    return {**values, "backbone": "descriptors", "num_splits": 2}


def measure(defaults, sets, output_dir, names, **changes):
    settings = {
        **defaults,
        "real_dirs": [sets["real"]],
        "synthetic_dirs": [f"{name}={sets[name]}" for name in names],
        "output_dir": str(output_dir),
        **changes,
    }
    markdown = write_quality(**settings)
    content = json.loads((output_dir / "quality.json").read_text())
    rows = {row["name"]: row["values"] for row in content["rows"]}
    return markdown, content, rows


@pytest.fixture(scope="module")
def measured(defaults, sets, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("measured")
    names = ["good", "noisy", "blurred", "dark", "collapsed"]
    results = measure(
        defaults, sets, output_dir, names, held_out_dirs=[sets["held_out"]]
    )
    return output_dir, *results


@pytest.mark.parametrize(
    "name, columns",
    [
        ("noisy", ["SWD 32 px", "SWD mean", "KID", "FID"]),
        ("blurred", ["SWD 32 px", "SWD mean", "KID", "FID"]),
        ("dark", ["KID", "FID"]),
        ("collapsed", ["SWD 16 px", "MS-SSIM", "KID", "FID"]),
    ],
)
def test_floor_is_below_the_value_of_a_corrupted_set(measured, name, columns):
    _, _, _, rows = measured
    for column in columns:
        assert max(rows[SAME_PATIENTS][column]) < min(rows[name][column]), column
        assert max(rows["good"][column]) < min(rows[name][column]), column


def test_floor_of_precision_and_recall_is_above_a_corrupted_set(measured):
    _, _, _, rows = measured
    for name in ("noisy", "blurred", "dark"):
        assert max(rows[name]["Precision"]) < min(rows[SAME_PATIENTS]["Precision"])
    assert max(rows["collapsed"]["Recall"]) < min(rows[SAME_PATIENTS]["Recall"])


def test_json_names_digests_flags_and_features(measured, sets, defaults):
    _, _, content, _ = measured
    assert content["inputs"][sets["real"]] == ShardSet(sets["real"]).digest
    assert len(content["inputs"]) == 7
    assert content["settings"]["num_splits"] == 2
    assert content["settings"].keys() == defaults.keys() - {"output_dir", "overwrite"}
    assert content["features"]["backbone"] == "descriptors"
    assert content["image_size"] == 32 and content["images_per_comparison"] == 32


def test_tables_have_the_means_and_spreads(measured):
    output_dir, markdown, _, rows = measured
    with open(output_dir / "quality.csv") as file:
        lines = {line["name"]: line for line in csv.DictReader(file)}
    assert list(lines) == list(rows) and OTHER_PATIENTS in lines
    values = rows["good"]["SWD mean"]
    assert float(lines["good"]["SWD mean"]) == pytest.approx(np.mean(values))
    assert float(lines["good"]["SWD mean sd"]) == pytest.approx(np.std(values, ddof=1))
    assert f"| {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} |" in markdown
    assert (output_dir / "quality.md").read_text() in markdown


def test_memorisation_report_names_its_origin(measured):
    output_dir, markdown, content, _ = measured
    report = json.loads((output_dir / "memorisation.json").read_text())
    assert report["inputs"] == content["inputs"]
    assert report["sets"]["good"]["images"] == 64
    assert (output_dir / "memorisation.md").read_text() in markdown


def test_same_seed_gives_the_same_files(defaults, sets, tmp_path):
    options = {"num_images": 12, "num_splits": 1}
    texts = [
        measure(defaults, sets, tmp_path, ["good"], overwrite=True, **options, seed=s)[
            0
        ]
        for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_every_block_of_descriptors_counts_as_much(sets):
    real = open_image_set("real", [sets["real"]], "real_dirs")
    extractor = Descriptors()
    features = SampleReader(32, extractor, real).features(real, range(len(real)))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    shares = [features.var(axis=0)[b].sum() for b in extractor.blocks.values()]
    np.testing.assert_allclose(shares, len(features.T) / len(shares), rtol=1e-3)


def test_network_that_sees_images_measures_them(defaults, sets, tmp_path):
    options = {"backbone": "densenet121", "weights": "none", "feature_size": 32}
    options |= {"num_splits": 1, "measures": ["fid"], "num_images": 16}
    markdown, content, rows = measure(
        defaults, sets, tmp_path, ["good", "noisy"], **options
    )
    assert rows["noisy"]["FID"] > rows[SAME_PATIENTS]["FID"]
    assert content["features"]["num_features"] == 1024
    assert "random weights" in markdown


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"measures": ["swd", "fd"]},
            "--measures: 'fd', expected some of swd",
        ),
        ({"measures": []}, "--measures: ''"),
        ({"num_images": 500}, "--num_images=500: "),
        ({"real_dirs": ["nowhere"]}, "nowhere: "),
        (
            {"synthetic_dirs": ["nowhere"]},
            "--synthetic_dirs=nowhere: expected NAME=FOLDER",
        ),
    ],
)
def test_bad_settings_are_refused(defaults, sets, tmp_path, changes, message):
    with pytest.raises(UserError) as error:
        measure(defaults, sets, tmp_path / "out", ["good"], **changes)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


def test_existing_results_are_kept_unless_told_otherwise(defaults, sets, tmp_path):
    (tmp_path / "quality.json").write_text("{}")
    with pytest.raises(UserError, match="--overwrite"):
        measure(defaults, sets, tmp_path, ["good"])


def test_flags_name_the_measures_and_backbones_there_are():
    assert evaluation_flags.MEASURES == tuple(MEASURES)
    assert set(features_flags.BACKBONES) == {DESCRIPTORS, *NETWORKS}
