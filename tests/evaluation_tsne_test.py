"""Figure 7: which images are drawn, and where they come to lie."""

import json

import cv2
import numpy as np
import pytest
import shard_sets
from matplotlib.colors import to_rgb
from refusals import refused

from dataset.image_sets import ImageSet
from dataset.shards import ShardSet
from evaluation.tsne import STYLES, Points, embed, write_tsne
from flags import evaluation as evaluation_flags


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    root = tmp_path_factory.mktemp("sets")
    sizes = {"real": 12, "near": 14, "far": 11}
    return {
        name: [
            write_images(root / name / str(n), n, [name], images=count).directory
            for n in (0, 1)
        ]
        for name, count in sizes.items()
    }


@pytest.fixture(scope="module")
def make_figure(sets, flag_defaults):
    defaults = flag_defaults(evaluation_flags.define_tsne)
    small = {"num_images": 10, "perplexity": 5.0, "num_iterations": 250}

    def make(output_dir, **changes):
        rows = [f"{name}={','.join(sets[name])}" for name in ("near", "far")]
        settings = {**defaults, "synthetic_dirs": rows, **small, **changes}
        settings["real_dirs"] = changes.get("real_dirs", sets["real"])
        settings["output_dir"] = str(output_dir)
        write_tsne(**settings)
        return shard_sets.read_table(output_dir / "tsne.csv")

    return make


@pytest.fixture(scope="module")
def drawn(make_figure, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("drawn")
    return output_dir, make_figure(output_dir)


def of_real_images(lines, panel, *columns):
    own = [x for x in lines if (x["panel"], x["set"]) == (panel, "real")]
    return [[line[column] for column in columns] for line in own]


def test_panel_has_equally_many_images_of_each_category_and_the_same_real_ones(drawn):
    _, lines = drawn
    categories = {}
    for line in lines:
        key = line["panel"], line["set"], line["label"]
        categories.setdefault(key, set()).add(line["id"])
    panels = [("near", "real"), ("near", "near"), ("far", "real"), ("far", "far")]
    assert {key[:2] for key in categories} == set(panels)
    assert [len(ids) for ids in categories.values()] == [10] * 8
    assert of_real_images(lines, "near", "id") == of_real_images(lines, "far", "id")


def test_joint_plane_of_features_has_each_real_image_at_one_point(
    drawn, make_figure, tmp_path
):
    _, separate = drawn
    options = {"joint": True, "space": "features", "backbone": "descriptors"}
    joint = make_figure(tmp_path, **options)
    for lines, are_equal in ((separate, False), (joint, True)):
        near, far = (of_real_images(lines, p, "x", "y") for p in ("near", "far"))
        assert (near == far) == are_equal
    content = json.loads((tmp_path / "tsne.json").read_text())
    assert len(content["divergences"]) == 1
    assert content["features"]["backbone"] == "descriptors"


def test_seed_chooses_images_and_coordinates(drawn, make_figure, tmp_path):
    _, lines = drawn
    assert make_figure(tmp_path) == lines
    others = make_figure(tmp_path, overwrite=True, seed=5)
    assert {line["id"] for line in others} != {line["id"] for line in lines}


def test_what_is_near_stays_near():
    draws = np.random.default_rng(0)
    images = ImageSet("a", [], np.arange(40) % 2, ("",) * 40, ("",) * 40)
    vectors = draws.normal(size=[40, 20]) + 20 * (images.labels[:, None])
    one = Points(images, np.arange(40), vectors.astype(np.float32))
    other = Points(images, np.arange(40), one.vectors + np.float32(0.01))
    options = {"joint": False, "perplexity": 10, "num_iterations": 500, "seed": 0}
    ((panel,), _) = embed([one, other], **options)
    distances = np.linalg.norm(
        panel[0].coordinates[:, None] - panel[1].coordinates[None], axis=-1
    )
    assert (distances.argmin(axis=1) == np.arange(40)).all()
    same = images.labels[:, None] == images.labels[None]
    assert distances[same].max() < distances[~same].min()


def test_json_names_digests_and_flags(drawn, sets):
    output_dir, _ = drawn
    content = json.loads((output_dir / "tsne.json").read_text())
    assert len(content["inputs"]) == 6
    first = sets["real"][0]
    assert content["inputs"][first] == ShardSet(first).digest
    assert content["settings"]["perplexity"] == 5.0
    assert content["features"] is None and len(content["divergences"]) == 2


def test_figure_shows_every_category_in_its_colour(drawn):
    output_dir, _ = drawn
    image = cv2.imread(str(output_dir / "tsne.png"))[..., ::-1].astype(float)
    for style in STYLES.values():
        # Markers of the legend are opaque, those of the panels are not.
        colour = 255 * np.array(to_rgb(style["color"]))
        assert (np.abs(image - colour).max(axis=-1) < 3).sum() > 20, style
    assert (output_dir / "tsne.svg").read_text().count("<text") >= 6


def test_defaults_are_those_of_the_paper(flag_defaults):
    defaults = flag_defaults(evaluation_flags.define_tsne)
    assert defaults["num_images"] == 300
    assert defaults["perplexity"] == 100
    assert defaults["num_iterations"] == 1000
    assert defaults["space"] == "pixels" and not defaults["joint"]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_images": 12}, "--num_images=12: far has 11 non_tumor images"),
        ({"perplexity": 40.0}, "--perplexity=40: expected less than the 40"),
        ({"real_dirs": ["nowhere"]}, "nowhere: "),
    ],
)
def test_bad_settings_are_refused(make_figure, tmp_path, changes, message):
    with refused(message):
        make_figure(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()
