"""Clusters file: what `filtering.cluster` found, for people and programs to decide on.

`clusters.json` holds the clusters and where everything came from, `clusters.csv` a row
per image; the first names the digest of the second. `docs/filtering.md` has the format.
"""

import csv
import dataclasses
import io
import os

from dataset.shards import (
    UserError,
    file_sha256,
    label_name,
    label_number,
    read_json,
    write_json,
    write_text,
)

CLUSTERS_VERSION = 1
CLUSTERS_FILE, IMAGES_FILE = "clusters.json", "clusters.csv"


@dataclasses.dataclass(frozen=True, slots=True)
class ClusteredImage:
    """One row of `clusters.csv`.

    Attributes:
      set_number: which of `Clusters.sets` it is in, from 0.
      position: its place in that set, from 0: what `ShardSet.serialized` takes.
      id: its id, unique over all the sets.
      label: 0 non-tumor, 1 tumor, -1 unlabeled.
      cluster: number of its cluster.
      distance: of its features to the cluster's centre.
      suspicion: 1 where real images end; None without a reference.
      proposal: `keep`, `discard` or None without a reference.
    """

    set_number: int
    position: int
    id: str
    label: int
    cluster: int
    distance: float
    suspicion: float | None
    proposal: str | None


COLUMNS = tuple(field.name for field in dataclasses.fields(ClusteredImage))


class Clusters:
    """The clusters of a finished `filtering.cluster`.

    Attributes:
      directory: its --output_dir.
      digest: SHA-256 of `clusters.json`; stands for the images as well.
      content: `clusters.json`, parsed.
      clusters: its list of clusters, dicts; number n is at n, the strangest first.
      sets: the clustered shard sets, dicts of `directory`, `digest`, `num_images`,
        `image_size`.

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
        self.content = read_json(path)
        self.digest = file_sha256(path)
        try:
            if self.content["clusters_version"] != CLUSTERS_VERSION:
                raise UserError(
                    f"{path}: clusters_version is {self.content['clusters_version']},"
                    f" wanted {CLUSTERS_VERSION}."
                )
            self.clusters, self.sets = self.content["clusters"], self.content["sets"]
            self._images_sha256 = self.content["images"]["sha256"]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: not a clusters file: {error!r}.") from error

    def images(self):
        """The `ClusteredImage`s in the order of the sets.

        Raises:
          UserError: `clusters.csv` is not the one that `clusters.json` names.
        """
        path = os.path.join(self.directory, IMAGES_FILE)
        if not os.path.exists(path) or file_sha256(path) != self._images_sha256:
            raise UserError(
                f"{path}: missing or changed since {CLUSTERS_FILE} was written; run"
                " filtering.cluster again with --overwrite."
            )
        with open(path, newline="", encoding="utf-8") as file:
            return [_parse_row(row) for row in csv.DictReader(file)]

    def sheet_path(self, cluster):
        """Path of the contact sheet of a cluster, by its number."""
        return os.path.join(self.directory, self.clusters[cluster]["sheet"])

    @property
    def reference_sheet_path(self):
        """Path of the contact sheet of real images, None without a reference."""
        reference = self.content["reference"]
        return reference and os.path.join(self.directory, reference["sheet"])


def write_clusters(directory, images, content):
    """Writes `clusters.csv`, then `clusters.json`, each whole or not at all.

    Args:
      directory: the folder.
      images: the `ClusteredImage`s.
      content: what `clusters.json` says besides the version and the images' digest.
    """
    path = os.path.join(directory, IMAGES_FILE)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for image in images:
        row = dataclasses.asdict(image) | {"label": label_name(image.label)}
        writer.writerow(["" if v is None else v for v in row.values()])
    write_text(path, table.getvalue())
    listed = {"name": IMAGES_FILE, "sha256": file_sha256(path)}
    content = {"clusters_version": CLUSTERS_VERSION, **content, "images": listed}
    write_json(os.path.join(directory, CLUSTERS_FILE), content)


def _parse_row(row):
    return ClusteredImage(
        set_number=int(row["set_number"]),
        position=int(row["position"]),
        id=row["id"],
        label=label_number(row["label"]),
        cluster=int(row["cluster"]),
        distance=float(row["distance"]),
        suspicion=float(row["suspicion"]) if row["suspicion"] else None,
        proposal=row["proposal"] or None,
    )
