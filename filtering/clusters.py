"""Clusters file: what `filtering.cluster` found, for people and programs to decide on.

`clusters.json` holds the clusters and where everything came from, `clusters.csv` a row
per image; the first names the digest of the second. `docs/filtering.md` has the format.
"""

import os
import pathlib

import pandas as pd

from dataset.errors import UserError
from dataset.folders import file_sha256, read_json, write_json, write_text
from dataset.shards import MANIFEST, ShardSet, has_manifest

CLUSTERS_VERSION = 1
CLUSTERS_FILE, IMAGES_FILE = "clusters.json", "clusters.csv"
COLUMNS = "set_number position id label cluster distance suspicion proposal".split()
KEEP, DISCARD = "keep", "discard"


class Clusters:
    """The clusters of a finished `filtering.cluster`.

    Attributes:
      directory: its --output_dir.
      digest: SHA-256 of `clusters.json`; stands for the images as well.
      content: `clusters.json`, parsed.
      clusters, sets: its lists of clusters (the strangest first) and of shard sets.

    Raises:
      UserError: the folder holds no finished clusters, or damaged ones.
    """

    def __init__(self, directory):
        self.directory = directory
        path = os.path.join(directory, CLUSTERS_FILE)
        if not os.path.exists(path):
            raise UserError(
                f"{directory}: no {CLUSTERS_FILE}, so no finished clusters; run"
                " filtering.cluster with this --output_dir."
            )
        self.content, self.digest = read_json(path), file_sha256(path)
        try:
            version = self.content["clusters_version"]
            if version != CLUSTERS_VERSION:
                raise UserError(
                    f"{path}: clusters_version is {version}, expected"
                    f" {CLUSTERS_VERSION}."
                )
            self.clusters, self.sets = self.content["clusters"], self.content["sets"]
            self._images_sha256 = self.content["images"]["sha256"]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: not a clusters file: {error!r}.") from error

    def images(self):
        """The images in the order of the sets, a `DataFrame` of `COLUMNS`.

        Without a reference, `suspicion` is NaN and `proposal` empty.

        Raises:
          UserError: `clusters.csv` is not the one that `clusters.json` names.
        """
        path = os.path.join(self.directory, IMAGES_FILE)
        if not os.path.exists(path) or file_sha256(path) != self._images_sha256:
            raise UserError(
                f"{path}: missing or changed since {CLUSTERS_FILE} was written; run"
                " filtering.cluster again with --overwrite."
            )
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(("id", "label", "proposal"), str),
            keep_default_na=False,  # An id may be "NA".
            na_values={"suspicion": ""},
            float_precision="round_trip",
        )

    def open_set(self, number):
        """The `ShardSet` of `sets[number]`, found by path and digest.

        The path is relative to `clusters.json`. In older files it is as the flag was,
        relative to the working directory: perhaps today's, or one above the clusters.

        Raises:
          UserError: it is in none of these places.
        """
        names = self.set_names(number)
        folder = pathlib.Path(self.directory).resolve()
        bases = [folder, pathlib.Path.cwd(), *folder.parents]
        paths = [os.path.normpath(base / name) for name in names for base in bases]
        for path in names if "://" in names[0] else dict.fromkeys(paths):
            digest = has_manifest(path) and file_sha256(os.path.join(path, MANIFEST))
            if digest == self.sets[number]["digest"]:
                return ShardSet(path)
        raise UserError(
            f"--clusters_dir={self.directory}: the shard set that was clustered as"
            f" --data_dir={names[-1]} is missing or has changed. Looked for {paths[0]},"
            f" and for {names[-1]} in the working directory {bases[1]} and in every"
            " folder above the clusters. Put it back, or run filtering.cluster again."
        )

    def set_names(self, number):
        """The folder of `sets[number]`: as listed and, if known, as the flag was."""
        digest, inputs = self.sets[number]["digest"], self.content.get("inputs", {})
        given = [path for path, known in inputs.items() if known == digest]
        return [self.sets[number]["directory"], *given]

    def sheet(self, number):
        """Path of a cluster's contact sheet, or of that of real images if None.

        Raises:
          UserError: it is not in the folder.
        """
        listed = self.content["reference"] if number is None else self.clusters[number]
        name = listed["sheet"]
        path = os.path.abspath(os.path.join(self.directory, name))
        if os.path.basename(name) != name or not os.path.isfile(path):
            raise UserError(
                f"{self.directory}: no contact sheet {name!r}; run filtering.cluster"
                " again."
            )
        return path


def write_clusters(directory, images, content):
    """Writes `clusters.csv`, then `clusters.json`, each whole or not at all.

    Args:
      directory: the folder.
      images: `DataFrame` with `COLUMNS`; of its floats six digits are kept.
      content: what `clusters.json` says besides the version and the images' digest.
    """
    path = os.path.join(directory, IMAGES_FILE)
    images = images[COLUMNS].copy()
    for name in images.select_dtypes("floating"):
        images[name] = [float(f"{value:.6g}") for value in images[name]]
    write_text(path, images.to_csv(index=False, lineterminator="\n"))
    listed = {"name": IMAGES_FILE, "sha256": file_sha256(path)}
    content = {"clusters_version": CLUSTERS_VERSION, **content, "images": listed}
    write_json(os.path.join(directory, CLUSTERS_FILE), content)


def describe_sets(shard_sets, directory):
    """Entries of `sets`, with the folders as seen from `directory`."""
    start = os.path.realpath(directory)
    return [
        {
            "directory": path
            if "://" in (path := shards.directory)
            else os.path.relpath(os.path.realpath(path), start),
            "digest": shards.digest,
            "num_images": len(shards),
            "image_size": shards.image_size,
        }
        for shards in shard_sets
    ]
