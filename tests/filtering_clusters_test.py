"""Clusters file: its images are found wherever it is, and nothing else is taken."""

import json
import os
import pathlib
import shutil

import clustered
import numpy as np
import pytest

from dataset.errors import UserError
from dataset.shards import ShardSet
from filtering.clusters import Clusters


def noise(rng, strange, size):
    return rng.integers(0, 255, [size, size], dtype=np.uint8)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """The folder `experiment`, relative, with `images` and `clusters`."""
    monkeypatch.chdir(tmp_path)
    clustered.write("experiment", noise, 2, 3, 16)
    return pathlib.Path("experiment")


def write_as_before(clusters):
    """Changes clusters to the format before paths were relative to `clusters.json`."""
    path = os.path.join(clusters, "clusters.json")
    with open(path) as file:
        content = json.load(file)
    [content["sets"][0]["directory"]] = content["inputs"]
    with open(path, "w") as file:
        json.dump(content, file)


@pytest.mark.parametrize("before", [False, True])
def test_images_are_found_from_anywhere_and_after_a_move(
    experiment, tmp_path, monkeypatch, before
):
    digest = ShardSet("experiment/images").digest
    if before:
        write_as_before("experiment/clusters")
    assert Clusters("experiment/clusters").open_set(0).digest == digest
    monkeypatch.chdir("/")
    assert Clusters(tmp_path / "experiment/clusters").open_set(0).digest == digest
    moved = tmp_path / "moved/far"
    shutil.move(tmp_path / "experiment", moved / "experiment")
    assert Clusters(moved / "experiment/clusters").open_set(0).digest == digest
    if before:  # In the working directory, if the clusters alone have moved.
        monkeypatch.chdir(moved)
        shutil.move("experiment/clusters", tmp_path / "clusters")
        assert Clusters(tmp_path / "clusters").open_set(0).digest == digest


def test_images_given_by_an_absolute_path_are_found_when_the_clusters_move(tmp_path):
    clusters = clustered.write(str(tmp_path), noise, 2, 3, 16)
    shutil.move(clusters, tmp_path / "other/place")
    assert len(Clusters(tmp_path / "other/place").open_set(0)) == 6


def test_images_are_found_relative_to_the_clusters_alone(tmp_path, monkeypatch):
    """Neither the working directory nor a folder above is that of then."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    clustered.write("../data/experiment", noise, 2, 3, 16)
    shutil.move(tmp_path / "data", tmp_path / "archive")
    monkeypatch.chdir("/")
    clusters = Clusters(tmp_path / "archive/experiment/clusters")
    assert clusters.sets[0]["directory"] == "../images"
    assert len(clusters.open_set(0)) == 6


def test_missing_and_changed_images_are_named(experiment, tmp_path):
    clusters = Clusters("experiment/clusters")
    looked = f"{tmp_path}/experiment/images.* experiment/images .*{tmp_path} "
    message = f"--clusters_dir=experiment/clusters: .*--data_dir.*{looked}"
    shutil.rmtree("experiment/images")
    with pytest.raises(UserError, match=message):
        clusters.open_set(0)
    clustered.write("other", noise, 3, 3, 16)
    shutil.move("other/images", "experiment/images")
    with pytest.raises(UserError, match=message):
        clusters.open_set(0)


def test_images_in_a_store_are_looked_for_there_alone(experiment, monkeypatch):
    clusters = Clusters("experiment/clusters")
    clusters.sets[0]["directory"] = "s3://bucket/images"
    clusters.content["inputs"] = {"s3://bucket/images": clusters.sets[0]["digest"]}
    asked = []
    monkeypatch.setattr("filtering.clusters.has_manifest", asked.append)
    with pytest.raises(UserError, match="--data_dir=s3://bucket/images"):
        clusters.open_set(0)
    assert set(asked) == {"s3://bucket/images"}


def test_table_of_images_is_as_documented(experiment):
    text = (experiment / "clusters/clusters.csv").read_text()
    header, first, *_ = text.splitlines()
    assert header == "set_number,position,id,label,cluster,distance,suspicion,proposal"
    assert first.startswith('0,0,"pggan/<script>alert(""x"")</script>')
    assert first.endswith(",tumor,0,1.0,3.0,discard")
    assert text.splitlines()[5] == "0,4,pggan/run/0000004,tumor,1,1.1,2.51,keep"
    images = Clusters("experiment/clusters").images()
    assert images.id[0] == f"pggan/{clustered.HOSTILE}/0000000"
    assert images.suspicion.tolist() == [3.0, 3.01, 3.02, 2.5, 2.51, 2.52]
    assert images.proposal.tolist() == ["discard"] * 3 + ["keep"] * 3


def test_changed_table_and_foreign_sheet_are_refused(experiment, tmp_path):
    clusters = Clusters("experiment/clusters")
    with open("experiment/clusters/clusters.csv", "a") as file:
        file.write("\n")
    with pytest.raises(UserError, match="clusters/clusters.csv"):
        clusters.images()
    (tmp_path / "secret.png").write_bytes(b"secret")
    for name in ("../secret.png", "../../secret.png", "gone.png"):
        clusters.clusters[0]["sheet"] = clusters.content["reference"]["sheet"] = name
        for number in (0, None):
            with pytest.raises(UserError, match=name):
                clusters.sheet(number)


@pytest.mark.parametrize(
    "content, value",
    [("{}", "clusters_version"), ("[]", ""), ('{"clusters_version": 2}', " 2,.* 1")],
)
def test_other_files_are_refused_by_name(tmp_path, content, value):
    with pytest.raises(UserError, match=f"{tmp_path}: .*clusters.json"):
        Clusters(str(tmp_path))
    (tmp_path / "clusters.json").write_text(content)
    with pytest.raises(UserError, match=f"{tmp_path}/clusters.json: .*{value}"):
        Clusters(str(tmp_path))
