"""The examples of docs/refiners.md stand alone, and do what they say."""

import ast

import numpy as np
import pytest
from refiner_commands import DOCS, load_example, run_documented

from dataset.shards import ShardSet


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


def brightness(directory):
    """Mean and standard deviation of the brain's pixels."""
    records = ShardSet(directory).records()
    values = np.concatenate([r.image[r.image > 0] for r in records])
    return np.array([values.mean(), values.std()])


@pytest.mark.parametrize(
    "refiner, measure",
    [("contrast", brightness), ("histogram", load_example().grey_levels)],
)
def test_example_brings_what_it_is_about_to_that_of_real_images(
    refiner, measure, tmp_path, write_images
):
    real = write_images(tmp_path / "real", 1, images=8).directory
    dark = write_images(tmp_path / "dark", 0, images=8).directory
    places = {"real_dir": real, "synthetic_dir": dark}
    places |= {"model_dir": f"{tmp_path}/model", "output_dir": f"{tmp_path}/refined"}
    for step in ("train", "refine"):
        run_documented(refiner, step, places)
    before, after = (
        np.abs(measure(directory) - measure(real))
        for directory in (dark, places["output_dir"])
    )
    assert after.mean() < before.mean() / 3
    for record in ShardSet(places["output_dir"]).records():
        assert record.image[0, 0] == 0 or refiner == "contrast"  # Background.
