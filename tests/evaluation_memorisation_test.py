"""Training images that were planted among synthetic ones are found."""

import itertools
import json
import types

import cv2
import numpy as np
import pytest
import shard_sets
from refusals import refused
from scipy import ndimage

from dataset.image_sets import open_image_set, open_named_sets
from dataset.records import Record
from evaluation.memorisation import HELD_OUT, Search, apply_rule, write_memorisation
from evaluation.neighbours import NearestImages, Neighbour

SIZE = 64
SLICES = 5
ORIGIN = {"image_size": SIZE, "settings": {"memorisation_images": 0, "seed": 0}}


def brains(seed, patients):
    """Images [patients * SLICES, 64, 64]: slices of a patient differ a little."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5

    def texture(smoothness):
        noise = ndimage.gaussian_filter(draws.normal(size=[SIZE, SIZE]), smoothness)
        return noise / noise.std()

    images = []
    for _ in range(patients):
        height, width = draws.uniform(0.32, 0.4, 2)
        brain = (rows / height) ** 2 + (columns / width) ** 2 < 1
        anatomy = texture(3)
        for _ in range(SLICES):
            levels = 110 + 25 * (anatomy + 0.3 * texture(2))
            images.append((brain * levels).clip(0, 255))
    return np.array(images).astype(np.uint8)


def write(directory, name, images, label=1):
    records = [
        Record(image, label, f"{name}/{n}", f"{name}-{n // SLICES}")
        for n, image in enumerate(images)
    ]
    return shard_sets.write(directory, records).directory


def mirrored(image, draws):
    return image[:, ::-1]


def moved(image, draws):
    return np.roll(image, draws.integers(-2, 3, 2), axis=(0, 1))


def noisy(image, draws):
    return (image + draws.normal(0, 5, image.shape)).clip(0, 255)


def darker(image, draws):
    return image * 0.6 + 5 * (image > 0)


def everything(image, draws):
    return darker(noisy(moved(mirrored(image, draws), draws), draws), draws)


DISGUISES = [lambda image, draws: image, mirrored, moved, noisy, darker, everything]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What is written of 40 new images and 60 training images in six disguises."""
    root = tmp_path_factory.mktemp("memorisation")
    training = brains(1, 20)
    draws = np.random.default_rng(0)
    planted = [DISGUISES[n % 6](training[n], draws) for n in range(60)]
    fakes = np.concatenate([planted, brains(3, 8)]).astype(np.uint8)
    real = open_image_set("real", [write(root / "r", "real", training)], "real_dirs")
    held_out = write(root / "h", "held_out", brains(2, 40))
    held_out = open_image_set("held_out", [held_out], "held_out_dirs")
    rows = [f"planted={write(root / 'p', 'planted', fakes)}"]
    rows.append(f"fresh={write(root / 'f', 'fresh', brains(4, 20))}")
    synthetic = open_named_sets(rows, "synthetic_dirs")
    write_memorisation(real, held_out, synthetic, str(root), ORIGIN)
    return root


def read_lines(report, name):
    lines = shard_sets.read_table(report / "memorisation.csv")
    return [line for line in lines if line["set"] == name]


def test_all_planted_copies_are_found_with_their_source(report):
    lines = read_lines(report, "planted")
    for n, line in enumerate(lines[:60]):
        assert line["nearest_id"] == f"real/{n}", line
        assert line["close"] == line["copy"] == "1", line
        assert line["nearest_patient"] == f"real-{n // SLICES}"
    assert {line["mirrored"] for line in lines[1:60:6]} == {"1"}
    assert not any(int(line["copy"]) for line in lines[60:])


def test_rule_separates_a_set_with_copies_from_one_without(report):
    sets = json.loads((report / "memorisation.json").read_text())["sets"]
    assert sets["planted"]["copies"] == 60
    assert sets["planted"]["sources"] >= 60
    assert sets["planted"]["verdict"] == "holds copies of training images"
    assert sets["fresh"]["copies"] == 0
    assert sets["fresh"]["verdict"].startswith("no nearer")
    assert sets["held-out real images"]["close"] == 2  # One in a hundred of 200.
    markdown = (report / "memorisation.md").read_text()
    assert "| planted | 100 | " in markdown and "holds copies" in markdown
    for name in ("pairs", "distances"):
        picture = cv2.imread(str(report / f"memorisation_{name}.png"), 0)
        assert picture.std() > 10
        assert (report / f"memorisation_{name}.svg").stat().st_size > 5000


def test_copies_count_where_they_are_more_than_those_among_unseen_patients():
    images = types.SimpleNamespace(labels=np.ones(300, int))
    sets = {
        name: Search(
            images,
            np.arange(number),
            [
                Neighbour(n, 0.05 if n < copies else 1.0, False, (0, 0))
                for n in range(number)
            ],
        )
        for name, number, copies in (
            (HELD_OUT, 100, 1),
            ("fewer", 300, 1),
            ("as many", 200, 2),
            ("more", 50, 1),
        )
    }
    rows = apply_rule(sets, {1: {"close": 0.1, "copy": 0.1}})
    verdicts = {name: row["verdict"] for name, row in rows.items()}
    for name in ("fewer", "as many"):
        assert verdicts[name].startswith("no nearer")
    assert verdicts["more"].startswith("holds copies")


def test_search_is_that_of_all_pairs_and_all_moves():
    training, images = brains(1, 2), brains(2, 1)
    training_blurred, blurred = (
        [ndimage.gaussian_filter(image.astype(float), 1) for image in images]
        for images in (training, images)
    )
    steps = np.arange(-2, 2.5, 0.5)
    for n, neighbour in enumerate(NearestImages(training).search(images)):
        best = -1.0
        for flip in (1, -1):
            for shift in itertools.product(steps, steps):
                moved = ndimage.shift(blurred[n][:, ::flip], shift, order=1)
                for source in training_blurred:
                    pair = np.corrcoef(moved.ravel(), source.ravel())
                    best = max(best, pair[0, 1])
        assert neighbour.distance == pytest.approx(1 - best, abs=2e-3)


@pytest.mark.parametrize("down, right", [(1, -1), (-2, 1), (0.5, 0.5), (-1.5, 2)])
@pytest.mark.parametrize("flip", [1, -1])
def test_moved_image_is_found_wherever_it_went(down, right, flip):
    training = brains(1, 6)
    moved = [ndimage.shift(i.astype(float), (down, right), order=1) for i in training]
    queries = np.array(moved).round().astype(np.uint8)[:, :, ::flip]
    for n, found in enumerate(NearestImages(training).search(queries)):
        assert found.position == n and found.mirrored == (flip == -1)
        assert found.distance < 0.01
        assert found.shift[0] == -down / SIZE
        assert found.shift[1] == -right * flip / SIZE or found.mirrored


def test_training_image_is_not_its_own_neighbour():
    images = brains(1, 4)
    for n, found in enumerate(NearestImages(images).search(images, np.arange(20))):
        assert found.position != n and found.position // SLICES == n // SLICES


@pytest.mark.parametrize(
    "held_out, message",
    [
        ({"name": "real"}, "patient 'real-0' "),
        ({"name": "h", "patients": 1}, "has 5 tumor images, --real_dirs 20;"),
        ({"name": "h", "label": 0}, "has 10 non_tumor images, --real_dirs 0;"),
    ],
)
def test_held_out_images_that_tell_nothing_are_refused(tmp_path, held_out, message):
    options = {"patients": 2, "label": 1, **held_out}
    images = brains(1, 4)
    real = open_image_set("real", [write(tmp_path / "r", "real", images)], "real_dirs")
    other = brains(2, options["patients"])
    other = write(tmp_path / "h", options["name"], other, options["label"])
    sets = [open_image_set("held_out", [other], "held_out_dirs"), [real]]
    with refused("--held_out_dirs", message):
        write_memorisation(real, *sets, str(tmp_path), ORIGIN)
