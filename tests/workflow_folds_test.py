"""Folds and chains of the workflow: what runs, where, and what learns from what."""

import collections
import itertools
import re
import sys

import pytest
from experiments import binaries, flag, lines_of, named_paths, needs_snakemake
from experiments import planned as plan_of

from dataset.errors import UserError
from flags import binary
from workflow import run as workflow_run

pytestmark = needs_snakemake


def planned(folder, *replacements):
    """Binary and flags of each step that Snakemake plans for a changed demo.yaml."""
    return lines_of(plan_of(folder, *replacements))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The `plan.Step`s of three folds, two chains and two detectors each."""
    return plan_of(
        tmp_path_factory.mktemp("plan"),
        ("steps: {}", "steps: {unit: [400, 600]}"),
        ("controls: {}", "controls: {real+classic+pggan: real+classic}"),
        ("\nseeds: [0]", "\nseeds: [0, 4]"),
        ("chain_seeds: [0]", "chain_seeds: [0, 2]"),
        ("folds: 1", "folds: 3"),
    )


@pytest.fixture(scope="module")
def steps(plan):
    """Binary and flags of each."""
    return lines_of(plan)


def places(line):
    """Folds and chains of what a step's flags name: a set of (fold, chain)."""
    return {
        re.match(r"(fold-\d/|)(chain-\d/|)", path).groups()
        for path in named_paths(line)
    }


def test_each_step_reads_and_writes_in_one_fold_and_chain(steps):
    over_all = {"evaluation.table", "evaluation.report", "dataset.phantom"}
    for line in steps:
        if line[0] in over_all or "--experiment_dir=." in line:
            continue
        if line[0] == "dataset.prepare":
            number = flag(line, "fold")
            assert flag(line, "output_dir") == f"fold-{number}/real"
            assert "--num_folds=3" in line
            continue
        folds, chains = map(set, zip(*places(line)))
        assert len(folds) == 1 and folds < {"fold-0/", "fold-1/", "fold-2/"}, line
        # Outside of its own folder, a chain has its fold's real images and no others.
        assert chains <= {"", "chain-2/"}
        if "chain-2/" in chains:
            assert not re.search(r"fold-\d/(?!chain-2/|real/)", str(line)), line


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Snakemake 7")
def test_steps_of_a_fold_come_before_those_of_the_next(plan):
    priorities = [
        {step.priority for step in plan if step.output[0].startswith(f"fold-{n}/")}
        for n in range(3)
    ]
    for earlier, later in itertools.pairwise(priorities):
        assert min(earlier) > max(later)
    first = [s for s in plan if s.output[0].startswith("fold-0/")]
    by_rule = {step.rule: step.priority for step in first}
    assert by_rule["pggan_train"] == by_rule["refiner_refine"] == by_rule["prepare"]
    assert by_rule["prepare"] > by_rule["classifier_train"] == by_rule["quality"]


def test_everything_that_learns_does_so_in_every_fold_and_chain(steps):
    count = collections.Counter(binaries(steps))
    assert count["dataset.prepare"] == 3 and count["evaluation.table"] == 1
    assert count["classifier.augment"] == 3 * 2 and count["evaluation.select"] == 3 * 2
    for name in ("pggan.train", "filtering.cluster", "unit.train", "simgan.train"):
        assert count[name] == 3 * 2 * 2
    # Five mixes, a control, two candidates; folds, chains, seeds.
    assert count["classifier.train"] == 8 * 3 * 2 * 2
    for name, *flags in steps:
        binary.parse(name, flags)


def test_table_pools_the_folds_of_a_run_and_says_chains_apart(steps):
    (table,) = [line for line in steps if line[0] == "evaluation.table"]
    rows = [w.removeprefix("--rows=") for w in table if w.startswith("--rows=scratch")]
    assert len(rows) == 6 * 2 * 2
    run = "classifier/scratch/real/seed-{}/predictions.csv"
    for name, prefix in (("scratch/real", ""), ("scratch/real@chain-2", "chain-2/")):
        for seed in (0, 4):
            paths = [f"fold-{n}/{prefix}{run.format(seed)}" for n in range(3)]
            assert f"{name}={','.join(paths)}" in rows
    verified = [line for line in steps if line[0] == "dataset.verify"]
    (leaks,) = [line for line in verified if "--experiment_dir=." in line]
    checked = set(flag(leaks, "run_dirs").split(","))
    files = {path for row in rows for path in row.partition("=")[2].split(",")}
    assert checked == {path.rpartition("/")[0] for path in files}
    assert steps.index(leaks) < steps.index(table)


def test_seeds_are_other_ones_in_another_chain(steps):
    seeds = collections.defaultdict(set)
    for line in steps:
        chain = "chain-2" in (str(line))
        for word in line:
            if word.startswith("--seed="):
                seeds[line[0], chain].add(int(word[7:]))
    learners = ("pggan.train", "unit.train", "simgan.train", "filtering.cluster")
    for name in (*learners, "pggan.generate", "classifier.augment"):
        assert (name, False) not in seeds and seeds[name, True] == {2}
    assert seeds["classifier.train", False] == {0, 4}
    assert seeds["classifier.train", True] == {2000, 2004}


def test_persons_decisions_are_those_of_the_fold(tmp_path):
    for fold in ("fold-0", "fold-1"):
        (tmp_path / fold).mkdir()
        for label in ("tumor", "non_tumor"):
            (tmp_path / fold / f"{label}.jsonl").touch()
    files = f"{{tumor: '{tmp_path}/{{prefix}}tumor.jsonl',"
    files += f" non_tumor: '{tmp_path}/{{prefix}}non_tumor.jsonl'}}"
    changes = [("decisions: proposal", f"decisions: {files}"), ("folds: 1", "folds: 2")]
    lines = [x for x in planned(tmp_path, *changes) if x[0] == "filtering.discard"]
    assert len(lines) == 4
    for line in lines:
        fold, label, _ = flag(line, "output_dir").replace("filtering/", "").split("/")
        assert flag(line, "decisions") == f"{tmp_path}/{fold}/{label}.jsonl"


def test_folder_of_images_takes_the_place_of_volumes(tmp_path):
    images = ("brats_dir: phantom", "images_dir: /some images")
    lines = planned(tmp_path, images)
    (line,) = [line for line in lines if line[0] == "dataset.import_images"]
    assert "--images_dir=/some images" in line and "--output_dir=real" in line
    assert line[1].endswith("dataset_import_images.cfg")
    assert not {"dataset.prepare", "dataset.phantom"} & set(binaries(lines))


def test_flag_for_cases_replaces_either_of_the_configuration(tmp_path):
    folder, cases = str(tmp_path), workflow_run.case_folder
    assert cases(None, None) == []
    assert cases("phantom", None) == ["brats_dir=phantom", "images_dir="]
    assert cases(None, folder) == ["brats_dir=", f"images_dir={folder}"]
    with pytest.raises(UserError, match="expected one of them"):
        cases(folder, folder)
