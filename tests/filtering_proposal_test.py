"""What is proposed for discarding, against artefacts planted in good images."""

import os

import artefacts
import numpy as np
import pytest

from dataset import phantom, prepare
from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from filtering import cluster
from filtering.clusters import Clusters
from flags import dataset as dataset_flags
from flags import filtering as filtering_flags


def write_set(folder, records):
    return write_shard_set(
        str(folder),
        lambda start, stop: iter(records[start:stop]),
        len(records),
        binary="tests",
        settings={},
    )


def plant(records, count):
    """`count` records, every fourth with an artefact; again mirrored if too few."""
    rng = np.random.default_rng(0)
    mirrored = [Record(r.image[:, ::-1], r.label, "m/" + r.id) for r in records]
    planted = []
    for number, record in enumerate([*records, *mirrored][:count]):
        image, name = record.image, "good"
        if number % 4 == 0:
            image, name = artefacts.planted(image, number // 4, rng)
        planted.append(Record(image, record.label, f"{name}/{record.id}"))
    assert len(planted) == count
    return planted


def shares_proposed(folder, real, suspects, flag_defaults, **settings):
    """Share of each kind of image that is proposed for discarding."""
    data = write_set(folder / "data", suspects)
    reference = write_set(folder / "real", real)
    defaults = flag_defaults(filtering_flags.define_cluster)
    folders = {
        "data_dir": [data.directory],
        "reference_dir": [reference.directory],
        "output_dir": str(folder / "clusters"),
    }
    small = {"weights": "none", "num_clusters": 20}
    cluster.cluster(**{**defaults, **small, **folders, **settings})
    images = Clusters(folders["output_dir"]).images()
    discarded = images.proposal == "discard"
    shares = discarded.groupby(images.id.str.partition("/")[0]).mean().to_dict()
    print(shares)
    return shares


def phantom_slices(number):
    """Twelve slices of an artificial patient, 96 px."""
    volume, _ = phantom.make_case(3, number, 2.5)
    top = np.percentile(volume[volume > 0], 99.5)
    for z in range(16, 52, 3):
        image = np.clip(volume[..., z].T / top * 255, 0, 255).astype(np.uint8)
        yield Record(image, 0, f"{number}/{z}", f"patient {number}")


def test_artefacts_in_artificial_brains_are_found(tmp_path, flag_defaults):
    patients = [list(phantom_slices(number)) for number in range(12)]
    real, others = sum(patients[:6], []), sum(patients[6:], [])
    shares = shares_proposed(tmp_path, real, plant(others, 72), flag_defaults)
    assert shares.pop("good") <= 0.05
    assert min(shares.values()) >= 0.8


@pytest.mark.skipif("BRATS_DIR" not in os.environ, reason="BRATS_DIR is not set")
@pytest.mark.parametrize(
    "image_size, seed",
    [(64, 2), *(pytest.param(240, n, marks=pytest.mark.long) for n in range(2))],
)
def test_artefacts_in_real_cases_are_found(tmp_path, flag_defaults, image_size, seed):
    settings = flag_defaults(dataset_flags.define_prepare)
    settings |= {"brats_dir": os.environ["BRATS_DIR"], "image_size": image_size}
    settings |= {"output_dir": str(tmp_path / "all"), "split": ["8", "1", "1"]}
    prepare.main(settings)
    records = [
        record
        for split in ("train", "validation", "test")
        for label in ("tumor", "non_tumor")
        for record in ShardSet(str(tmp_path / "all" / split / label)).records()
    ]
    patients = np.random.default_rng(seed).permutation(
        sorted({record.patient for record in records})
    )
    reference = set(patients[: len(patients) // 2])
    real = [record for record in records if record.patient in reference]
    others = [record for record in records if record.patient not in reference]
    count = min(1000, 2 * len(others))
    shares = shares_proposed(tmp_path, real, plant(others, count), flag_defaults)
    assert shares.pop("good") <= 0.05
    assert min(shares.values()) >= 0.8
