"""Predictions of test images by hand, and the table of them."""

from evaluation.rows import read_rows
from evaluation.table import make_table, write_table

# Six tumor and four non-tumor images of two patients. At 0.5 on, five and one of them
# are called tumor: accuracy 8/10, sensitivity 5/6, specificity 3/4.
LABELS = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
PATIENTS = ["p", "p", "p", "q", "q", "q", "p", "p", "q", "q"]
PROBABILITIES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.55, 0.3, 0.2, 0.1]
SETTINGS = {
    "protocol": "full",
    "threshold": 0.5,
    "at_specificity": 0.75,
    "baseline": None,
    "controls": [],
    "compare_to": None,
    "num_bootstrap": 100,
    "seed": 0,
}


def write_predictions(
    path, probabilities=PROBABILITIES, labels=LABELS, patients=PATIENTS, ids=None
):
    """Writes a file of predictions; returns its path, a str."""
    ids = ids or [f"brats/p/{n}" for n in range(len(labels))]
    columns = zip(ids, patients, labels, probabilities)
    lines = [",".join(map(str, line)) for line in columns]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["id,patient,label,probability", *lines]) + "\n")
    return str(path)


def table_of(rows, **settings):
    """The content of `table.json`."""
    return make_table(read_rows(rows), **SETTINGS | settings)


def write(rows, output_dir, **settings):
    """Writes a table; returns the content of `table.json` and the Markdown."""
    settings = SETTINGS | settings
    return write_table(rows, str(output_dir), overwrite=False, **settings)
