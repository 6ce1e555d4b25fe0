"""Shares of the training patients in the workflow: what runs where, on whose images."""

import collections
import re

import pytest
from experiments import (
    DEMO,
    binaries,
    changed,
    flag,
    lines_of,
    named_paths,
    needs_snakemake,
    new_steps,
    planned,
    snakemake,
)

from flags import binary

pytestmark = needs_snakemake

SHARES = ("training_shares: [1]", "training_shares: [0.125, 0.5, 1]")
FOLDS = ("\nfolds: 1", "\nfolds: 2")
FOLDERS = ["share-12.5/", "share-50/", ""]
OVER_ALL = {"evaluation.table", "evaluation.learning_curve", "evaluation.report"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The steps of three shares, two folds and two chains."""
    folder = tmp_path_factory.mktemp("plan")
    steps = ("steps: {}", "steps: {unit: [400, 600]}")
    return planned(
        folder, SHARES, FOLDS, steps, ("chain_seeds: [0]", "chain_seeds: [0, 2]")
    )


@pytest.fixture(scope="module")
def steps(plan):
    """Binary and flags of each."""
    return lines_of(plan)


def places(line):
    """Folds with shares of what a step's flags name."""
    return {
        re.match(r"(?:fold-\d/)?(?:share-[\d.]+/)?", path)[0]
        for path in named_paths(line)
    }


def test_each_step_reads_and_writes_in_one_share(steps):
    divisions = {f"fold-{n}/{share}" for n in (0, 1) for share in FOLDERS}
    seen = collections.Counter()
    for line in steps:
        if line[0] in {*OVER_ALL, "dataset.phantom"} or "--experiment_dir=." in line:
            continue
        if line[0] == "dataset.prepare":
            place = flag(line, "output_dir").removesuffix("real")
        else:
            (place,) = places(line)
        seen[place] += 1
    assert set(seen) == divisions


def test_share_is_of_the_folds_training_patients(steps):
    prepared = {
        flag(line, "output_dir"): [
            word for word in line if "fold" in word or "share" in word
        ]
        for line in steps
        if line[0] == "dataset.prepare"
    }
    expected = {
        f"fold-{n}/{folder}real": ["--num_folds=2", f"--fold={n}", *share]
        for n in (0, 1)
        for folder, share in zip(
            FOLDERS, (["--training_share=0.125"], ["--training_share=0.5"], [])
        )
    }
    for folder, flags in prepared.items():
        flags.remove(f"--output_dir={folder}")
    assert prepared == expected


def test_everything_that_learns_does_so_in_every_share(steps):
    count = collections.Counter(binaries(steps))
    for name in ("pggan.train", "filtering.cluster", "unit.train", "simgan.train"):
        assert count[name] == 3 * 2 * 2 * 2  # Shares, folds, chains, labels.
    assert count["classifier.augment"] == count["evaluation.select"] == 3 * 2 * 2
    assert count["classifier.train"] == (5 + 2) * 3 * 2 * 2
    # Of all training patients alone.
    assert count["evaluation.quality"] == count["evaluation.tsne"] == 2 * 2
    assert count["classifier.export"] == 2
    for name, *flags in steps:
        binary.parse(name, flags)


def test_curve_has_a_table_of_each_share_with_its_folds(steps):
    tables = {flag(x, "output_dir"): x for x in steps if x[0] == "evaluation.table"}
    assert set(tables) == {f"{share}table" for share in FOLDERS}
    run = "classifier/scratch/real/seed-0/predictions.csv"
    for share in FOLDERS:
        paths = ",".join(f"fold-{n}/{share}{run}" for n in (0, 1))
        assert f"--rows=scratch/real={paths}" in tables[f"{share}table"]
        rows = [word for word in tables[f"{share}table"] if word.startswith("--rows")]
        assert len(rows) == 5 * 2
    (curve,) = [line for line in steps if line[0] == "evaluation.learning_curve"]
    for share in FOLDERS:
        reports = ",".join(f"fold-{n}/{share}real/report.json" for n in (0, 1))
        assert f"--points={share}table={reports}" in curve
    verified = [line for line in steps if line[0] == "dataset.verify"]
    (leaks,) = [line for line in verified if "--experiment_dir=." in line]
    assert len(flag(leaks, "run_dirs").split(",")) == 5 * 3 * 2 * 2
    assert max(map(steps.index, tables.values())) < steps.index(curve)
    assert steps.index(leaks) < min(map(steps.index, tables.values()))
    assert steps[-1][0] == "evaluation.report"


def test_shares_that_are_added_run_only_what_they_need(tmp_path):
    without = planned(tmp_path, ("training_shares: [1]\n", ""))
    one = planned(tmp_path)
    assert [vars(step) for step in without] == [vars(step) for step in one]
    assert not [step for step in one if "share" in " ".join(step.command)]
    more = lines_of(new_steps(one, planned(tmp_path, SHARES)))
    old = {"dataset.verify", *OVER_ALL}
    assert all("share-" in " ".join(line) for line in more if line[0] not in old)


@pytest.mark.parametrize(
    "shares, fault",
    [
        ("[0.5]", "training_shares: [0.5], expected 1, all training patients"),
        ("[1, 25]", "training_shares: 1: 25 is greater than the maximum of 1"),
        ("0.5", "training_shares: 0.5, expected a list"),
        ("[1, half]", "training_shares: 1: 'half', expected a number"),
    ],
)
def test_shares_that_are_none_are_refused(tmp_path, shares, fault):
    text = changed(DEMO, ("training_shares: [1]", f"training_shares: {shares}"))
    code, errors = snakemake(tmp_path, text)
    assert code and fault in errors
