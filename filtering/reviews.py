"""What the review page shows, clusters or borderline slices, and what it may decide."""

import collections
import os

import flask
import pandas as pd

from dataset.errors import UserError
from dataset.folders import file_sha256, write_text
from dataset.shards import ShardSet
from filtering.clusters import DISCARD, KEEP
from filtering.decisions import DecisionJournal
from pages import pictures

SLICES_FILE, SLICES_SET = "slices.csv", "borderline"


class Review:
    """Things that a person decides about, and the decisions so far.

    A subclass names the `things`, their `title` on the page, the `scope` of a decision
    and its `choices`: keys, values, labels, signs and colours (`side`).

    Args:
      sets: the `ShardSet`s of the images.
      images: `DataFrame` of the images with `set_number` and `position`.
      source_sha256: digest of the file that lists the things.
      decisions_file: path, new or to be continued.
      reviewer: name of the person.

    Attributes:
      sheets: paths of contact sheets by cluster; None: of real images.
    """

    sheets: dict = {}

    def __init__(self, sets, images, source_sha256, decisions_file, reviewer):
        self._sets, self._images, self._reviewer = sets, images, reviewer
        self._decisions = DecisionJournal(decisions_file, self.things, source_sha256)

    def state(self):
        """All that the page shows at first, as JSON values."""
        return {
            "title": self.title,
            "scope": self.scope,
            "choices": self.choices,
            "reference": None in self.sheets,
            "items": self.items(),
            "totals": self.totals(),
        }

    def totals(self):
        """Numbers of images by decision, if the page shows them."""
        return {}

    def decide(self, scope, key, decision):
        """Stores a decision; returns what follows from it for the page.

        Raises:
          UserError: it could not be stored.
        """
        if key not in self.keys(scope):
            flask.abort(404, f"There is no {scope} {key}.")
        self._decisions.append(scope, key, decision, self._reviewer)
        return {"totals": self.totals()}

    def members(self, cluster, start, stop):
        """Some images of a cluster, the strangest first, as JSON values."""
        flask.abort(404, f"There is no cluster {cluster}.")

    def image(self, number):
        """An image by its row, uint8 [size, size]."""
        if number >= len(self._images):
            flask.abort(404, f"There is no image {number}.")
        image = self._images.iloc[number]
        return self._sets[image.set_number].record(image.position).image

    def close(self):
        self._decisions.close()


class ClusterReview(Review):
    """A review of `Clusters` and of single images.

    Raises:
      UserError: a shard set or a sheet is missing or has changed, or the decisions
        file is about something else.
    """

    things, title, scope = "clusters", "Clusters", "cluster"
    choices = (
        dict(key="k", value=KEEP, label="Keep", sign="✓", side="first"),
        dict(key="d", value=DISCARD, label="Discard", sign="✕", side="second"),
    )

    def __init__(self, clusters, decisions_file, reviewer):
        self._clusters = clusters.clusters
        sets = [clusters.open_set(number) for number in range(len(clusters.sets))]
        self.sheets = {number: clusters.sheet(number) for number in range(len(self))}
        if clusters.content["reference"]:
            self.sheets[None] = clusters.sheet(None)
        images = clusters.images()
        strangeness = images.suspicion.fillna(images.distance)
        order = strangeness.sort_values(ascending=False, kind="stable").index
        self._members = dict(iter(images.loc[order].groupby("cluster")))
        self._cluster_of = dict(zip(images.id, images.cluster))
        super().__init__(sets, images, clusters.digest, decisions_file, reviewer)

    def __len__(self):
        return len(self._clusters)

    def keys(self, scope):
        """{key: cluster} of all that can be decided in a scope."""
        clusters = {str(number): number for number in range(len(self))}
        return {"cluster": clusters, "image": self._cluster_of}.get(scope, {})

    def items(self):
        """The clusters, as JSON values."""
        marks = self._marks()
        return [
            {
                "key": str(number),
                "title": f"Cluster {number}",
                "facts": describe_cluster(cluster),
                "proposal": cluster["proposal"],
                "picture": f"/sheets/{number}.png",
                "size": pictures.png_size(self.sheets[number]),
                "decision": self._decisions.of("cluster", number),
                "marks": marks[number],
                "members": cluster["size"],
            }
            for number, cluster in enumerate(self._clusters)
        ]

    def members(self, cluster, start, stop):
        """As `Review.members`."""
        if cluster not in self._members:
            super().members(cluster, start, stop)
        items = [
            {
                "key": image.id,
                "title": image.id,
                "facts": [f"{image.suspicion:.2f}"] if image.proposal else [],
                "proposal": image.proposal or None,
                "picture": f"/images/{image.Index}.png",
                "decision": self._decisions.of("image", image.id),
            }
            for image in self._members[cluster][start:stop].itertuples()
        ]
        return {"items": items, "total": len(self._members[cluster])}

    def _marks(self):
        """{cluster: numbers of its images kept and discarded one by one}."""
        marks = collections.defaultdict(collections.Counter)
        for key, entry in self._decisions.current["image"].items():
            marks[self._cluster_of[key]][entry["decision"]] += 1
        return marks

    def totals(self):
        """Numbers of images kept, discarded and of all, by the decisions so far."""
        totals, marks = collections.Counter(), self._marks()
        for number, cluster in enumerate(self._clusters):
            others = cluster["size"] - marks[number].total()
            totals += marks[number]
            totals[self._decisions.of("cluster", number)] += others
        return {KEEP: totals[KEEP], DISCARD: totals[DISCARD], "all": len(self._images)}

    def decide(self, scope, key, decision):
        """As `Review.decide`; with the marks of the cluster."""
        answer = super().decide(scope, key, decision)
        return {**answer, "marks": self._marks()[self.keys(scope)[key]]}

    def summary(self):
        """What was decided, in words."""
        totals, decided = self.totals(), self._decisions.current["cluster"]
        return (
            f"{len(decided)} of {len(self)} clusters decided: {totals[KEEP]} images"
            f" kept, {totals[DISCARD]} discarded, of {totals['all']}."
        )


def describe_cluster(cluster):
    """Size, labels if it has several, and outlier score; texts."""
    size, score = cluster["size"], cluster["suspicion"]
    facts = [f"{size:,} image{'s' * (size != 1)}"]
    for name, count in cluster["labels"].items():
        if 0 < count < size:
            facts.append(f"{count:,} {name.replace('_', '-')}")
    return facts if score is None else [*facts, f"outlier score {score:.2f}"]


class SliceReview(Review):
    """A review of borderline slices.

    `dataset.prepare` leaves out slices whose label is uncertain: a few voxels of tumor,
    or none but in an adjacent slice. A person who sees one may know better.

    `prepared_dir` is of `dataset.prepare --keep_borderline`; `verdicts_csv`, the table
    for its `--exclude_csv`, is rewritten from the decisions now and after each.

    Raises:
      UserError: the slices are missing, or the decisions file is about others.
    """

    things, title, scope = "slices", "Borderline slices", "slice"
    choices = (
        dict(key="t", value="tumor", label="Tumor", sign="●", side="second"),
        dict(key="n", value="non_tumor", label="No tumor", sign="○", side="first"),
        dict(key="x", value="excluded", label="Leave out", sign="✕", side="third"),
    )

    def __init__(self, prepared_dir, decisions_file, verdicts_csv, reviewer):
        path = os.path.join(prepared_dir, SLICES_FILE)
        if not os.path.exists(path):
            raise UserError(
                f"--prepared_dir={prepared_dir}: no {SLICES_FILE}, expected an"
                " --output_dir of dataset.prepare --keep_borderline."
            )
        shard_set = ShardSet(os.path.join(prepared_dir, SLICES_SET))
        _, ids, _ = shard_set.origins()
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.index = "brats/" + table["case"] + "/" + table["slice"].str.zfill(3)
        missing = [i for i in ids if i not in table.index]
        if missing:
            raise UserError(f"{path}: no slice {missing[0]}, which is in {SLICES_SET}.")
        slices = table.loc[ids].assign(set_number=0, position=range(len(ids)))
        self._verdicts_csv = verdicts_csv
        super().__init__(
            [shard_set], slices, file_sha256(path), decisions_file, reviewer
        )
        self._write_verdicts()

    def __len__(self):
        return len(self._images)

    def keys(self, scope):
        """All that can be decided in a scope."""
        return self._images.index if scope == self.scope else ()

    def items(self):
        """The slices, as JSON values."""
        return [
            {
                "key": key,
                "title": f"{row['case']}, slice {row['slice']}",
                "facts": [row["reason"], f"{row['tumor_area']} mm² in the mask"],
                "picture": f"/images/{row['position']}.png",
                "decision": self._decisions.of("slice", key),
            }
            for key, row in self._images.iterrows()
        ]

    def decide(self, scope, key, decision):
        """As `Review.decide`; the table of verdicts follows."""
        answer = super().decide(scope, key, decision)
        self._write_verdicts()
        return answer

    def _write_verdicts(self):
        current = self._decisions.current["slice"]
        decided = self._images[self._images.index.isin(current)]
        made = [current[key] for key in decided.index]
        reasons = [f"reviewed by {d['reviewer']}: {d['decision']}" for d in made]
        table = decided[["case", "slice"]].assign(
            verdict=[entry["decision"] for entry in made], reason=reasons
        )
        write_text(self._verdicts_csv, table.to_csv(index=False, lineterminator="\n"))

    def summary(self):
        """What was decided, in words."""
        return (
            f"{len(self._decisions.current['slice'])} of {len(self)} slices decided;"
            f" dataset.prepare reads them with --exclude_csv={self._verdicts_csv}."
        )
