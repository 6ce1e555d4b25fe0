"""Selects the step at which a refiner is best for the detector, on validation images.

    python -m evaluation.select --candidates=20000=20k/predictions.csv
      --candidates=50000=50k/predictions.csv --output_json=unit/selection.json

As Han et al. (2019) do, section III-C: for each refiner the step, of 20,000, 50,000 and
100,000, with the highest validation accuracy of the pre-trained classifier that was
trained with classic DA and that step's images. Of equal ones, the fewest steps.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.select")

import os

from dataset.errors import UserError
from dataset.folders import check_new, write_json
from dataset.shards import PROJECT_VERSION
from evaluation.predictions import check_same_images, read_predictions
from evaluation.scores import constant_runs, is_right
from evaluation.statistics import wilson_interval
from evaluation.table_document import selection_document
from evaluation.tables import to_markdown


def write_selection(candidates, output_json, *, threshold, overwrite):
    """Writes the selected step and all accuracies; returns a table as text.

    The arguments are the flags.

    Raises:
      UserError: candidates or files are wrong, or no classifier has learnt anything, or
        the file exists.
    """
    check_new(output_json, f"--output_json={output_json}", overwrite)
    runs = {
        step: [read_predictions(path) for path in paths]
        for step, paths in paths_by_step(candidates).items()
    }
    everything = [run for own in runs.values() for run in own]
    check_same_images(everything)
    rows = [score_candidate(step, own, threshold) for step, own in runs.items()]
    step = select_step(rows)
    os.makedirs(os.path.dirname(output_json) or ".", exist_ok=True)
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {"candidates": candidates, "threshold": threshold},
        "inputs": {run.path: run.sha256 for run in everything},
        "images": len(everything[0].labels),
        "step": step,
        "candidates": rows,
    }
    write_json(output_json, content)
    return to_markdown(selection_document(content))


def paths_by_step(candidates):
    """`["20=a.csv", "10=b.csv"]` to `{10: ["b.csv"], 20: ["a.csv"]}`."""
    paths = {}
    for candidate in candidates:
        text, _, path = candidate.partition("=")
        if not (text.isascii() and text.isdigit()) or not path:
            raise UserError(
                f"--candidates={candidate}: expected STEP=PATH, STEP a whole number."
            )
        paths.setdefault(int(text), []).append(path)
    for step, own in paths.items():
        if len(set(own)) < len(own):
            raise UserError(
                f"--candidates: step {step} has one file twice; expected other runs."
            )
    return dict(sorted(paths.items()))


def score_candidate(step, runs, threshold):
    """A candidate's accuracy: the mean of its runs.

    Returns:
      A dict of `step`, `num_runs`, `constant_runs` and `accuracy`: its `value`, the
      ends `low` and `high` of its 95 % Wilson interval, and the values of the `runs`;
      accuracy is None where a run calls every image the same.
    """
    constant = constant_runs(runs, threshold)
    row = {"step": step, "num_runs": len(runs), "constant_runs": constant}
    if constant:
        return {**row, "accuracy": None}
    values = [float(is_right(run, threshold).mean()) for run in runs]
    mean = sum(values) / len(values)
    low, high = wilson_interval(mean, len(runs[0].labels))
    accuracy = {"value": mean, "low": low, "high": high, "runs": values}
    return {**row, "accuracy": accuracy}


def select_step(rows):
    """The step of the highest accuracy; of several, the smallest one.

    Raises:
      UserError: none has an accuracy.
    """
    scored = [row for row in rows if row["accuracy"]]
    if not scored:
        raise UserError(
            "--candidates: at every step a classifier calls all images the same; it"
            " has learnt nothing, so there is nothing to select by."
        )
    best = max(scored, key=lambda row: (row["accuracy"]["value"], -row["step"]))
    return best["step"]


def main(settings):
    print(write_selection(**settings))
