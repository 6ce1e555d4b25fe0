"""Outcomes of an experiment without its patients' ids: the detectors' probabilities.

    python -m benchmarks.outcomes collect EXPERIMENT_DIR OUTCOMES_DIR
    python -m benchmarks.outcomes restore OUTCOMES_DIR PREDICTIONS_DIR
    python -m evaluation.table --flagfile=PREDICTIONS_DIR/rows.cfg --output_dir=DIR

`collect` writes a CSV file per fold, a line per test image: the patient as a number,
the label, and each detector's probability of a tumor. `restore` makes the predictions
of them again from which `evaluation.table` gives the experiment's numbers; patients'
numbers follow from their images' labels and probabilities, not from their ids.
"""

import argparse
import pathlib
import re

import pandas as pd

CHAIN = re.compile(r"(?:(chain-\d+)/)?classifier/(.*)/(seed-\d+)/predictions\.csv")
FACTS = ["patient", "label"]


def collect(experiment_dir, outcomes_dir):
    """Writes `fold-N.csv` of every fold; of a single split, `fold-0.csv`.

    A detector is CLASSIFIER/ROW/seed-N, and CLASSIFIER/ROW@chain-N/seed-N where its
    GANs are those of another of the `chain_seeds`.
    """
    outcomes_dir.mkdir(parents=True, exist_ok=True)
    folds = sorted(experiment_dir.glob("fold-*")) or [experiment_dir]
    for fold in folds:
        runs = read_runs(fold)
        if runs:
            name = fold.name if fold != experiment_dir else "fold-0"
            path = outcomes_dir / f"{name}.csv"
            without_ids(runs).to_csv(path, index=False)
            print(f"{path}: {len(runs)} detectors.")


def read_runs(fold):
    """A fold's predictions by detector; without a patient, an image is its own."""
    runs = {}
    for path in sorted(fold.rglob("predictions.csv")):
        if match := CHAIN.fullmatch(path.relative_to(fold).as_posix()):
            chain, row, seed = match.groups()
            name = f"{row}@{chain}/{seed}" if chain else f"{row}/{seed}"
            text = {"id": str, "patient": str}
            run = pd.read_csv(path, dtype=text, keep_default_na=False)
            run["patient"] = run["patient"].where(run["patient"] != "", run["id"])
            runs[name] = run
    return runs


def without_ids(runs):
    """Predictions by run, of the same images, as one table of patients' numbers.

    Raises:
      ValueError: runs are not of the same images.
    """
    ids = next(iter(runs.values()))[["id", *FACTS]]
    for name, run in runs.items():
        if not run[["id", *FACTS]].equals(ids):
            raise ValueError(f"{name}: expected the images of {next(iter(runs))}.")
    table = pd.concat(
        [ids[FACTS], *(run["probability"].rename(n) for n, run in runs.items())], axis=1
    )
    patients = [own.drop(columns="patient") for _, own in table.groupby("patient")]
    patients.sort(key=lambda own: own.to_numpy().tolist())
    return pd.concat(
        [
            own.assign(patient=number)[table.columns]
            for number, own in enumerate(patients)
        ]
    )


def restore(outcomes_dir, predictions_dir):
    """Writes the predictions, and a flagfile with the rows that all folds have."""
    folds = {path.stem: pd.read_csv(path) for path in outcomes_dir.glob("fold-*.csv")}
    if not folds:
        raise SystemExit(f"{outcomes_dir}: no fold-0.csv or other fold in it.")
    files = {}
    for fold, table in sorted(folds.items()):
        runs = sorted(table.columns.difference(FACTS), key=lambda r: r.rpartition("/"))
        facts = table[FACTS].assign(patient=fold + "-" + table["patient"].astype(str))
        facts.insert(0, "id", facts["patient"] + "-" + facts.index.astype(str))
        for run in runs:
            path = predictions_dir / fold / f"{run}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            facts.assign(probability=table[run]).to_csv(path, index=False)
            files.setdefault(run, []).append(str(path))
    rows = [
        f"--rows={run.rpartition('/')[0]}={','.join(paths)}"
        for run, paths in files.items()
        if len(paths) == len(folds)
    ]
    (predictions_dir / "rows.cfg").write_text("\n".join(rows) + "\n")
    print(f"{len(rows)} detectors of {len(folds)} folds in {predictions_dir}/rows.cfg.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=["collect", "restore"])
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    arguments = parser.parse_args()
    action = {"collect": collect, "restore": restore}[arguments.action]
    action(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
