"""What the review page shows of clusters, and what it may decide about them."""

import collections
import os

from dataset.shards import ShardSet, UserError
from filtering.decisions import DISCARD, KEEP, DecisionJournal
from pages import pictures

CHOICES = (
    {"key": "k", "value": KEEP, "label": "Keep", "sign": "✓", "side": "first"},
    {"key": "d", "value": DISCARD, "label": "Discard", "sign": "✕", "side": "second"},
)


class ClusterReview:
    """Clusters of images with a person's decisions on them.

    Args:
      clusters: a `clusters.Clusters`.
      decisions_file: path of the decisions file, new or to go on with.
      reviewer: name of the person.

    Raises:
      UserError: a shard set or a sheet is missing or another one, or the decisions
        file is not of these clusters.
    """

    choices = CHOICES
    things = "clusters"

    def __init__(self, clusters, decisions_file, reviewer):
        self._clusters = clusters
        self._sets = [_open_set(listed) for listed in clusters.sets]
        self._images = clusters.images()
        self._members = collections.defaultdict(list)
        for number, image in enumerate(self._images):
            self._members[image.cluster].append(number)
        for members in self._members.values():
            members.sort(key=self._strangeness, reverse=True)
        self._cluster_of = {image.id: image.cluster for image in self._images}
        self._sheets = [
            _inside(clusters.directory, cluster["sheet"])
            for cluster in clusters.clusters
        ]
        reference = clusters.content["reference"]
        self._reference = reference and _inside(clusters.directory, reference["sheet"])
        self._reviewer = reviewer
        self._journal = DecisionJournal(decisions_file, "clusters", clusters.digest)
        self._marks = collections.defaultdict(collections.Counter)
        for key, decision in self._current("image").items():
            self._marks[self._cluster_of[key]][decision.decision] += 1

    def __len__(self):
        return len(self._sheets)

    def _strangeness(self, number):
        image = self._images[number]
        return image.distance if image.suspicion is None else image.suspicion

    def _current(self, scope):
        return self._journal.decisions.current[scope]

    def _decision(self, scope, key):
        decision = self._current(scope).get(str(key))
        return decision and decision.decision

    def state(self):
        """All that the page shows at first, as JSON values."""
        return {
            "title": "Clusters",
            "scope": "cluster",
            "choices": self.choices,
            "reference": self._reference is not None,
            "items": [self._item(n) for n in range(len(self._sheets))],
            "totals": self._totals(),
        }

    def _item(self, number):
        cluster = self._clusters.clusters[number]
        facts = [f"{cluster['size']:,} image{'s' * (cluster['size'] != 1)}"]
        facts += [
            f"{count:,} {name.replace('_', '-')}"
            for name, count in cluster["labels"].items()
            if count and count != cluster["size"]
        ]
        if cluster["suspicion"] is not None:
            facts.append(f"suspicion {cluster['suspicion']:.2f}")
        return {
            "key": str(number),
            "title": f"Cluster {number}",
            "facts": facts,
            "proposal": cluster["proposal"],
            "picture": f"/sheets/{number}.png",
            "size": pictures.png_size(self._sheets[number]),
            "decision": self._decision("cluster", number),
            "marks": self._marks[number],
            "members": cluster["size"],
        }

    def _totals(self):
        """Numbers of images kept, discarded and of all, by the decisions so far."""
        totals = collections.Counter()
        for number, cluster in enumerate(self._clusters.clusters):
            marks = self._marks[number]
            totals += marks
            totals[self._decision("cluster", number)] += cluster["size"] - marks.total()
        return {KEEP: totals[KEEP], DISCARD: totals[DISCARD], "all": len(self._images)}

    def members(self, cluster, start, stop):
        """Some images of a cluster, the strangest first, as JSON values."""
        items = []
        for number in self._members[cluster][start:stop]:
            image = self._images[number]
            suspicion = image.suspicion
            items.append(
                {
                    "key": image.id,
                    "title": image.id,
                    "facts": [] if suspicion is None else [f"{suspicion:.2f}"],
                    "proposal": image.proposal,
                    "picture": f"/images/{number}.png",
                    "decision": self._decision("image", image.id),
                }
            )
        return {"items": items, "total": len(self._members[cluster])}

    def decide(self, scope, key, decision):
        """Stores a decision; returns what follows from it for the page.

        Raises:
          KeyError: there is no such cluster or image.
          UserError: it could not be stored.
        """
        if scope == "cluster":
            clusters = map(str, range(len(self._sheets)))
            cluster = {name: int(name) for name in clusters}[key]
        else:
            cluster = self._cluster_of[key]
        before = self._decision(scope, key)
        self._journal.append(scope, key, decision, self._reviewer)
        if scope == "image":
            marks = self._marks[cluster]
            marks.subtract([before])
            marks.update([decision])
            self._marks[cluster] = +marks  # Without those that are none any more.
            self._marks[cluster].pop(None, None)
        return {"totals": self._totals(), "marks": self._marks[cluster]}

    def image(self, number):
        """An image, uint8 [size, size]; IndexError if there is none."""
        image = self._images[number]
        return pictures.read_image(self._sets[image.set_number], image.position)

    def sheet(self, number):
        """Path of a cluster's contact sheet; IndexError if there is none."""
        return self._sheets[number]

    @property
    def reference(self):
        """Path of the sheet of real images, or None."""
        return self._reference

    def summary(self):
        """What was decided, in words."""
        totals = self._totals()
        decided = len(self._current("cluster"))
        return (
            f"{decided} of {len(self._sheets)} clusters decided: {totals[KEEP]} images"
            f" kept, {totals[DISCARD]} discarded, of {totals['all']}."
        )

    def close(self):
        self._journal.close()


def _open_set(listed):
    """The shard set that `clusters.json` lists, if it is still that one."""
    shard_set = ShardSet(listed["directory"])
    if shard_set.digest != listed["digest"]:
        raise UserError(
            f"{listed['directory']}: not the shard set that was clustered; put that"
            " one back, or run filtering.cluster again."
        )
    return shard_set


def _inside(folder, name):
    """Path of a sheet, which may not lie anywhere but in the clusters' folder."""
    path = os.path.abspath(os.path.join(folder, name))
    if os.path.basename(name) != name or not os.path.isfile(path):
        raise UserError(
            f"{folder}: no contact sheet {name!r}; run filtering.cluster again."
        )
    return path
