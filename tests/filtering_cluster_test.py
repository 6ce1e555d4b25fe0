"""Clusters: reproducible, continued when stopped, refused in words."""

import os

import numpy as np
import pytest
import resnet14
from sklearn.cluster import KMeans

from dataset.errors import UserError
from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from features import extraction, networks
from filtering import cluster, clustering
from filtering.clusters import Clusters
from filtering.outliers import RealImages
from flags import filtering as filtering_flags


@pytest.fixture(scope="module")
def folders(write_images, tmp_path_factory):
    """Two sets of 32 images to sort, and 24 real ones of three patients."""
    folder = tmp_path_factory.mktemp("cluster")
    write_images(folder / "tumor", 1, images=16)
    write_images(folder / "non_tumor", 0, images=16)
    write_images(folder / "real", 1, patients=("a", "b", "c"), images=8)
    return folder


@pytest.fixture(scope="module")
def flags(folders, flag_defaults):
    return {
        **flag_defaults(filtering_flags.define_cluster),
        "data_dir": [str(folders / "tumor"), str(folders / "non_tumor")],
        "reference_dir": [str(folders / "real")],
        "weights": "none",
        "num_clusters": 5,
    }


@pytest.fixture(scope="module")
def finished(flags, folders):
    """The clusters of these flags; for reading."""
    folder = str(folders / "finished")
    cluster.cluster(**{**flags, "output_dir": folder})
    return Clusters(folder)


@pytest.fixture
def settings(flags, tmp_path):
    """Flags of clusters for one test."""
    return {**flags, "output_dir": str(tmp_path / "clusters")}


def test_every_image_has_its_cluster_and_the_strangest_comes_first(finished, flags):
    images = finished.images()
    sets = [ShardSet(directory) for directory in flags["data_dir"]]
    records = [record for shards in sets for record in shards.records()]
    assert images.id.tolist() == [r.id for r in records]
    assert images.label.tolist() == ["tumor"] * 32 + ["non_tumor"] * 32
    assert images.set_number.tolist() == [0] * 32 + [1] * 32
    assert images.position.tolist() == [*range(32), *range(32)]
    for number, listed in enumerate(finished.clusters):
        own = images[images.cluster == number]
        assert listed["size"] == len(own) == sum(listed["labels"].values()) > 0
        assert listed["labels"].get("tumor", 0) == (own.label == "tumor").sum()
        assert listed["suspicion"] == pytest.approx(own.suspicion.median(), abs=1e-3)
        discarded = own.proposal == "discard"
        assert listed["num_proposed"] == discarded.sum()
        assert (discarded == (own.suspicion > flags["max_suspicion"])).all()
        assert (listed["proposal"] == "discard") == (discarded.mean() > 0.5)
        assert os.path.exists(finished.sheet(number))
    order = [listed["suspicion"] for listed in finished.clusters]
    assert order == sorted(order, reverse=True)
    assert os.path.exists(finished.sheet(None))


def test_folder_says_where_everything_came_from(finished, flags):
    content = finished.content
    sets = [*flags["data_dir"], *flags["reference_dir"]]
    assert content["inputs"] == {path: ShardSet(path).digest for path in sets}
    assert content["settings"]["num_clusters"] == 5
    assert "no ImageNet" in content["features"]["description"]
    assert content["reference"]["num_patients"] == 3
    names = os.listdir(finished.directory)
    assert not [name for name in names if "feat" in name or "unfinished" in name]


def contents(folder):
    """{name: bytes} of a folder."""
    return {
        name: open(os.path.join(folder, name), "rb").read()
        for name in sorted(os.listdir(folder))
    }


def test_stopped_run_continues_to_the_same_files(flags, finished, folders, monkeypatch):
    class Stop(BaseException):
        pass

    def stop(*_):
        raise Stop

    settings = {**flags, "output_dir": str(folders / "stopped")}
    monkeypatch.setattr(clustering, "k_means", stop)
    with pytest.raises(Stop):
        cluster.cluster(**settings)
    with pytest.raises(UserError, match=f"{settings['output_dir']}.*clusters.json"):
        Clusters(settings["output_dir"])
    monkeypatch.undo()
    monkeypatch.setattr(extraction, "feature_batches", None)  # The features are there.
    cluster.cluster(**settings)
    assert contents(settings["output_dir"]) == contents(finished.directory)


def test_finished_clusters_stay_and_others_are_not_overwritten(settings, capsys):
    settings["reference_dir"] = []
    cluster.cluster(**settings)
    assert "descriptors" in capsys.readouterr().out
    path = os.path.join(settings["output_dir"], "clusters.json")
    before = os.stat(path).st_mtime_ns
    cluster.cluster(**settings)
    assert os.stat(path).st_mtime_ns == before
    assert "--reference_dir" in capsys.readouterr().out  # Why nothing is proposed.
    found = Clusters(settings["output_dir"])
    assert found.images().suspicion.isna().all()
    assert set(found.images().proposal) == {""}
    assert found.content["num_proposed"] is found.content["reference"] is None
    with pytest.raises(UserError, match="--num_clusters was 5, is 4"):
        cluster.cluster(**{**settings, "num_clusters": 4})
    cluster.cluster(**{**settings, "num_clusters": 4, "overwrite": True})
    names = os.listdir(settings["output_dir"])
    assert sum(name.startswith("cluster-") for name in names) == 4


def test_network_makes_the_clusters_and_descriptors_help_to_score(
    settings, monkeypatch
):
    small = (resnet14.ResNet14, *networks.NETWORKS["resnet50"][1:])
    monkeypatch.setitem(networks.NETWORKS, "resnet50", small)
    joined, join = [], clustering.join_features
    monkeypatch.setattr(
        clustering,
        "join_features",
        lambda *args: joined.append(join(*args)) or joined[0],
    )
    cluster.cluster(**{**settings, "backbone": "resnet50", "feature_size": 32})
    assert joined[0].shape == (64, 2048)  # Without the descriptors.
    found = Clusters(settings["output_dir"])
    assert found.images().suspicion.notna().all()
    features = found.content["features"]
    assert "resnet50 with random weights" in features["description"]
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
    refused("--num_clusters=65: --data_dir .*64", num_clusters=65)
    refused("--num_clusters=5: --data_dir .*1 ", data_dir=[one])
    refused(
        "--data_dir: .*tumor 32 px, .*larger 40 px",
        data_dir=[*settings["data_dir"], larger],
    )
    refused("--data_dir: .* id brats/p1/1-0", data_dir=settings["data_dir"] * 2)
    refused("--reference_dir: .*larger .*40 px.*32 px", reference_dir=[larger])
    refused("--reference_dir: .*/tumor ", reference_dir=[str(folders / "tumor")])
    refused(f"{tmp_path}/nothing: ", data_dir=[str(tmp_path / "nothing")])
    refused("--weights=no.h5", weights="no.h5")


def test_reference_of_one_patient_is_refused(settings, tmp_path):
    only = write_one(tmp_path / "only", patient="a", number=4)
    with pytest.raises(UserError, match="--reference_dir: .*one patient"):
        cluster.cluster(**{**settings, "reference_dir": [only]})


@pytest.mark.parametrize("copies, num_clusters", [(1, 1), (10, 5)])
def test_copies_of_one_image_are_one_cluster(settings, tmp_path, copies, num_clusters):
    same = write_one(tmp_path / "same", number=copies)
    settings |= {"data_dir": [same], "num_clusters": num_clusters}
    cluster.cluster(**settings)
    [only] = Clusters(settings["output_dir"]).clusters
    assert only["size"] == copies


def test_clusters_are_those_of_scikit_learn_and_of_the_seed():
    draws = np.random.default_rng(0)
    features = draws.normal(size=[300, 8]).astype(np.float32)
    own, distances = clustering.k_means(features.copy(), 7, 3)
    means = KMeans(7, init="k-means++", n_init=1, random_state=3).fit(features)
    np.testing.assert_array_equal(own, means.labels_)
    expected = np.linalg.norm(features - means.cluster_centers_[own], axis=1)
    np.testing.assert_allclose(distances, expected, rtol=1e-3)
    again, _ = clustering.k_means(features.copy(), 7, 3)
    np.testing.assert_array_equal(own, again)
    other, _ = clustering.k_means(features.copy(), 7, 4)
    assert (own != other).any()


def test_blocks_weigh_the_same():
    draws = np.random.default_rng(0)
    features = draws.normal(size=[50, 5]).astype(np.float32) * [1, 1, 1, 9, 9]
    blocks = {"one": slice(0, 3), "two": slice(3, 5)}
    joined = clustering.join_features([features[:20], features[20:]], blocks)
    for block in blocks.values():
        assert joined[:, block].var(axis=0).sum() == pytest.approx(1, rel=1e-4)
    alone = clustering.join_features([features], {"two": slice(3, 5)})
    np.testing.assert_array_equal(alone, features[:, 3:].astype(np.float32))


def test_ranking_puts_the_strangest_cluster_first():
    clusters = np.array([0, 0, 1, 2, 2])
    strangeness = np.array([1.0, 2.0, 9.0, 3.0, 4.0])
    assert clustering.rank(clusters, strangeness).tolist() == [2, 2, 0, 1, 1]


def test_outlier_score_by_hand():
    """Three patients on a line at 0 and 1, 10, 12. To the nearest of another patient:
    10, 9; 2; 2. Where 95 % of a patient's images are: 9.95, 2, 2; nine in ten: 9.95."""
    features = np.array([[0.0], [1.0], [10.0], [12.0]], np.float32)
    real = RealImages(features, ["a", "a", "b", "c"], {"all": slice(0, 1)})
    scores = real.score(np.array([[1.0], [31.9]], np.float32), ["", ""])
    np.testing.assert_allclose(scores, [0, 2], rtol=1e-4)
    # Compared with other patients only: from 1 to 10.
    scores = real.score(np.array([[1.0]], np.float32), ["a"])
    np.testing.assert_allclose(scores, 9 / 9.95, rtol=1e-4)


def test_outlier_score_is_that_of_the_strangest_block():
    features = np.array([[0, 0], [1, 100]], np.float32)
    blocks = {"one": slice(0, 1), "two": slice(1, 2)}
    real = RealImages(features, ["a", "b"], blocks)
    points = np.array([[3, 0], [0, 400]], np.float32)
    np.testing.assert_allclose(real.score(points, ["", ""]), [2, 3], rtol=1e-4)
