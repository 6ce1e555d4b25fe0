"""Runs of the workflow with stand-ins for the binaries: what runs, stops and continues.

One chain runs whole. Most tests take a copy of it, in which a change of a flagfile
leaves few steps to do. What a configuration plans is tested in `workflow_plan_test.py`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from experiments import (
    DEMO,
    ROOT,
    SNAKEMAKE,
    Experiment,
    binaries,
    changed,
    count,
    depending_on,
    flag,
    lines_of,
    needs_snakemake,
    planned,
)
from refusals import refused

from dataset.errors import UserError
from workflow import display, lock
from workflow import run as workflow_run

pytestmark = needs_snakemake

CHAIN = {
    "dataset.phantom": 1,
    "dataset.prepare": 1,
    "pggan.train": 2,
    "pggan.generate": 2,
    "filtering.cluster": 2,
    "filtering.discard": 2,
    "unit.train": 2,
    "unit.refine": 2,
    "simgan.train": 2,
    "simgan.refine": 2,
    "dataset.verify": 4,
    "classifier.augment": 1,
    "classifier.train": 6,  # Five mixes, and one to select UNIT's step by.
    "classifier.predict": 6,
    "classifier.export": 1,
    "evaluation.select": 1,
    "evaluation.table": 1,
    "evaluation.quality": 1,
    "evaluation.tsne": 1,
    "evaluation.report": 1,
}
RESULTS = {"evaluation.table": 1, "evaluation.report": 1}
ONE_STEP = ("steps: {}", "steps: {unit: [300]}")


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """An `Experiment` that has run on one core and two GPUs, and what was printed."""
    folder = tmp_path_factory.mktemp("chain")
    shutil.copytree(ROOT / "flags" / "demo", folder / "flags")
    shutil.copytree(ROOT / "workflow/profiles/gpus", folder / "profile")
    (path,) = (folder / "profile").iterdir()
    path.write_text(path.read_text() + "set-resources: {pggan_train: {gpu: 4}}\n")
    flags = ("flags: demo", f"flags: {folder / 'flags'}")
    experiment = Experiment(folder, changed(DEMO, ONE_STEP, flags))
    experiment.flags = folder / "flags"
    experiment.printed = experiment.run(
        "--cores=1", "--gpus=4,6", f"--profile={folder / 'profile'}", SHOW_GPUS="yes"
    )
    return experiment


@pytest.fixture
def experiment(tmp_path):
    """One that has not begun."""
    experiment = Experiment(tmp_path)
    yield experiment
    experiment.end()


@pytest.fixture
def finished(chain, tmp_path):
    """A copy of the chain, in which nothing has been called yet."""
    experiment = Experiment(tmp_path, chain.configuration.read_text())
    shutil.copytree(chain.output, experiment.output, symlinks=True)
    yield experiment
    experiment.end()


@contextlib.contextmanager
def changed_flagfile(chain, name):
    """Changes a flagfile of the chain and its copies; within, it is newer than all."""
    path = chain.flags / f"{name}.cfg"
    text, before = path.read_text(), path.stat().st_mtime_ns
    path.write_text(text + "# Another.\n")
    try:
        yield path
    finally:
        path.write_text(text)
        os.utime(path, ns=(before, before))


def test_chain_runs_every_step_and_ends_with_the_table(chain):
    text = chain.printed
    assert "| real | 1 | no result" in text
    assert count(chain.lines("end")) == CHAIN
    assert (chain.output / "report.html").exists()
    # A line each, between where the logs are and the table.
    lines = re.findall(r"^\[\d\d:\d\d\] (.+)$", text, re.MULTILINE)
    assert len(lines) == len(chain.lines("end"))
    (line,) = [line for line in lines if "PGGAN of tumor images: training" in line]
    assert re.fullmatch(r"PGGAN of tumor images: training +\d+ s  300", line)
    titles = [re.match(r"(.+?)  +\d+ s", line)[1] for line in lines]
    assert len(set(titles)) == len(titles)
    assert max(map(len, titles)) <= display.TITLE_WIDTH
    log = (chain.output / "logs/pggan/tumor/model.log").read_text()
    assert "model_dir=pggan/tumor/model\n" in log  # To be repeated.
    assert "   export TF_NUM_INTRAOP_THREADS=1" in log
    assert f"Everything that steps print: {chain.output}/logs" in text
    assert "model_dir" not in text


def test_what_most_steps_wait_for_is_begun_before_any_detector(chain):
    begun = binaries(chain.lines("start"))
    for name in ("pggan.train", "unit.refine", "simgan.refine"):
        last = len(begun) - 1 - begun[::-1].index(name)
        assert last < begun.index("classifier.train"), name


def test_steps_take_gpus_of_their_own_and_others_see_none(chain):
    seen = {line[1]: line[0] for line in chain.lines("gpus")}
    assert seen["pggan.train"] == "4,6"  # The profile gives it four; there are two.
    assert {seen[name] for name in ("unit.train", "classifier.predict")} <= {"4", "6"}
    assert seen["dataset.prepare"] == seen["evaluation.table"] == "none"


def test_what_is_finished_is_not_run_again_with_retrain_neither(finished):
    assert "| real | 1 | no result" in finished.run("--retrain")
    assert not finished.lines("start")


def test_changed_flagfile_reruns_what_it_reaches_and_nothing_else(
    chain, finished, tmp_path
):
    with changed_flagfile(chain, "simgan_train") as path:
        finished.run("--retrain")
        lines = finished.lines("end")
        (tmp_path / "plan").mkdir()
        steps = planned(
            tmp_path / "plan", ONE_STEP, ("flags: demo", f"flags: {chain.flags}")
        )
        assert count(lines) == count(lines_of(depending_on(steps, [path])))
    assert count(lines)["simgan.train"] == 2 and len(lines) < 20
    assert all("--start_over" in line for line in lines if line[0].endswith(".train"))


def test_further_step_to_choose_from_runs_its_own_steps_alone(finished):
    finished.configure(("unit: [300]", "unit: [100, 300]"))
    finished.run()
    lines = finished.lines("end")
    refined = [line for line in lines if line[0] == "unit.refine"]
    assert [flag(line, "step") for line in refined] == ["100", "100"]
    (trained,) = [line for line in lines if line[0] == "classifier.train"]
    assert "real+classic+unit@100" in flag(trained, "model_dir")
    (selection,) = [x for x in lines if x[0] == "evaluation.select"]
    for step in (100, 300):
        run = f"classifier/scratch/real+classic+unit@{step}/seed-0"
        assert f"--candidates={step}={run}/validation.csv" in selection
    # It is selected again, as before: the mix is tested again, but not trained.
    assert count(lines) == {
        **{"unit.refine": 2, "dataset.verify": 2, "evaluation.select": 1},
        **{"classifier.train": 1, "classifier.predict": 2, **RESULTS},
    }


def test_selected_step_of_a_refiner_is_what_its_mixes_have(chain):
    lines = chain.lines("end")
    trained = {flag(x, "model_dir"): x for x in lines if x[0] == "classifier.train"}
    candidate = trained["classifier/scratch/real+classic+unit@300/seed-0/model"]
    (selection,) = [x for x in lines if x[0] == "evaluation.select"]
    final = trained["classifier/scratch/real+classic+unit/seed-0/model"]
    assert lines.index(candidate) < lines.index(selection) < lines.index(final)
    assert flag(final, "train_dirs").endswith(
        "unit/tumor/images-300,unit/non_tumor/images-300"
    )


def test_what_a_stopped_step_removed_is_made_again(finished):
    (finished.output / "classic/manifest.json").unlink()
    finished.run()
    first, *again, last = binaries(finished.lines("end"))
    assert first == "classifier.augment" and last == "evaluation.report"
    assert "classifier.train" in again and "pggan.train" not in again


def test_killed_in_a_step_the_chain_continues_with_it(chain, finished):
    with changed_flagfile(chain, "evaluation_tsne"):
        process, _ = finished.start_and_hang("in evaluation.tsne")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not finished.lines("end")
        finished.run()
    assert (finished.output / "tsne" / "checkpoint").exists()
    assert binaries(finished.lines("end")) == ["evaluation.tsne", "evaluation.report"]


def test_killed_before_snakemake_noted_the_end_a_step_is_not_run_again(experiment):
    process, _ = experiment.start_and_hang("after dataset.phantom")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    experiment.run(code=1, BROKEN="dataset.prepare")
    begun = binaries(experiment.lines("start"))
    assert begun == ["dataset.phantom", "dataset.prepare"]


def test_step_that_outlived_a_killed_run_saves_before_the_next_begins(chain, finished):
    with changed_flagfile(chain, "evaluation_tsne"):
        process, orphan = finished.start_and_hang("in evaluation.tsne")
        (snakemake,) = psutil.Process(process.pid).children()
        for pid in (process.pid, snakemake.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        assert psutil.pid_exists(orphan)
        assert "Waiting for steps of a killed run" in finished.run()
    assert len(finished.lines("saved")) == len(finished.lines("hang")) == 1
    assert binaries(finished.lines("end")) == ["evaluation.tsne", "evaluation.report"]


def test_second_run_in_the_folder_is_refused_by_the_first_ones_process(experiment):
    process, _ = experiment.start_and_hang("in dataset.phantom")
    text = experiment.run(code=1)
    assert f"process {process.pid}" in text
    process.terminate()
    process.communicate(timeout=300)


@pytest.mark.parametrize("stop", ["kill", "ctrl+c"])
def test_stopped_run_lets_its_step_save_and_says_how_to_go_on(experiment, stop):
    process, _ = experiment.start_and_hang("in pggan.train")
    if stop == "kill":
        process.terminate()
    else:
        os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "the same command continues from there" in text
    assert re.search(r"PGGAN of (non_)?tumor images: training +\d+ s  stopped", text)
    assert len(experiment.lines("saved")) == len(experiment.lines("hang"))


def test_step_that_began_when_ctrl_c_came_ends_too(experiment):
    """It may have missed the signal."""
    process, _ = experiment.start_and_hang("in pggan.train", DEAF="")
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "the same command continues from there" in text
    assert len(experiment.lines("saved")) == len(experiment.lines("hang"))
    assert "pggan.train" not in binaries(experiment.lines("end"))


def test_age_of_a_process():
    with subprocess.Popen(["sleep", "60"]) as process:
        first = lock.age(process.pid)
        time.sleep(0.5)
        assert 0 <= first < 60 and lock.age(process.pid) >= first + 0.49
        process.kill()
    assert lock.age(process.pid) == 0


def test_step_that_fails_keeps_its_message_and_stops_the_chain(experiment):
    text = experiment.run(code=1, BROKEN="dataset.prepare")
    title = "slices of the volumes: exit code 1. The end of"
    _, _, message = text.partition(f"{title} {experiment.output}/logs/real.log:\n")
    first, *_, last, end = message.splitlines()
    assert first.startswith("     export TF_NUM")  # Of the step.
    assert last == "  dataset.prepare: error: something is wrong."
    assert "stopped before the end" in end
    assert f"Logs of all steps: {experiment.output}/logs;" in end
    assert binaries(experiment.lines("end")) == ["dataset.phantom"]


def test_mistake_in_the_configuration_ends_the_run_before_any_step(experiment):
    experiment.configure(("\nseeds: [0]", "\nseed: [0]"))
    text = experiment.run(code=1)
    (line,) = [line for line in text.splitlines() if "error" in line]
    told = f"--configuration={experiment.configuration}: seed: unknown key; did you"
    assert told in line and "Snakefile" not in text
    assert not experiment.lines("start")


@pytest.mark.parametrize(
    "old, new, part",
    [
        ("  real: [real]", "  real: [reel]", "mixes: real: no source 'reel'; did you"),
        ("\nmixes:", "\nmixes: [", "Config file is not valid JSON or YAML"),
    ],
)
def test_mistake_in_the_configuration_is_one_line_of_a_dry_run(
    experiment, old, new, part
):
    experiment.configure((old, new))
    with pytest.raises(UserError) as caught:
        start_here(experiment)
    told = f"--configuration={experiment.configuration}: {part}"
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value) and "Snakefile" not in str(caught.value)


def test_dry_run_shows_the_steps_tries_trainings_and_runs_none(experiment):
    text = experiment.run("--dry_run", code=1, WRONG="pggan.train")
    assert re.search(r"pggan_train +2\n", text)
    assert "  pggan/tumor/images: 1,500 images of 32 px\n" in text
    assert "18.0 GB of checkpoints" in text  # Of the 9 other trainings.
    refusal = "pggan.train: error: --x=1, expected 2."
    assert text.count(refusal) == 2 and not experiment.lines("start")
    # Detectors whose images are of the same sizes and classes have one for all.
    trainers = {f"{name}.train": 2 for name in ("pggan", "unit", "simgan")}
    assert count(experiment.lines("ask")) == {**trainers, "classifier.train": 2}


def start_here(experiment, **settings):
    """What `experiment.run` does, in this process."""
    settings = {"brats_dir": None, "profile": None, **settings}
    settings = {"configuration": str(experiment.configuration), **settings}
    workflow_run.run_workflow(
        output_dir=str(experiment.output),
        snakemake=SNAKEMAKE,
        cores=2,
        retrain=False,
        dry_run=True,
        **settings,
    )


@pytest.mark.parametrize(
    "flag", ["configuration", "brats_dir", "images_dir", "profile"]
)
def test_missing_file_is_named_by_its_flag(experiment, flag):
    with refused(f"--{flag}=nowhere:"):
        start_here(experiment, **{flag: "nowhere"})


def fake_slurm(folder, jobs):
    """Programs `squeue` and `scancel` that know `jobs`: id to comment and folder."""
    folder.mkdir()
    queue = folder / "queue"
    queue.write_text(
        "".join(f"{job}|{c}|{where}\n" for job, (c, where) in jobs.items())
    )
    programs = {
        "squeue": f"cat {queue} || exit 1",
        "scancel": f'for job; do sed -i "/^$job|/d" {queue}; done',
    }
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return queue


def with_programs(tmp_path):
    return {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def test_jobs_that_a_killed_run_left_on_a_cluster_are_cancelled(finished, tmp_path):
    step, own = "rule_pggan_train_wildcards_tumor", ""
    jobs = {
        "11": (step, finished.output),
        "12": (step, "/elsewhere"),
        "13": (step, finished.output),
        "14": (own, finished.output),  # Such as the launcher's, or a notebook's.
        "15": (step, ""),
    }
    queue = fake_slurm(tmp_path / "bin", jobs)
    text = finished.run(**with_programs(tmp_path))
    assert "2 job(s) of an ended run" in text
    left = [line.partition("|")[0] for line in queue.read_text().splitlines()]
    assert left == ["12", "14", "15"]


def test_cluster_that_does_not_answer_gets_no_second_set_of_jobs(finished, tmp_path):
    fake_slurm(tmp_path / "bin", {}).unlink()
    (finished.output / "report.html").unlink()
    profile = ROOT / "workflow/profiles/slurm"
    text = finished.run(f"--profile={profile}", code=1, **with_programs(tmp_path))
    assert f"--profile={profile}: squeue: " in text and "try again when" in text
    assert not finished.lines("start")
    finished.run(**with_programs(tmp_path))  # Slurm's programs, but no cluster.
    assert binaries(finished.lines("start")) == ["evaluation.report"]
