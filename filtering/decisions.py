"""Decisions file: what a person said about clusters, images or slices, and when.

A journal of `pages.journal`: its first line says what the decisions are about, every
other line is one decision, and of several about one thing the last counts.
`docs/filtering.md` has the format.
"""

import dataclasses

from dataset.shards import UserError, file_sha256
from pages.journal import Journal, read_entries

DECISIONS_VERSION = 1
KEEP, DISCARD = "keep", "discard"
TUMOR, NON_TUMOR, EXCLUDED = "tumor", "non_tumor", "excluded"
# What a file decides about, the scopes that its decisions may have, and their values.
SOURCES = {"clusters": ("cluster", "image"), "slices": ("slice",)}
VALUES = {"clusters": (KEEP, DISCARD), "slices": (TUMOR, NON_TUMOR, EXCLUDED)}


@dataclasses.dataclass(frozen=True)
class Decision:
    """One line of the file.

    Attributes:
      scope: `cluster`, `image` or `slice`.
      key: number of the cluster, or id of the image or slice; always text.
      decision: one of `VALUES`, or None, which takes an earlier decision back.
      reviewer: who decided.
      time: ISO 8601, UTC; `DecisionJournal.append` sets it.
    """

    scope: str
    key: str
    decision: str | None
    reviewer: str
    time: str = ""


class Decisions:
    """The decisions that hold.

    Attributes:
      current: {scope: {key: its last `Decision`}}, without those taken back.
      digest: SHA-256 of the file that they were read from, None while it grows.
    """

    def __init__(self, source, decisions, digest=None):
        self.current = {scope: {} for scope in SOURCES[source]}
        self.digest = digest
        for decision in decisions:
            self.add(decision)

    def add(self, decision):
        """Takes one more line of the file into account."""
        if decision.decision is None:
            self.current[decision.scope].pop(decision.key, None)
        else:
            self.current[decision.scope][decision.key] = decision

    def of_image(self, image_id, cluster):
        """`keep`, `discard` or None; an image's own decision precedes its cluster's."""
        decision = self.current["image"].get(image_id)
        decision = decision or self.current["cluster"].get(str(cluster))
        return decision.decision if decision else None


def read_decisions(path, source, source_sha256):
    """Reads the `Decisions` of a finished review.

    Args:
      path: the decisions file.
      source: `clusters` or `slices`.
      source_sha256: digest of the file that was reviewed.

    Raises:
      UserError: there is no such file, it is damaged, or about something else.
    """
    decisions = _parse_all(path, read_entries(path), source, source_sha256)
    return Decisions(source, decisions, file_sha256(path))


class DecisionJournal:
    """A decisions file open for more decisions, by one program at a time.

    Args:
      path: the file, new or to go on with; its folder exists.
      source, source_sha256: see `read_decisions`.

    Attributes:
      decisions: the `Decisions` that are on the disk.
      history: all lines as `Decision`s, the oldest first.

    Raises:
      UserError: the file is damaged, about something else, being written by another
        program, or cannot be written.
    """

    def __init__(self, path, source, source_sha256):
        self._source = source
        self._journal = Journal(path)
        try:
            if not self._journal.entries:
                header = {"decisions_version": DECISIONS_VERSION, "source": source}
                self._journal.append({**header, "source_sha256": source_sha256})
            entries = self._journal.entries
            self.history = _parse_all(path, entries, source, source_sha256)
        except UserError:
            self.close()
            raise
        self.decisions = Decisions(source, self.history)

    def append(self, scope, key, decision, reviewer):
        """Puts a `Decision` on the disk, and returns it then.

        Raises:
          UserError: it is not one, or could not be written; the file is as before.
        """
        entry = {"scope": scope, "key": key, "decision": decision, "reviewer": reviewer}
        _parse(self._journal.path, {**entry, "time": ""}, self._source)
        decision = Decision(**self._journal.append(entry))
        self.decisions.add(decision)
        self.history.append(decision)
        return decision

    def close(self):
        """Closes the file and gives it free for others."""
        self._journal.close()


def _parse_all(path, entries, source, source_sha256):
    header, *entries = entries or [{}]
    wanted = {
        "decisions_version": DECISIONS_VERSION,
        "source": source,
        "source_sha256": source_sha256,
    }
    for name, value in wanted.items():
        if header.get(name) != value:
            raise UserError(
                f"{path}: not the decisions wanted: {name} is {header.get(name)!r} in"
                f" its first line, wanted {value!r}."
            )
    return [
        _parse(f"{path}, line {number}", entry, source)
        for number, entry in enumerate(entries, start=2)
    ]


def _parse(place, entry, source):
    """A `Decision` of a dict.

    Raises:
      UserError: it is none about this source; `place` begins the message.
    """
    names = {field.name for field in dataclasses.fields(Decision)}
    if entry.keys() != names:
        raise UserError(
            f"{place}: has {', '.join(entry)}; wanted {', '.join(sorted(names))}."
        )
    wanted = {"scope": SOURCES[source], "decision": (*VALUES[source], None)}
    for name, values in wanted.items():
        if entry[name] not in values:
            listed = ", ".join(map(repr, values))
            raise UserError(f"{place}: {name} is {entry[name]!r}, wanted of {listed}.")
    for name in ("key", "reviewer", "time"):
        if not isinstance(entry[name], str):
            raise UserError(f"{place}: {name} is {entry[name]!r}, wanted text.")
    return Decision(**entry)
