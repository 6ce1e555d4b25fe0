"""What any refiner promises: the same assertions over UNIT, SimGAN, the examples."""

import ast
import importlib.util
import pathlib
import re
import shlex

import numpy as np
import pytest

from dataset import verify
from dataset.shards import ShardSet, UserError, write_shard_set
from flags import binary
from flags import simgan as simgan_flags
from flags import unit as unit_flags
from simgan import refine as simgan_refine
from simgan import train as simgan_train
from unit import refine as unit_refine
from unit import train as unit_train

DOCS = pathlib.Path(__file__).parents[1] / "docs"
TINY = {"num_images": 0, "num_steps": 2, "keep_steps": [], "base_maps": 2}
BINARIES = {
    "unit": {
        "train": (unit_train, unit_flags.define_train),
        "refine": (unit_refine, unit_flags.define_refine),
        "tiny": {**TINY, "discriminator_scales": 2},
    },
    "simgan": {
        "train": (simgan_train, simgan_flags.define_train),
        "refine": (simgan_refine, simgan_flags.define_refine),
        "tiny": {
            **TINY,
            "num_blocks": 1,
            "batch_size": 4,
            "pretrain_refiner_steps": 0,
            "pretrain_discriminator_steps": 1,
        },
    },
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """Synthetic and real images of a class, and more synthetic ones to refine."""
    directory = tmp_path_factory.mktemp("sets")
    return {
        "synthetic": write_images(directory / "synthetic", 1, images=4, size=32),
        "real": write_images(directory / "real", 1, ("p3",), images=6, size=30),
        "more": write_images(directory / "more", 1, ("p4", "p5", "p6"), images=7),
    }


def load_example(name="refiner_example.py"):
    spec = importlib.util.spec_from_file_location("example", DOCS / name)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.IMAGES_PER_SHARD = 8  # Several shards of the few images of a test.
    return example


def documented_commands(refiner):
    """The command lines of an example in docs/refiners.md, by step."""
    text = (DOCS / "refiners.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        if f"  {refiner}:\n" in block:
            lines = r"^    (\w+): \"(.*?)\"$"
            return dict(re.findall(lines, block, re.DOTALL | re.MULTILINE))
    raise AssertionError(refiner)


def run_documented(refiner, step, paths):
    """Runs what the documented command line would, in this process."""
    none = {"real_dir": "", "synthetic_dir": "", "output_dir": ""}
    line = documented_commands(refiner)[step].format(python="python", **none | paths)
    for command in line.split("&&"):
        _, *words = shlex.split(command)
        if words[0] != "-m":
            load_example(words[0].rpartition("/")[2]).main(words[1:])
            continue
        module = importlib.import_module(words[1])
        settings = binary.parse(words[1], words[2:])
        if "images_per_shard" in settings:
            settings["images_per_shard"] = 8
        module.main(settings)


@pytest.fixture(scope="module", params=["unit", "simgan", "histogram", "contrast"])
def refiner(request, flag_defaults):
    """Its name and a function that runs one of its command lines with these paths."""

    def run_example(step, **paths):
        run_documented(request.param, step, paths)

    def run_binary(step, **paths):
        module, define = BINARIES[request.param][step]
        settings = {**flag_defaults(define), **paths}
        if step == "train":
            settings.update(BINARIES[request.param]["tiny"])
        else:
            settings["data_dir"] = settings.pop("synthetic_dir")
            settings["images_per_shard"] = 8
        module.main(settings)

    return request.param, run_binary if request.param in BINARIES else run_example


@pytest.fixture(scope="module")
def model_dir(refiner, sets, tmp_path_factory):
    directory = tmp_path_factory.mktemp("refiner") / "model"
    refiner[1](
        "train",
        real_dir=sets["real"].directory,
        synthetic_dir=sets["synthetic"].directory,
        model_dir=str(directory),
    )
    return directory


@pytest.fixture(scope="module")
def refined(refiner, sets, model_dir):
    output_dir = model_dir.parent / "refined"
    return refine(refiner, sets["more"], model_dir, output_dir)


def refine(refiner, synthetic, model_dir, output_dir):
    refiner[1](
        "refine",
        synthetic_dir=synthetic.directory,
        model_dir=str(model_dir),
        output_dir=str(output_dir),
    )
    return ShardSet(str(output_dir))


def test_training_ends_with_finished_json(model_dir):
    assert (model_dir / "finished.json").exists()


def test_refined_set_passes_verification(refined, sets, capsys):
    parent = sets["more"].directory
    verify.verify(data_dirs=[refined.directory], refined_from=parent)
    assert "with 21 images are in order" in capsys.readouterr().out
    with pytest.raises(UserError, match="faults"):
        other = sets["synthetic"].directory
        verify.verify(data_dirs=[refined.directory], refined_from=other)


def test_labels_order_patients_and_size_are_kept_and_ids_are_chains(
    refiner, refined, sets
):
    assert len(refined.paths) == 3 and refined.image_size == 32
    assert refined.label_counts == sets["more"].label_counts
    for child, parent in zip(refined.records(), sets["more"].records(), strict=True):
        assert child.id == f"{refiner[0]}/{parent.id}"
        assert (child.label, child.patient) == (parent.label, parent.patient)
        assert not np.array_equal(child.image, parent.image)


def test_image_is_refined_alike_in_another_set_at_another_place(
    refiner, refined, sets, model_dir, tmp_path
):
    records = list(sets["more"].records())[5:14]
    part = write_shard_set(
        str(tmp_path / "part"),
        lambda start, stop: iter(records[start:stop]),
        len(records),
        binary="tests",
        settings={},
    )
    whole = list(refined.records())[5:14]
    for record, other in zip(
        refine(refiner, part, model_dir, tmp_path / "output").records(),
        whole,
        strict=True,
    ):
        assert record.id == other.id
        # A convolution may round by its place in a batch.
        np.testing.assert_allclose(record.image.astype(int), other.image, atol=1)


def test_refined_set_can_be_refined_again(refiner, refined, sets, model_dir, tmp_path):
    twice = refine(refiner, refined, model_dir, tmp_path / "twice")
    verify.verify(data_dirs=[twice.directory], refined_from=refined.directory)
    assert next(twice.records()).id.startswith(f"{refiner[0]}/{refiner[0]}/brats/p4/")


def test_refining_without_training_is_refused(refiner, sets, tmp_path):
    with pytest.raises((UserError, OSError)):
        refine(refiner, sets["more"], tmp_path / "nothing", tmp_path / "output")
    with pytest.raises(UserError):
        ShardSet(str(tmp_path / "output"))


@pytest.mark.parametrize(
    "name, others",
    [
        ("refiner_example.py", {"hashlib", "itertools", "numpy", "tensorflow"}),
        ("refiner_png_example.py", {"pathlib", "cv2", "numpy"}),
    ],
)
def test_example_uses_nothing_of_this_project(name, others):
    tree = ast.parse((DOCS / name).read_text())
    imported = {
        alias.name
        for n in ast.walk(tree)
        if isinstance(n, ast.Import)
        for alias in n.names
    }
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert imported == {"argparse", "json", "os"} | others


def test_png_example_brings_contrast_to_that_of_real_images(tmp_path, write_images):
    real = write_images(tmp_path / "real", 1, images=8)
    dark = write_images(tmp_path / "dark", 0, images=8)
    places = {"real_dir": real.directory, "synthetic_dir": dark.directory}
    places |= {
        "model_dir": str(tmp_path / "model"),
        "output_dir": str(tmp_path / "refined"),
    }
    run_documented("contrast", "train", places)
    run_documented("contrast", "refine", places)
    refined = ShardSet(tmp_path / "refined")

    def brightness(shard_set):
        values = np.concatenate([r.image[r.image > 0] for r in shard_set.records()])
        return np.array([values.mean(), values.std()])

    before, after = (np.abs(brightness(s) - brightness(real)) for s in (dark, refined))
    assert (after < before / 3).all()


def test_example_brings_grey_levels_to_those_of_real_images(tmp_path, write_images):
    example = load_example()
    real = write_images(tmp_path / "real", 1, images=8)
    dark = write_images(tmp_path / "dark", 0, images=8)
    places = {"real_dir": real.directory, "synthetic_dir": dark.directory}
    example.train(**places, model_dir=str(tmp_path / "model"))
    paths = {"data_dir": dark.directory, "output_dir": str(tmp_path / "refined")}
    example.refine(model_dir=str(tmp_path / "model"), **paths)
    levels = [
        example.grey_levels(directory)
        for directory in (real.directory, dark.directory, str(tmp_path / "refined"))
    ]
    before, after = (np.abs(levels[0] - other).mean() for other in levels[1:])
    assert after < before / 3
    for record in ShardSet(str(tmp_path / "refined")).records():
        assert record.image[0, 0] == 0  # Background.
