"""What the review page shows of borderline slices, and the verdicts that it takes.

`dataset.prepare` leaves out slices whose label is not sure: a few voxels of tumor, or
none but in the slice beside. A person who sees one may know better.
"""

import csv
import io
import os

from dataset.shards import ShardSet, UserError, file_sha256, write_text
from filtering.decisions import EXCLUDED, NON_TUMOR, TUMOR, DecisionJournal
from pages import pictures

SLICES_FILE, SLICES_SET = "slices.csv", "borderline"
CHOICES = (
    {"key": "t", "value": TUMOR, "label": "Tumor", "sign": "●", "side": "second"},
    {"key": "n", "value": NON_TUMOR, "label": "No tumor", "sign": "○", "side": "first"},
    {"key": "x", "value": EXCLUDED, "label": "Leave out", "sign": "✕", "side": "third"},
)


class SliceReview:
    """Borderline slices with a person's verdicts on them.

    Args:
      prepared_dir: that `dataset.prepare` wrote with `--keep_borderline`.
      decisions_file: path of the decisions file, new or to go on with.
      verdicts_csv: path of the table for `dataset.prepare --exclude_csv`; written anew
        from the decisions now and after each.
      reviewer: name of the person.

    Raises:
      UserError: the slices are missing, or the decisions file is not of these slices.
    """

    choices = CHOICES
    things = "slices"
    reference = None

    def __init__(self, prepared_dir, decisions_file, verdicts_csv, reviewer):
        table = os.path.join(prepared_dir, SLICES_FILE)
        if not os.path.exists(table):
            raise UserError(
                f"--prepared_dir={prepared_dir}: no {SLICES_FILE}; wanted an"
                " --output_dir of dataset.prepare --keep_borderline."
            )
        self._set = ShardSet(os.path.join(prepared_dir, SLICES_SET))
        self._ids = [record.id for record in self._set.records()]
        self._rows = _read_rows(table)
        unknown = [i for i in self._ids if i not in self._rows]
        if unknown:
            raise UserError(
                f"{table}: no slice {unknown[0]}, which is in {SLICES_SET}."
            )
        self._reviewer = reviewer
        self._verdicts_csv = verdicts_csv
        self._journal = DecisionJournal(decisions_file, "slices", file_sha256(table))
        self._write_verdicts()

    def __len__(self):
        return len(self._ids)

    def state(self):
        """All that the page shows at first, as JSON values."""
        return {
            "title": "Borderline slices",
            "scope": "slice",
            "choices": self.choices,
            "reference": False,
            "items": [self._item(n) for n in range(len(self._ids))],
            "totals": {},
        }

    def _item(self, number):
        identifier = self._ids[number]
        row = self._rows[identifier]
        decision = self._journal.decisions.current["slice"].get(identifier)
        return {
            "key": identifier,
            "title": f"{row['case']}, slice {row['slice']}",
            "facts": [row["reason"], f"{row['tumor_area']} mm² in the mask"],
            "picture": f"/images/{number}.png",
            "decision": decision and decision.decision,
        }

    def decide(self, scope, key, decision):
        """Stores a verdict, in the table as well.

        Raises:
          KeyError: there is no such slice.
          UserError: it could not be stored.
        """
        if scope != "slice" or key not in self._ids:
            raise KeyError(key)
        self._journal.append(scope, key, decision, self._reviewer)
        self._write_verdicts()
        return {"totals": {}}

    def _write_verdicts(self):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["case", "slice", "verdict", "reason"])
        decisions = self._journal.decisions.current["slice"]
        for identifier in self._ids:
            if identifier in decisions:
                decision, row = decisions[identifier], self._rows[identifier]
                reason = f"reviewed by {decision.reviewer}: {decision.decision}"
                writer.writerow([row["case"], row["slice"], decision.decision, reason])
        write_text(self._verdicts_csv, text.getvalue())

    def members(self, cluster, start, stop):
        """Nothing: slices have no members."""
        return {"items": [], "total": 0}

    def image(self, number):
        """An image, uint8 [size, size]; IndexError if there is none."""
        return pictures.read_image(self._set, range(len(self._set))[number])

    def sheet(self, number):
        """Slices have no sheets: IndexError."""
        raise IndexError(number)

    def summary(self):
        """What was decided, in words."""
        decided = len(self._journal.decisions.current["slice"])
        return (
            f"{decided} of {len(self)} slices decided; dataset.prepare reads them with"
            f" --exclude_csv={self._verdicts_csv}."
        )

    def close(self):
        self._journal.close()


def _read_rows(path):
    """{id: row} of `slices.csv`."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {f"brats/{row['case']}/{int(row['slice']):03d}": row for row in rows}
