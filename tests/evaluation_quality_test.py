"""The quality of synthetic images, from shard sets to tables."""

import json

import numpy as np
import pytest
import shard_sets
import tensorflow as tf
from refusals import refused
from scipy import ndimage

from dataset.image_sets import open_image_set
from dataset.records import Record
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


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """Folders of real images, good synthetic ones and four kinds of bad ones."""
    root = tmp_path_factory.mktemp("quality")
    sets = {
        "real": write_images(root / "real", 1, PATIENTS, images=8),
        "good": write_images(root / "good", 1, ["q0"], images=64),
        "held_out": write_images(root / "held_out", 1, ["h0", "h1", "h2"], images=8),
    }
    images = [record.image for record in sets["good"].records()]
    draws = np.random.default_rng(0)
    for name, change in {
        "noisy": lambda image: image + draws.normal(0, 60, image.shape),
        "blurred": lambda image: ndimage.gaussian_filter(image.astype(float), 1.5),
        "dark": lambda image: 0.5 * image,
        "collapsed": lambda image: images[0],
    }.items():
        changed = [change(image).clip(0, 255).astype(np.uint8) for image in images]
        records = [Record(image, 1, f"c/{n}") for n, image in enumerate(changed)]
        sets[name] = shard_sets.write(root / name, records)
    return {name: shards.directory for name, shards in sets.items()}


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
    options = {"held_out_dirs": [sets["held_out"]], "memorisation_images": 16}
    results = measure(defaults, sets, output_dir, names, **options)
    return output_dir, *results


@pytest.mark.parametrize(
    "name, higher, lower",
    [
        ("noisy", ["SWD 32 px", "SWD mean", "KID", "FID"], ["Precision"]),
        ("blurred", ["SWD 32 px", "SWD mean", "KID", "FID"], ["Precision"]),
        ("dark", ["KID", "FID"], ["Precision"]),
        ("collapsed", ["SWD 16 px", "MS-SSIM", "KID", "FID"], ["Recall"]),
    ],
)
def test_corrupted_set_is_worse_than_the_floor_and_a_good_one(
    measured, name, higher, lower
):
    _, _, _, rows = measured
    for column in higher:
        assert max(rows[SAME_PATIENTS][column]) < min(rows[name][column]), column
        assert max(rows["good"][column]) < min(rows[name][column]), column
    for column in lower:
        assert max(rows[name][column]) < min(rows[SAME_PATIENTS][column]), column


def test_files_name_digests_flags_and_features(measured, sets, defaults):
    output_dir, markdown, content, rows = measured
    assert content["inputs"][sets["real"]] == ShardSet(sets["real"]).digest
    assert len(content["inputs"]) == 7
    assert content["settings"]["num_splits"] == 2
    assert content["settings"].keys() == defaults.keys() - {"output_dir", "overwrite"}
    assert content["features"]["backbone"] == "descriptors"
    assert content["image_size"] == 32 and content["images_per_comparison"] == 32
    lines = shard_sets.read_table(output_dir / "quality.csv")
    assert [line["name"] for line in lines] == list(rows) and OTHER_PATIENTS in rows
    line, values = lines[list(rows).index("good")], rows["good"]["SWD mean"]
    assert float(line["SWD mean"]) == pytest.approx(np.mean(values))
    assert float(line["SWD mean sd"]) == pytest.approx(np.std(values, ddof=1))
    assert f"| {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} |" in markdown
    report = json.loads((output_dir / "memorisation.json").read_text())
    assert report["inputs"] == content["inputs"]
    assert report["sets"]["good"]["images"] == 16
    for name in ("quality.md", "memorisation.md"):
        assert (output_dir / name).read_text() in markdown


def test_same_seed_gives_the_same_files(defaults, sets, tmp_path):
    options = {"num_images": 12, "num_splits": 1, "overwrite": True}
    texts = [
        measure(defaults, sets, tmp_path, ["good"], **options, seed=seed)[0]
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_every_block_of_descriptors_counts_as_much(sets):
    real = open_image_set("real", [sets["real"]], "real_dirs")
    extractor = Descriptors()
    features = SampleReader(32, extractor, real).features(real, range(len(real)))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    shares = [features.var(axis=0)[b].sum() for b in extractor.blocks.values()]
    np.testing.assert_allclose(shares, len(features.T) / len(shares), rtol=1e-3)


class Means:
    """A network's one block: an image's mean, and twice that."""

    num_features, blocks = 2, {"network": slice(0, 2)}

    def __call__(self, images):
        means = tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2])
        return tf.concat([means, 2 * means], axis=1)


def test_features_of_a_network_are_as_it_gives_them(sets):
    """FID and KID are defined on those."""
    real = open_image_set("real", [sets["real"]], "real_dirs")
    features = SampleReader(32, Means(), real).features(real, [0, 5])
    means = real.read([0, 5], 32).mean(axis=(1, 2))
    np.testing.assert_allclose(features, np.stack([means, 2 * means], 1), rtol=1e-4)


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
        ({"measures": ["swd", "fd"]}, "--measures: 'fd', expected some of swd"),
        ({"measures": []}, "--measures: ''"),
        ({"num_images": 500}, "--num_images=500: "),
        ({"real_dirs": ["nowhere"]}, "nowhere: "),
    ],
)
def test_bad_settings_are_refused(defaults, sets, tmp_path, changes, message):
    with refused(message):
        measure(defaults, sets, tmp_path / "out", ["good"], **changes)
    assert not (tmp_path / "out").exists()


def test_flags_name_the_measures_and_backbones_there_are():
    assert evaluation_flags.MEASURES == tuple(MEASURES)
    assert set(features_flags.BACKBONES) == {DESCRIPTORS, *NETWORKS}
