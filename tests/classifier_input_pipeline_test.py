"""Batches of mixed sets, and sets that must not meet."""

import numpy as np
import pytest
import tensorflow as tf

from classifier import image_predictions, input_pipeline
from classifier.layers import resize
from dataset import images
from dataset.errors import UserError
from dataset.records import to_float


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("sets")
    return {
        "tumor": write_images(folder / "tumor", 1, ("a", "b"), 3, size=40),
        "non_tumor": write_images(folder / "non_tumor", 0, ("b", "c"), 3, size=48),
        "synthetic": write_images(folder / "synthetic", 1, ("",), 5, size=64),
        "unlabeled": write_images(folder / "unlabeled", -1, ("d",), 2),
    }


def train_batches(sets, first_step, last_step):
    mix = [sets[name] for name in ("tumor", "non_tumor", "synthetic")]
    batches = input_pipeline.training_batches(
        mix,
        image_size=32,
        batch_size=4,
        first_step=first_step,
        last_step=last_step,
        seed=3,
    )
    return list(batches.as_numpy_iterator())


def test_batches_mix_sets_of_different_sizes_and_show_each_image_once(sets):
    batches = train_batches(sets, 0, 4)  # 16 of 17 images.
    images = np.concatenate([batch["image"] for batch in batches])
    assert images.shape == (16, 32, 32, 1) and images.dtype == np.float32
    assert len(np.unique(images, axis=0)) == 16
    expected = [
        resize(to_float(record.image[..., None]), 32).numpy()
        for name in ("tumor", "non_tumor", "synthetic")
        for record in sets[name].records()
    ]
    distances = np.abs(images[:, None] - np.array(expected)[None]).max((2, 3, 4))
    np.testing.assert_allclose(distances.min(1), 0, atol=1e-6)
    labels = np.concatenate([batch["label"] for batch in batches])
    np.testing.assert_array_equal(labels, ~np.isin(distances.argmin(1), range(6, 12)))


def test_so_many_images_of_a_set_are_chosen_by_the_seed_and_no_others(sets):
    mix = [sets[name] for name in ("tumor", "non_tumor", "synthetic")]
    assert input_pipeline.choose_images(mix, None, 3) is mix

    def chosen(number, seed):
        images = input_pipeline.choose_images(mix, ["0", "0", str(number)], seed)
        assert [*map(len, images)] == [6, 6, number]
        assert input_pipeline.count_labels(images) == [6, 6 + number]
        return {images[2].serialized(n) for n in range(number)}

    own = {sets["synthetic"].serialized(n) for n in range(5)}
    assert chosen(2, 0) < chosen(4, 0) < own
    assert len({frozenset(chosen(2, seed)) for seed in range(9)}) > 1
    both = input_pipeline.choose_images(mix, ["0", "3", "0"], 0)
    assert input_pipeline.count_labels(both) == [3, 11]


@pytest.mark.parametrize(
    "numbers, message",
    [
        ("0,750", "--train_images=0,750: expected 3 whole numbers"),
        ("0,0,-1", "--train_images=0,0,-1: expected 3"),
        ("0,0,some", "--train_images=0,0,some: expected 3"),
        ("0,0,6", "has 5 images, fewer than --train_images=6"),
    ],
)
def test_numbers_of_images_that_do_not_fit_are_refused(sets, numbers, message):
    mix = [sets[name] for name in ("tumor", "non_tumor", "synthetic")]
    with pytest.raises(UserError, match=message):
        input_pipeline.choose_images(mix, numbers.split(","), 0)


def test_batches_can_start_at_any_step(sets):
    whole, tail = train_batches(sets, 0, 10), train_batches(sets, 7, 10)
    assert len(tail) == 3
    for one, two in zip(whole[7:], tail):
        np.testing.assert_array_equal(one["image"], two["image"])


def test_evaluation_shows_every_image_once_in_order(sets):
    batches = input_pipeline.evaluation_batches(
        [sets["tumor"], sets["non_tumor"]], image_size=32, batch_size=5
    )
    labels = [batch["label"].tolist() for batch in batches.as_numpy_iterator()]
    assert labels == [[1] * 5, [1, 0, 0, 0, 0], [0, 0]]
    assert batches.element_spec["image"].shape == tf.TensorShape([None, 32, 32, 1])


def test_patient_on_both_sides_is_refused_by_name(sets, write_images, tmp_path):
    both = [sets["tumor"], sets["non_tumor"]]
    other = [
        write_images(tmp_path / "tumor", 1, ("c", "x")),
        write_images(tmp_path / "non_tumor", 0, ("y",)),
    ]
    with pytest.raises(UserError, match=r"1 patient\(s\) are in --train_dirs.*\(c\)"):
        input_pipeline.check_sets(both, other)


def test_synthetic_images_are_of_no_patient(sets, write_images, tmp_path):
    train = [sets["tumor"], sets["non_tumor"], sets["synthetic"]]
    validation = [
        write_images(tmp_path / "tumor", 1, ("",)),
        write_images(tmp_path / "non_tumor", 0, ("z",)),
    ]
    input_pipeline.check_sets(train, validation)


def test_one_label_alone_is_refused(sets):
    with pytest.raises(
        UserError, match="--train_dirs=.*0 non_tumor, 11 tumor; expected"
    ):
        input_pipeline.check_sets([sets["tumor"], sets["synthetic"]], [])


def test_unlabeled_images_are_refused(sets):
    with pytest.raises(UserError, match="unlabeled: 2 images without a label"):
        input_pipeline.check_sets(list(sets.values()), [])


def test_slice_settings_are_those_that_the_manifest_has(sets):
    others = {"other": 1, "mask_pattern": "masks/{case}_seg.nii"}
    sets["tumor"].manifest["settings"] = {"first_slice": 20, **others}
    settings = input_pipeline.slice_settings(sets["tumor"])
    assert settings == {"first_slice": 20, "image_size": 40}


def test_slice_settings_of_imported_images_say_how_to_make_others(sets):
    imported = {
        "intensities": "window",
        "window": ["0", "900"],
        "channel": "green",
        "mask_pattern": "{stem}_m.png",
        "lower_percentile": 1.0,
        "upper_percentile": 99.0,
    }
    sets["tumor"].manifest["settings"] = {**imported, "image_size": 0, "seed": 1}
    settings = input_pipeline.slice_settings(sets["tumor"])
    assert settings == {**imported, "image_size": 40}
    assert image_predictions.image_settings(settings) == images.ImageSettings(
        40, "green", "window", (0.0, 900.0), 1.0, 99.0
    )


def test_slice_settings_of_sets_of_other_programs_are_their_size(sets):
    del sets["tumor"].manifest["settings"]
    assert input_pipeline.slice_settings(sets["tumor"]) == {"image_size": 40}
