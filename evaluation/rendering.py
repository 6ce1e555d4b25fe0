"""The table of results as text: Markdown for people, CSV for programs."""

import csv
import io

from evaluation.statistics import METRICS

HEADER = ("Trained on", "Runs", *(f"{m.capitalize()} (%)" for m in METRICS), "AUC")


def to_markdown(scores, images, protocol, threshold):
    """Percentages with their intervals in brackets, and what they were measured on.

    Args:
      scores: by name of the row, what `evaluation.statistics.score_runs` gives.
      images: by metric, the positions of the images that it was measured on.
      protocol, threshold: as the flags.
    """
    rows = [HEADER, ["---"] * len(HEADER)]
    for name, row in scores.items():
        cells = [name.replace("|", r"\|"), str(row["num_runs"])]
        if row["constant_runs"]:
            cells += [_explain(row), *["-"] * len(METRICS)]
        else:
            cells += [_percent(row[metric]) for metric in METRICS]
            cells.append(f"{row['auc']['value']:.3f}")
        rows.append(cells)
    table = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    counts = ", ".join(f"{len(images[metric])} for {metric}" for metric in METRICS)
    return table + (
        f"\nProtocol {protocol}; test images: {counts}. Tumor from probability"
        f" {threshold:g} on. In brackets: 95 % Wilson intervals.\n"
    )


def _percent(metric):
    value, low, high = (100 * metric[key] for key in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _explain(row):
    constant = row["constant_runs"]
    which = (
        "" if row["num_runs"] == 1 else f"{len(constant)} of {row['num_runs']} runs "
    )
    labels = " or ".join(sorted(set(constant))).replace("_", "-")
    return f"no result: {which}calls every image {labels}"


def to_csv(scores):
    """Fractions from 0 to 1; empty where a run is a constant predictor."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
    writer.writerow(["name", "num_runs", *columns, "auc", "constant_runs"])
    for name, row in scores.items():
        cells = [name, row["num_runs"]]
        for metric in METRICS:
            values = row[metric] or {}
            cells += [values.get(key, "") for key in ("value", "low", "high")]
        cells.append((row["auc"] or {}).get("value", ""))
        writer.writerow([*cells, " ".join(row["constant_runs"])])
    return text.getvalue()
