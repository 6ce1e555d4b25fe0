"""Discarding: what the decisions say stays, in its order, and the manifest says why."""

import os

import clustered
import cv2
import numpy as np
import pytest

from dataset.shards import ShardSet, UserError, file_sha256, read_json
from filtering import discard
from filtering.clusters import Clusters
from filtering.decisions import DecisionJournal
from flags import filtering as filtering_flags


def draw(rng, strange, size):
    return rng.integers(0, 40 if strange else 255, [size, size], dtype=np.uint8)


@pytest.fixture
def settings(tmp_path, flag_defaults):
    """Six clusters of four images, 0 and 3 proposed for discarding."""
    clusters = clustered.write(str(tmp_path), draw, 6, 4, 16)
    return {
        **flag_defaults(filtering_flags.define_discard),
        "data_dir": str(tmp_path / "images"),
        "clusters_dir": clusters,
        "output_dir": str(tmp_path / "kept"),
    }


def decide(settings, *decisions):
    """The path of a decisions file, with (scope, key, decision) each."""
    path = os.path.join(os.path.dirname(settings["clusters_dir"]), "decisions.jsonl")
    digest = Clusters(settings["clusters_dir"]).digest
    journal = DecisionJournal(path, "clusters", digest)
    for decision in decisions:
        journal.append(*decision, "a reader")
    journal.close()
    return path


def kept_numbers(settings):
    records = ShardSet(settings["output_dir"]).records()
    return [int(record.id.rpartition("/")[2]) for record in records]


def test_proposal_is_applied_image_by_image_and_counts_are_printed(settings, capsys):
    discard.discard(**{**settings, "decisions": "proposal"})
    kept = [*range(4, 12), *range(16, 24)]
    assert kept_numbers(settings) == kept
    before = list(ShardSet(settings["data_dir"]).records())
    after = list(ShardSet(settings["output_dir"]).records())
    for number, record in zip(kept, after, strict=True):
        np.testing.assert_array_equal(record.image, before[number].image)
        assert (record.id, record.label) == (before[number].id, before[number].label)
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:3]] == [
        ["before", "kept", "discarded"],
        ["tumor", "24", "16", "33.3%"],
        ["all", "24", "16", "33.3%"],
    ]


def test_image_is_decided_apart_from_its_cluster_and_the_manifest_names_the_file(
    settings,
):
    image = next(ShardSet(settings["data_dir"]).records()).id
    clusters = [("cluster", str(n), "discard" if n < 5 else "keep") for n in range(6)]
    path = decide(settings, *clusters, ("image", image, "keep"))
    discard.discard(**{**settings, "decisions": path})
    assert kept_numbers(settings) == [0, 20, 21, 22, 23]
    manifest = read_json(os.path.join(settings["output_dir"], "manifest.json"))
    assert manifest["settings"]["decisions_sha256"] == file_sha256(path)


@pytest.mark.parametrize("undecided, kept", [("keep", 20), ("discard", 4)])
def test_undecided_clusters_are_refused_or_what_the_flag_says(
    settings, undecided, kept
):
    path = decide(settings, ("cluster", "1", "discard"), ("cluster", "2", "keep"))
    settings["decisions"] = path
    with pytest.raises(UserError, match="16 of 24 images are not decided, in 4 clus"):
        discard.discard(**settings)
    assert not os.path.exists(settings["output_dir"])
    discard.discard(**{**settings, "undecided": undecided})
    assert len(kept_numbers(settings)) == kept


def test_figure_shows_kept_and_discarded_images(settings):
    discard.discard(**{**settings, "decisions": "proposal"})
    figure = cv2.imread(os.path.join(settings["output_dir"], discard.FIGURE))
    assert figure.std() > 10 and min(figure.shape[:2]) > 32


def test_what_does_not_belong_together_is_refused(settings, write_images, tmp_path):
    other = write_images(tmp_path / "other", 1).directory
    with pytest.raises(UserError, match="--data_dir=.*other: not a set that"):
        discard.discard(**{**settings, "data_dir": other, "decisions": "proposal"})
    path = decide(settings)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace(Clusters(settings["clusters_dir"]).digest, "0" * 64))
    with pytest.raises(UserError, match="not the decisions wanted: source_sha256"):
        discard.discard(**{**settings, "decisions": path})


def test_everything_discarded_is_refused(settings):
    path = decide(settings, *[("cluster", str(n), "discard") for n in range(6)])
    with pytest.raises(UserError, match="every image is discarded"):
        discard.discard(**{**settings, "decisions": path})
