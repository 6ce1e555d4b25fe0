"""The shard set of classic augmentation."""

import collections

import numpy as np
import pytest

from classifier import augment, classic
from dataset.errors import UserError
from dataset.shards import ShardSet
from flags import classifier as classifier_flags


@pytest.fixture(scope="module")
def parents(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("real")
    return [
        write_images(folder / "tumor", 1, ("p1", "p2", "p3"), 2),
        write_images(folder / "non_tumor", 0, ("p1", "p4"), 2),
    ]


@pytest.fixture
def settings(flag_defaults, parents, tmp_path):
    return flag_defaults(classifier_flags.define_augment) | {
        "data_dirs": [parent.directory for parent in parents],
        "output_dir": str(tmp_path / "classic"),
        "num_images": 35,
    }


def augmented(settings, **changes):
    augment.main(settings | changes)
    return list(ShardSet((settings | changes)["output_dir"]).records())


def test_images_are_transforms_of_the_parents_they_name(settings, parents):
    by_id = {record.id: record for parent in parents for record in parent.records()}
    ranges = ("rotation", "shift", "shear", "shear_unit", "zoom")
    ranges = {key: settings[key] for key in ranges}
    records = augmented(settings)
    for n, record in enumerate(records):
        prefix, number, parent_id = record.id.split("/", 2)
        assert (prefix, int(number)) == ("classic", n)
        parent = by_id[parent_id]
        assert (record.label, record.patient) == (parent.label, parent.patient)
        warp = classic.parameters(settings["seed"], n, 32, **ranges)
        expected = classic.transform(parent.image, **warp)
        np.testing.assert_array_equal(record.image, expected)


def test_every_parent_is_used_equally_often(settings):
    records = augmented(settings)
    uses = collections.Counter(record.id.split("/", 2)[2] for record in records)
    assert len(uses) == 10 and set(uses.values()) == {3, 4}


def test_image_depends_on_seed_and_number_alone(settings, tmp_path):
    records = augmented(settings)
    other = augmented(
        settings, output_dir=str(tmp_path / "b"), num_images=20, images_per_shard=7
    )
    for one, two in zip(records, other):
        assert one.id == two.id
        np.testing.assert_array_equal(one.image, two.image)
    reseeded = augmented(settings, output_dir=str(tmp_path / "c"), seed=1)
    assert [r.id for r in records] != [r.id for r in reseeded]


def test_parents_of_several_sizes_are_refused(settings, write_images, tmp_path):
    larger = write_images(tmp_path / "larger", 0, size=40).directory
    with pytest.raises(UserError, match="larger 40 px; expected one size"):
        augmented(settings, data_dirs=[*settings["data_dirs"], larger])


def test_missing_set_is_refused(settings, tmp_path):
    with pytest.raises(UserError, match="nothing: no such shard set"):
        augmented(settings, data_dirs=[str(tmp_path / "nothing")])
