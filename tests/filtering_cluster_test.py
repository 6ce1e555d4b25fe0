"""Clusters: reproducible, continued after a kill, refused in words."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.cluster import KMeans

from dataset.shards import Record, ShardSet, UserError, write_shard_set
from filtering import cluster, groups, ranking
from filtering.clusters import Clusters
from filtering.suspicion import RealImages
from flags import filtering as filtering_flags


@pytest.fixture(scope="module")
def folders(write_images, tmp_path_factory):
    """Two sets of 32 images to sort, and 24 real ones of three patients."""
    folder = tmp_path_factory.mktemp("cluster")
    write_images(folder / "tumor", 1, images=16)
    write_images(folder / "non_tumor", 0, images=16)
    write_images(folder / "real", 1, patients=("a", "b", "c"), images=8)
    return folder


@pytest.fixture
def settings(folders, flag_defaults, tmp_path):
    return {
        **flag_defaults(filtering_flags.define_cluster),
        "data_dir": [str(folders / "tumor"), str(folders / "non_tumor")],
        "reference_dir": [str(folders / "real")],
        "output_dir": str(tmp_path / "clusters"),
        "weights": "none",
        "num_clusters": 5,
    }


def test_every_image_has_its_cluster_and_the_strangest_comes_first(settings):
    cluster.cluster(**settings)
    found = Clusters(settings["output_dir"])
    images = found.images()
    sets = [ShardSet(directory) for directory in settings["data_dir"]]
    records = [record for shards in sets for record in shards.records()]
    assert [i.id for i in images] == [r.id for r in records]
    assert [i.label for i in images] == [r.label for r in records]
    assert [(i.set_number, i.position) for i in images] == [
        (number, position) for number in (0, 1) for position in range(32)
    ]
    for number, listed in enumerate(found.clusters):
        own = [i for i in images if i.cluster == number]
        assert listed["size"] == len(own) == sum(listed["labels"].values()) > 0
        median = np.median([i.suspicion for i in own])
        assert listed["suspicion"] == pytest.approx(median, abs=1e-3)
        discarded = [i for i in own if i.proposal == "discard"]
        assert listed["num_proposed"] == len(discarded)
        assert all(i.suspicion > settings["max_suspicion"] for i in discarded)
        assert os.path.exists(found.sheet_path(number))
    order = [listed["suspicion"] for listed in found.clusters]
    assert order == sorted(order, reverse=True)
    assert os.path.exists(found.reference_sheet_path)


def test_folder_says_where_everything_came_from(settings):
    cluster.cluster(**settings)
    content = Clusters(settings["output_dir"]).content
    sets = [*settings["data_dir"], *settings["reference_dir"]]
    assert content["inputs"] == {path: ShardSet(path).digest for path in sets}
    assert content["settings"]["num_clusters"] == 5
    assert "no ImageNet" in content["features"]["description"]
    assert content["reference"]["num_patients"] == 3
    assert not [name for name in os.listdir(settings["output_dir"]) if "feat" in name]


def results(settings):
    """What was found, without where it lies."""
    found = Clusters(settings["output_dir"])
    sheets = [
        open(found.sheet_path(number), "rb").read()
        for number in range(len(found.clusters))
    ]
    return found.images(), found.clusters, sheets


def test_same_seed_gives_the_same_clusters(settings, tmp_path):
    cluster.cluster(**settings)
    again = {**settings, "output_dir": str(tmp_path / "again")}
    cluster.cluster(**again)
    assert results(again) == results(settings)
    other = {**settings, "output_dir": str(tmp_path / "other"), "seed": 1}
    cluster.cluster(**other)
    clusters = [[i.cluster for i in results(s)[0]] for s in (settings, other)]
    assert clusters[0] != clusters[1]


def test_killed_run_goes_on_to_the_same_result(settings, tmp_path):
    code = (
        "import os, signal, sys, json\n"
        "from filtering import cluster, sorting\n"
        "sorting.group = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cluster.cluster(**json.loads(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", code, json.dumps(settings)]
    assert subprocess.run(command, timeout=300).returncode == -signal.SIGKILL
    folder = settings["output_dir"]
    with pytest.raises(UserError, match="no clusters.json"):
        Clusters(folder)
    extracted = os.path.join(folder, "features-data-0.npy")
    written = os.stat(extracted).st_mtime_ns
    seen = []
    group = cluster.sort_images.__globals__["group"]

    def look_and_group(*args):
        seen.append(os.stat(extracted).st_mtime_ns)
        return group(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cluster.sort_images.__globals__, "group", look_and_group)
        cluster.cluster(**settings)
    assert seen == [written]  # Features that were there were not made again.
    whole = {**settings, "output_dir": str(tmp_path / "whole")}
    cluster.cluster(**whole)
    assert results(whole) == results(settings)


def test_finished_clusters_stay_and_others_are_not_overwritten(settings):
    cluster.cluster(**settings)
    path = os.path.join(settings["output_dir"], "clusters.json")
    before = os.stat(path).st_mtime_ns
    time.sleep(0.01)
    cluster.cluster(**settings)
    assert os.stat(path).st_mtime_ns == before
    with pytest.raises(UserError, match="--num_clusters was 5, is 4"):
        cluster.cluster(**{**settings, "num_clusters": 4})
    cluster.cluster(**{**settings, "num_clusters": 4, "overwrite": True})
    names = os.listdir(settings["output_dir"])
    assert sum(name.startswith("cluster-") for name in names) == 4


def test_without_reference_nothing_is_proposed(settings, capsys):
    cluster.cluster(**{**settings, "reference_dir": []})
    assert "Without --reference_dir nothing is proposed" in capsys.readouterr().out
    found = Clusters(settings["output_dir"])
    assert {(i.suspicion, i.proposal) for i in found.images()} == {(None, None)}
    assert found.content["num_proposed"] is found.reference_sheet_path is None


def test_what_the_features_are_is_said(settings, capsys):
    cluster.cluster(**settings)
    assert "Features: descriptors made by hand" in capsys.readouterr().out


def test_network_sorts_and_descriptors_help_to_suspect(settings):
    network = {"backbone": "densenet121", "feature_size": 32}
    cluster.cluster(**{**settings, **network})
    features = Clusters(settings["output_dir"]).content["features"]
    assert "densenet121 with random weights" in features["description"]
    assert "descriptors made by hand" in features["suspicion_by"]


def write_one(folder, patient="", size=32, number=1):
    records = [
        Record(np.zeros([size, size]), 0, f"{n}", patient) for n in range(number)
    ]
    return write_shard_set(
        str(folder), lambda a, b: iter(records[a:b]), number, binary="t", settings={}
    ).directory


def test_what_cannot_be_clustered_is_refused(settings, folders, write_images, tmp_path):
    def refused(message, **changes):
        with pytest.raises(UserError, match=message):
            cluster.cluster(**{**settings, **changes})
        assert not os.path.exists(settings["output_dir"])

    larger = write_images(tmp_path / "larger", 1, size=40).directory
    one = write_one(tmp_path / "one")
    refused("--num_clusters=65: --data_dir has 64 images", num_clusters=65)
    refused("--num_clusters=5: --data_dir has 1 images", data_dir=[one])
    refused(
        "tumor 32 px, .*larger 40 px; wanted one size",
        data_dir=[*settings["data_dir"], larger],
    )
    refused("several images have the id", data_dir=settings["data_dir"] * 2)
    refused("larger has 40 px, more than the 32 px", reference_dir=[larger])
    refused("tumor is in --data_dir", reference_dir=[str(folders / "tumor")])
    refused("nothing: no such shard set", data_dir=[str(tmp_path / "nothing")])
    refused("--weights=no.h5: no such file", weights="no.h5")


def test_reference_of_one_patient_is_refused(settings, tmp_path):
    only = write_one(tmp_path / "only", patient="a", number=4)
    with pytest.raises(UserError, match="--reference_dir: images of one patient only"):
        cluster.cluster(**{**settings, "reference_dir": [only]})


def test_one_image_can_be_the_one_cluster(settings, tmp_path):
    one = write_one(tmp_path / "one")
    cluster.cluster(**{**settings, "data_dir": [one], "num_clusters": 1})
    assert [i.cluster for i in Clusters(settings["output_dir"]).images()] == [0]


def test_copies_of_few_images_give_fewer_clusters(settings, tmp_path):
    same = write_one(tmp_path / "same", number=10)
    cluster.cluster(**{**settings, "data_dir": [same]})
    [only] = Clusters(settings["output_dir"]).clusters
    assert only["size"] == 10


def test_changed_table_of_images_is_refused(settings):
    cluster.cluster(**settings)
    with open(os.path.join(settings["output_dir"], "clusters.csv"), "a") as file:
        file.write("\n")
    with pytest.raises(UserError, match="clusters.csv: missing or changed"):
        Clusters(settings["output_dir"]).images()


def test_groups_are_those_of_scikit_learn():
    draws = np.random.default_rng(0)
    features = draws.normal(size=[300, 8]).astype(np.float32)
    own, distances = groups.group(features.copy(), 7, 3)
    means = KMeans(7, init="k-means++", n_init=1, random_state=3).fit(features)
    np.testing.assert_array_equal(own, means.labels_)
    expected = np.linalg.norm(features - means.cluster_centers_[own], axis=1)
    np.testing.assert_allclose(distances, expected, rtol=1e-3)


def test_blocks_weigh_the_same():
    draws = np.random.default_rng(0)
    features = draws.normal(size=[50, 5]).astype(np.float32) * [1, 1, 1, 9, 9]
    blocks = [slice(0, 3), slice(3, 5)]
    comparable = groups.comparable_features([features[:20], features[20:]], blocks)
    for block in blocks:
        assert comparable[:, block].var(axis=0).sum() == pytest.approx(1, rel=1e-4)
    alone = groups.comparable_features([features], [slice(3, 5)])
    np.testing.assert_array_equal(alone, features[:, 3:].astype(np.float32))


def test_ranking_puts_the_strangest_cluster_first():
    clusters = np.array([0, 0, 1, 2, 2])
    strangeness = np.array([1.0, 2.0, 9.0, 3.0, 4.0])
    assert ranking.ranked(clusters, strangeness).tolist() == [2, 2, 0, 1, 1]


def test_suspicion_by_hand():
    """Three patients on a line at 0 and 1, 10, 12. To the nearest of another patient:
    10, 9; 2; 2. Where 95 % of a patient's images are: 9.95, 2, 2; nine in ten: 9.95."""
    features = np.array([[0.0], [1.0], [10.0], [12.0]], np.float32)
    real = RealImages(features, ["a", "a", "b", "c"], {"all": slice(0, 1)})
    suspicion = real.suspicion(np.array([[1.0], [31.9]], np.float32), ["", ""])
    np.testing.assert_allclose(suspicion, [0, 2], rtol=1e-4)
    # Compared with other patients only: from 1 to 10.
    suspicion = real.suspicion(np.array([[1.0]], np.float32), ["a"])
    np.testing.assert_allclose(suspicion, 9 / 9.95, rtol=1e-4)


def test_suspicion_is_that_of_the_strangest_block():
    features = np.array([[0, 0], [1, 100]], np.float32)
    blocks = {"one": slice(0, 1), "two": slice(1, 2)}
    real = RealImages(features, ["a", "b"], blocks)
    points = np.array([[3, 0], [0, 400]], np.float32)
    np.testing.assert_allclose(real.suspicion(points, ["", ""]), [2, 3], rtol=1e-4)
