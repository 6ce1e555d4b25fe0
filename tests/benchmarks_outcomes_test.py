"""Outcomes that are kept without ids give the experiment's numbers again."""

import shutil

import numpy as np
import pandas as pd
import pytest

from benchmarks.outcomes import collect, restore
from evaluation.rows import read_rows
from evaluation.table import make_table

SETTINGS = {
    **{"baseline": None, "compare_to": None, "controls": [], "protocol": "full"},
    **{"threshold": 0.5, "at_specificity": 0.9, "seed": 0, "num_bootstrap": 20},
}


@pytest.fixture
def experiment(tmp_path):
    """Two folds of three patients each, two rows of two detectors."""
    rng = np.random.default_rng(0)
    for fold in (0, 1):
        patients = np.repeat([f"TCGA-{fold}{name}" for name in "cab"], [5, 4, 6])
        ids = [f"{patient}-{n}" for n, patient in enumerate(patients)]
        facts = {"id": ids, "patient": patients, "label": np.arange(15) % 2}
        for run in ("real/seed-0", "real/seed-1", "real+unit/seed-0"):
            folder = tmp_path / f"e/fold-{fold}/classifier/scratch/{run}"
            folder.mkdir(parents=True)
            table = pd.DataFrame(facts | {"probability": rng.random(15).round(6)})
            table.to_csv(folder / "predictions.csv", index=False)
    return tmp_path / "e"


def values(rows):
    """Every measure of every row, without intervals."""
    table = make_table(read_rows(rows), **SETTINGS)
    return [
        {key: value["value"] for key, value in row.items() if "value" in value}
        for row in table["rows"]
        for row in [{k: v for k, v in row.items() if isinstance(v, dict)}]
    ]


def test_restored_outcomes_give_the_same_numbers_and_hold_no_id(experiment, tmp_path):
    outcomes, predictions = tmp_path / "outcomes", tmp_path / "predictions"
    collect(experiment, outcomes)
    restore(outcomes, predictions)
    rows = [
        line.removeprefix("--rows=")
        for line in (predictions / "rows.cfg").read_text().splitlines()
    ]
    originals = [
        f"scratch/{run.partition('/')[0]}="
        + ",".join(
            f"{experiment}/fold-{n}/classifier/scratch/{run}/predictions.csv"
            for n in (0, 1)
        )
        for run in ("real/seed-0", "real/seed-1", "real+unit/seed-0")
    ]
    assert [row.partition("=")[0] for row in rows] == [
        row.partition("=")[0] for row in originals
    ]
    found = values(rows)
    assert found == values(originals) and len(found) == 2 and all(found)
    written = [*outcomes.rglob("*.csv"), *predictions.rglob("*.csv")]
    assert written and not any("TCGA" in path.read_text() for path in written)


def test_numbers_of_patients_do_not_follow_their_ids(experiment, tmp_path):
    collect(experiment, tmp_path / "before")
    for path in experiment.rglob("predictions.csv"):
        path.write_text(path.read_text().replace("TCGA-0c", "TCGA-0z"))
        path.write_text(path.read_text().replace("TCGA-0a", "TCGA-0y"))
    collect(experiment, tmp_path / "after")
    texts = [(tmp_path / f / "fold-0.csv").read_text() for f in ("before", "after")]
    assert texts[0] == texts[1]


def test_runs_of_other_images_are_refused(experiment, tmp_path):
    path = experiment / "fold-0/classifier/scratch/real/seed-1/predictions.csv"
    path.write_text(path.read_text().replace("TCGA-0c-0,", "TCGA-0c-9,"))
    with pytest.raises(ValueError, match="scratch/real/seed-1: expected the images of"):
        collect(experiment, tmp_path / "outcomes")


def test_images_without_a_patient_are_each_their_own_and_names_stay_text(
    experiment, tmp_path
):
    for path in experiment.rglob("predictions.csv"):
        text = path.read_text().replace(",TCGA-0c,", ",NA,").replace(",TCGA-0b,", ",,")
        path.write_text(text)
    collect(experiment, tmp_path)
    table = pd.read_csv(tmp_path / "fold-0.csv")
    # Fifteen images: five of NA, four of TCGA-0a, six alone.
    assert sorted(table["patient"].value_counts()) == [1] * 6 + [4, 5]


def test_detectors_of_other_chain_seeds_are_kept_apart(experiment, tmp_path):
    source = experiment / "fold-0/classifier"
    shutil.copytree(source, experiment / "fold-0/chain-1/classifier")
    collect(experiment, tmp_path)
    table = pd.read_csv(tmp_path / "fold-0.csv")
    assert {"scratch/real/seed-0", "scratch/real@chain-1/seed-0"} < {*table}
