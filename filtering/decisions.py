"""Decisions file: what a person said about clusters, images or slices, and when.

A journal of `pages.journal`: its first line says what the decisions are about, every
other line is one decision, and of several about one thing the last counts.
`docs/filtering.md` has the format.
"""

from dataset.errors import UserError
from dataset.folders import file_sha256
from pages.journal import Journal, read_entries

DECISIONS_VERSION = 1
FIELDS = ("time", "scope", "key", "decision", "reviewer")
# What a file is about, and the values that two fields of its decisions may have.
SOURCES = {
    "clusters": {"scope": ("cluster", "image"), "decision": ("keep", "discard", None)},
    "slices": {
        "scope": ("slice",),
        "decision": ("tumor", "non_tumor", "excluded", None),
    },
}


class Decisions:
    """The decisions in force.

    Args:
      path: of the file, for errors.
      entries: its lines, dicts.
      source: `clusters` or `slices`.
      source_sha256: digest of the file that was reviewed.

    Attributes:
      current: {scope: {key: the last decision, a dict of `FIELDS`}}, without those that
        were taken back.

    Raises:
      UserError: a line is malformed, or the file is about something else.
    """

    def __init__(self, path, entries, source, source_sha256):
        self._allowed = SOURCES[source]
        self.current = {scope: {} for scope in self._allowed["scope"]}
        header, *decisions = entries or [{}]
        for name, expected in make_header(source, source_sha256).items():
            if header.get(name) != expected:
                raise UserError(
                    f"{path}: decisions about something else: its first line has {name}"
                    f" {header.get(name)!r}, expected {expected!r}."
                )
        for number, entry in enumerate(decisions, start=2):
            self._check(entry, f"{path}, line {number}")
            self._add(entry)

    def _check(self, entry, origin):
        if entry.keys() != {*FIELDS}:
            raise UserError(
                f"{origin}: has {', '.join(entry)}; expected {', '.join(FIELDS)}."
            )
        for name, value in entry.items():
            allowed = self._allowed.get(name)
            if not (value in allowed if allowed else isinstance(value, str)):
                expected = f"one of {allowed}" if allowed else "text"
                raise UserError(f"{origin}: {name} is {value!r}, expected {expected}.")

    def _add(self, entry):
        self.current[entry["scope"]][entry["key"]] = entry
        if entry["decision"] is None:
            del self.current[entry["scope"]][entry["key"]]

    def of(self, scope, key):
        """The decision about one thing, None if there is none."""
        return self.current[scope].get(str(key), {}).get("decision")

    def of_image(self, image_id, cluster):
        """`keep`, `discard` or None; an image's own decision precedes its cluster's."""
        return self.of("image", image_id) or self.of("cluster", cluster)


class DecisionJournal(Decisions):
    """A decisions file, new or to be continued, by one program at a time.

    Raises:
      UserError: as `Decisions`; or another program writes to the file, or it cannot be
        written.
    """

    def __init__(self, path, source, source_sha256):
        self._journal = Journal(path)
        try:
            if not self._journal.entries:
                self._journal.append(make_header(source, source_sha256))
            super().__init__(path, self._journal.entries, source, source_sha256)
        except UserError:
            self.close()
            raise

    def append(self, scope, key, decision, reviewer):
        """Writes a decision; returns once it is on the disk.

        Raises:
          UserError: it is malformed or cannot be written; the file is as before.
        """
        entry = {"scope": scope, "key": key, "decision": decision, "reviewer": reviewer}
        self._check({"time": "", **entry}, self._journal.path)
        self._add(self._journal.append(entry))

    def close(self):
        """Closes the file and releases it for others."""
        self._journal.close()


def make_header(source, source_sha256):
    """The first line of a decisions file, but for the time."""
    return {
        "decisions_version": DECISIONS_VERSION,
        "source": source,
        "source_sha256": source_sha256,
    }


def read_decisions(path, source, source_sha256):
    """The `Decisions` of a finished review, and the SHA-256 of their file.

    Raises:
      UserError: there is no such file, it is damaged, or about something else.
    """
    entries = read_entries(path)
    return Decisions(path, entries, source, source_sha256), file_sha256(path)
