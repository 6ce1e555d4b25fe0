"""Discarding: what the decisions say is kept, in order, and the manifest says why."""

import os

import clustered
import cv2
import numpy as np
import pytest

from dataset.errors import UserError
from dataset.folders import file_sha256, read_json
from dataset.shards import ShardSet
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
        "decisions": "proposal",
        "output_dir": str(tmp_path / "kept"),
    }


@pytest.fixture
def no_figure(monkeypatch):
    monkeypatch.setattr(discard, "write_figure", lambda *_: None)


def decide(settings, *decisions):
    """Writes a decisions file, with (scope, key, decision) each; returns its path."""
    path = f"{settings['clusters_dir']}.jsonl"
    digest = Clusters(settings["clusters_dir"]).digest
    journal = DecisionJournal(path, "clusters", digest)
    for decision in decisions:
        journal.append(*decision, "a reader")
    journal.close()
    settings["decisions"] = path
    return path


def kept_numbers(settings):
    records = ShardSet(settings["output_dir"]).records()
    return [int(record.id.rpartition("/")[2]) for record in records]


def test_proposal_is_applied_image_by_image_and_shown(settings, capsys):
    discard.discard(**settings)
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
    figure = cv2.imread(os.path.join(settings["output_dir"], discard.FIGURE))
    assert figure.std() > 10 and min(figure.shape[:2]) > 32


def test_image_is_decided_apart_from_its_cluster_and_the_manifest_names_the_file(
    settings, no_figure
):
    image = next(ShardSet(settings["data_dir"]).records()).id
    clusters = [("cluster", str(n), "discard" if n < 5 else "keep") for n in range(6)]
    path = decide(settings, *clusters, ("image", image, "keep"))
    discard.discard(**settings)
    assert kept_numbers(settings) == [0, 20, 21, 22, 23]
    manifest = read_json(os.path.join(settings["output_dir"], "manifest.json"))
    assert manifest["settings"]["decisions_sha256"] == file_sha256(path)


def test_undecided_clusters_are_refused_or_what_the_flag_says(settings, no_figure):
    decide(settings, ("cluster", "1", "discard"), ("cluster", "2", "keep"))
    numbers = "16 of 24 images.* 4 clusters.* 0, 3, 4, 5.*--undecided"
    with pytest.raises(UserError, match=f"--decisions.*{numbers}"):
        discard.discard(**settings)
    assert not os.path.exists(settings["output_dir"])
    for undecided, kept in (("keep", 20), ("discard", 4)):
        settings |= {"undecided": undecided, "overwrite": True}
        discard.discard(**settings)
        assert len(kept_numbers(settings)) == kept


def test_what_does_not_belong_together_is_refused(settings, write_images, tmp_path):
    other = write_images(tmp_path / "other", 1).directory
    clustered_set = settings["data_dir"]
    with pytest.raises(UserError, match=f"--data_dir={other}.*{clustered_set}"):
        discard.discard(**{**settings, "data_dir": other})
    path = decide(settings)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace(Clusters(settings["clusters_dir"]).digest, "0" * 64))
    with pytest.raises(UserError, match=f"{path}.*source_sha256"):
        discard.discard(**settings)
    decide_nothing = {"decisions": str(tmp_path / "no.jsonl")}
    with pytest.raises(UserError, match="no.jsonl"):
        discard.discard(**{**settings, **decide_nothing})


def test_everything_discarded_is_refused(settings):
    decide(settings, *[("cluster", str(n), "discard") for n in range(6)])
    with pytest.raises(UserError, match="--decisions"):
        discard.discard(**settings)
    assert not os.path.exists(settings["output_dir"])
