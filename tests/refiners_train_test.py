"""Training our refiners: the plan, precision, and what cannot be trained."""

import re

import interruption
import pytest
import tensorflow as tf
from refusals import refused
from small_trainings import TRAININGS, write_domains

from dataset.errors import UserError
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from flags.binary import definition
from training.checkpoints import step_of

PLANS = {
    "unit": ("synthetic images: 5", "steps: 3"),
    "munit": ("parameters of a style encoder: ", "steps: 3"),
    "simgan": (
        *("patches: 1x1", "real images: 5"),
        "refiner alone to 2, discriminator alone to 4, both to 7",
    ),
}


@pytest.fixture(scope="module")
def data_dirs(tmp_path_factory, write_images):
    return write_domains(tmp_path_factory.mktemp("data"), write_images)


@pytest.fixture
def settings_of(flag_defaults, data_dirs, tmp_path):
    """A function of a refiner to its settings, in a folder of the test's own."""

    def settings(refiner, **changes):
        binary, own, _ = TRAININGS[refiner]
        defaults = flag_defaults(definition(binary))
        places = {**data_dirs, "model_dir": str(tmp_path / "model")}
        return {**defaults, **own, **places, "deterministic": False, **changes}

    return settings


def start(settings_of, refiner, **changes):
    interruption.start(
        f"{refiner}.train", settings_of(refiner, **changes), eagerly=True
    )


@pytest.mark.parametrize("refiner", PLANS)
def test_dry_run_shows_the_plan_and_writes_nothing(
    refiner, settings_of, tmp_path, capsys
):
    start(settings_of, refiner, dry_run=True)
    assert not (tmp_path / "model").exists()
    output = capsys.readouterr().out
    assert [text for text in PLANS[refiner] if text not in output] == []


def test_precision_flag_reaches_the_networks(settings_of, tmp_path):
    once = {"num_steps": 1, "keep_steps": []}
    once |= {"pretrain_refiner_steps": 0, "pretrain_discriminator_steps": 0}
    try:
        start(settings_of, "simgan", precision="mixed_bfloat16", **once)
        policy = tf.keras.mixed_precision.global_policy().name
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert policy == "mixed_bfloat16"
    assert (tmp_path / "model" / "finished.json").exists()


@pytest.mark.parametrize(
    "refiner, changes, parts",
    [  # Of every refiner, with one of them; then of one alone.
        ("unit", {"synthetic_dir": "nowhere"}, ["nowhere"]),
        ("unit", {"num_images": 7}, ["--synthetic_dir=", " 6 ", "--num_images=7"]),
        ("unit", {"keep_steps": ["7"]}, ["--keep_steps: '7'", "--num_steps=3"]),
        ("unit", {"keep_steps": ["two"]}, ["--keep_steps: 'two'"]),
        ("unit", {"batch_size": 6}, ["--synthetic_dir=", " 5 ", "--batch_size=6"]),
        ("unit", {"strategy": "mirrored"}, ["--batch_size=1 ", "2 replicas"]),
        ("unit", {"discriminator_scales": 3}, ["32 px", "64 px"]),
        ("munit", {"discriminator_scales": 3}, ["32 px", "64 px"]),
        ("munit", {"perceptual_weight": 1.0, "weights": "no.h5"}, ["no.h5"]),
        ("simgan", {"batch_size": 3}, ["--batch_size=3:", "even"]),
        ("simgan", {"batch_size": 4, "history_size": 1}, ["--history_size=1:", "=4"]),
        ("simgan", {"num_steps": 4}, ["--num_steps=4:", "--pretrain_refiner_steps=2"]),
    ],
)
def test_bad_input_is_refused(refiner, changes, parts, settings_of, tmp_path):
    with refused(*parts):
        start(settings_of, refiner, **changes)
    assert not (tmp_path / "model").exists()


def test_sets_that_do_not_fit_are_refused(
    settings_of, data_dirs, tmp_path, write_images
):
    def refuse(*parts, **changes):
        with refused(*parts):
            start(settings_of, "unit", **changes)

    synthetic, real = data_dirs["synthetic_dir"], data_dirs["real_dir"]
    exchanged = {"real_dir": synthetic, "synthetic_dir": real}
    refuse(f"--real_dir={synthetic}", "32 px", "--synthetic_dir", "30 px", **exchanged)
    other = write_images(tmp_path / "other", 0, images=3, size=32)
    path = other.directory
    refuse(f"--synthetic_dir={path}", "non_tumor", synthetic_dir=path)
    records = [*other.records(), *ShardSet(synthetic).records()]
    path = str(tmp_path / "both")
    write_shard_set(
        path,
        lambda first, last: iter(records[first:last]),
        len(records),
        binary="tests",
        settings={},
    )
    refuse(f"--real_dir={path}", "non_tumor and tumor", real_dir=path)


def test_images_smaller_than_simgans_patches_are_refused(
    settings_of, tmp_path, write_images
):
    small = write_images(tmp_path / "small", 1, images=3, size=28).directory
    with refused("28 px", "32 px"):
        start(settings_of, "simgan", synthetic_dir=small, real_dir=small)


def test_a_step_that_is_not_finite_is_not_kept(settings_of, tmp_path):
    steps = [str(step) for step in range(1, 8)]
    diverging = {"learning_rate": 1e30, "keep_steps": steps, "log_steps": 100}
    with pytest.raises(UserError, match="_loss is") as error:
        start(settings_of, "simgan", **diverging)
    step = int(re.search(r"at step (\d+)", str(error.value))[1])
    kept = (tmp_path / "model" / "kept").glob("*.index")
    assert {step_of(str(path.with_suffix(""))) for path in kept} == {*range(1, step)}
