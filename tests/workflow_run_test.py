"""The workflow with stand-ins for the binaries: what runs, and after a kill, what not.

The stand-ins log their command line and write the file that the step's rule waits for.
"""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time

import pytest

from flags import binary
from workflow import lock
from workflow import run as workflow_run

ROOT = pathlib.Path(__file__).parents[1]
SNAKEMAKE = os.environ.get("SNAKEMAKE", str(ROOT / ".venv-workflow/bin/snakemake"))

pytestmark = pytest.mark.skipif(
    not shutil.which(SNAKEMAKE), reason="no Snakemake in .venv-workflow"
)

STAND_IN = """
    import os, pathlib, signal, sys, time
    binary, flags = sys.argv[2], dict(a.lstrip("-").split("=", 1) for a in sys.argv[3:]
                                      if "=" in a)
    log = open(os.environ["CALLS"], "a")
    if "--dry_run" in sys.argv:
        print("ask", *sys.argv[2:], file=log, flush=True)
        print("  checkpoints: 2 of 1000 MB")
        wrong = os.environ.get("WRONG") == binary
        sys.exit(f"{binary}: error: --x=1, wanted 2." if wrong else 0)
    print("start", *sys.argv[2:], file=log, flush=True)
    if "SHOW_GPUS" in os.environ:
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or "none"
        print("gpus", gpus, binary, file=log, flush=True)
    folder = pathlib.Path(flags.get("output_dir") or flags.get("model_dir") or ".")
    last = {"dataset.phantom": folder / "phantom.json",
            "dataset.prepare": folder / "report.json",
            "evaluation.table": folder / "table.json",
            "classifier.export": folder / "saved_model.pb",
            "classifier.predict": pathlib.Path(flags.get("output_csv", "")),
            "filtering.cluster": folder / "clusters.json",
            "evaluation.quality": folder / "quality.json",
            "evaluation.tsne": folder / "tsne.json",
            "evaluation.report": pathlib.Path(flags.get("output_html", "")),
            "evaluation.select": pathlib.Path(flags.get("output_json", "")),
            }.get(binary, folder / ("finished.json" if binary.endswith("train")
                                    else "manifest.json"))
    last.parent.mkdir(parents=True, exist_ok=True)
    def hang(when):
        if os.environ.get("HANG") == f"{when} {binary}":
            signal.signal(signal.SIGTERM, save)
            signal.signal(signal.SIGINT, save)
            signal.signal(signal.SIGHUP, save)
            if "DEAF" in os.environ:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            (last.parent / "checkpoint").touch()
            print("hang", os.getpid(), file=log, flush=True)
            time.sleep(60)
    def save(*_):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        print("saved", binary, file=log, flush=True)
        sys.exit(143)
    hang("in")
    if os.environ.get("BROKEN") == binary:
        sys.exit(f"{binary}: error: something is wrong.")
    last.write_text('{"step": 300}')
    print("300.")
    hang("after")
    if binary == "evaluation.table":
        last.with_suffix(".md").write_text("| real | 93.26 |")
    print("end", *sys.argv[2:], file=log, flush=True)
"""

LAUNCH = """
    import signal, sys
    from workflow import run
    interpreter, sys.executable = sys.executable, sys.argv.pop(1)
    # The tests may run under nohup, or in the background of a script.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run.run()
"""


class Experiment:
    """A folder with a stand-in for Python, a configuration, and its results."""

    def __init__(self, folder):
        self.started = []
        self.output = folder / "out"
        self.calls_path = folder / "calls"
        self.python = folder / "python"
        self.python.write_text(f"#!{sys.executable}\n" + textwrap.dedent(STAND_IN))
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)
        self.configuration = folder / "configuration.yaml"
        shutil.copy(ROOT / "workflow" / "demo.yaml", self.configuration)

    def start(self, *flags, **variables):
        command = [sys.executable, "-c", textwrap.dedent(LAUNCH), str(self.python)]
        command += [f"--configuration={self.configuration}", *flags]
        command += [f"--output_dir={self.output}", f"--snakemake={SNAKEMAKE}"]
        environment = {**os.environ, "CALLS": str(self.calls_path), **variables}
        environment["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=self.output.parent,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *flags, code=0, **variables):
        process = self.start(*flags, **variables)
        text, _ = process.communicate(timeout=300)
        assert process.returncode == code, text
        return text

    def lines(self, word):
        """What the stand-ins logged under `word`, in order."""
        if not self.calls_path.exists():
            return []
        lines = [line.split() for line in self.calls_path.read_text().splitlines()]
        return [line[1:] for line in lines if line[0] == word]

    def start_and_hang(self, where, **variables):
        """Starts the chain; returns its process, and that of the step it hangs in."""
        process = self.start(HANG=where, **variables)
        while not self.lines("hang"):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.1)
        return process, int(self.lines("hang")[-1][0])


@pytest.fixture
def experiment(tmp_path):
    experiment = Experiment(tmp_path)
    yield experiment
    for process in experiment.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def binaries(lines):
    return [line[0] for line in lines]


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
    "dataset.verify": 5,
    "classifier.augment": 1,
    "classifier.train": 5,
    "classifier.predict": 5,
    "classifier.export": 1,
    "evaluation.table": 1,
    "evaluation.quality": 1,
    "evaluation.tsne": 1,
    "evaluation.report": 1,
}


def test_chain_runs_once_ends_with_the_table_and_is_not_run_again(experiment):
    text = experiment.run()
    assert "| real | 93.26 |" in text
    ended = binaries(experiment.lines("end"))
    assert {name: ended.count(name) for name in ended} == CHAIN
    # A line each, between where the logs are and the table.
    lines = re.findall(r"^\[\d\d:\d\d\] (.+)$", text, re.MULTILINE)
    assert len(lines) == sum(CHAIN.values())
    (line,) = [line for line in lines if "PGGAN of tumor images: training" in line]
    assert re.fullmatch(r"PGGAN of tumor images: training +\d+ s  300", line)
    log = (experiment.output / "logs/pggan/tumor/model.log").read_text()
    assert "model_dir=pggan/tumor/model\n" in log  # To be repeated.
    assert "   export TF_NUM_INTRAOP_THREADS=1" in log
    assert f"Everything that steps print: {experiment.output}/logs" in text
    assert "model_dir" not in text
    assert "| real | 93.26 |" in experiment.run()
    assert len(experiment.lines("start")) == sum(CHAIN.values())


def test_what_most_steps_wait_for_is_begun_before_any_detector(experiment):
    experiment.run("--cores=1")
    begun = binaries(experiment.lines("start"))
    for name in ("pggan.train", "unit.refine", "simgan.refine"):
        last = len(begun) - 1 - begun[::-1].index(name)
        assert last < begun.index("classifier.train"), name


def test_every_flag_of_the_rules_is_one_of_its_binary(experiment):
    experiment.run()
    for name, *flags in experiment.lines("end"):
        binary.parse(name, flags)


@pytest.mark.parametrize(
    "path, steps",
    [
        ("table/table.json", ["evaluation.table", "evaluation.report"]),
        ("pggan/tumor/model/finished.json", ["pggan.train", "pggan.generate"]),
    ],
)
def test_what_a_stopped_step_removed_is_made_again(experiment, path, steps):
    experiment.run()
    before = len(experiment.lines("end"))
    (experiment.output / path).unlink()
    experiment.run()
    again = binaries(experiment.lines("end")[before:])
    assert again[: len(steps)] == steps and again[-1] == "evaluation.report"


def test_killed_in_a_step_the_chain_continues_with_it(experiment):
    process, _ = experiment.start_and_hang("in classifier.augment")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = [tuple(line) for line in experiment.lines("end")]
    experiment.run()
    ended = [tuple(line) for line in experiment.lines("end")]
    assert finished and len(ended) == len(set(ended)) == sum(CHAIN.values())
    assert (experiment.output / "classic" / "checkpoint").exists()


def test_killed_before_snakemake_noted_the_end_a_step_is_not_run_again(experiment):
    process, _ = experiment.start_and_hang("after classifier.augment")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    experiment.run()
    assert binaries(experiment.lines("start")).count("classifier.augment") == 1


def test_step_that_outlived_a_killed_run_saves_before_the_next_begins(experiment):
    process, orphan = experiment.start_and_hang("in pggan.train")
    for pid in [process.pid, *children(process.pid)]:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert pathlib.Path(f"/proc/{orphan}").exists()
    assert "Waiting for steps of a killed run" in experiment.run()
    assert len(experiment.lines("saved")) == len(experiment.lines("hang"))
    assert list(experiment.output.glob("pggan/*/model/checkpoint"))


def children(pid):
    """Ids of Snakemake's process, the only child of the launcher."""
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def test_second_run_in_the_folder_is_refused_by_the_first_ones_process(experiment):
    process, _ = experiment.start_and_hang("in pggan.train")
    text = experiment.run(code=1)
    assert f"a run is at work in this folder (process {process.pid})" in text
    process.terminate()
    process.communicate(timeout=300)


@pytest.mark.parametrize("stop", ["kill", "ctrl+c", "hang up"])
def test_stopped_run_lets_its_step_save_and_says_how_to_go_on(experiment, stop):
    process, _ = experiment.start_and_hang("in pggan.train")
    if stop == "kill":
        process.terminate()
    else:
        number = {"ctrl+c": signal.SIGINT, "hang up": signal.SIGHUP}[stop]
        os.killpg(process.pid, number)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "the same command goes on from there" in text
    assert re.search(r"PGGAN of (non_)?tumor images: training +\d+ s  stopped", text)
    assert len(experiment.lines("saved")) == len(experiment.lines("hang"))


def test_step_that_began_when_ctrl_c_came_ends_too(experiment):
    """It may have missed the signal."""
    process, _ = experiment.start_and_hang("in pggan.train", DEAF="")
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "the same command goes on from there" in text
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


def test_real_cases_replace_the_artificial_ones_and_others_replace_them(
    experiment, tmp_path
):
    for name in ("cases", "others"):
        (tmp_path / name).mkdir()
        experiment.run(f"--brats_dir={name}")
    lines = experiment.lines("end")
    assert "dataset.phantom" not in binaries(lines)
    first, second = [line for line in lines if line[0] == "dataset.prepare"]
    assert f"--brats_dir={tmp_path / 'cases'}" in first
    assert f"--brats_dir={tmp_path / 'others'}" in second


def test_further_mix_runs_its_own_steps_alone(experiment):
    experiment.run()
    before = len(experiment.lines("end"))
    text = experiment.configuration.read_text()
    mixes = "  real: [real]\n"
    experiment.configuration.write_text(
        text.replace(mixes, mixes + "  artificial: [pggan]\n")
    )
    experiment.run()
    new = experiment.lines("end")[before:]
    assert binaries(new) == [
        "classifier.train",
        "classifier.predict",
        "dataset.verify",
        "evaluation.table",
        "evaluation.report",
    ]
    assert f"--train_dirs={KEPT}" in new[0]


def test_shard_sets_elsewhere_are_trained_on_and_not_looked_for_here(experiment):
    text = experiment.configuration.read_text()
    text = text.replace("shard_sets: {}", "shard_sets: {mine: ['gs://bucket/set']}")
    mixes = "  real: [real]\n"
    text = text.replace(mixes, mixes + "  real+mine: [real, mine]\n")
    experiment.configuration.write_text(text)
    experiment.run()
    trained = [x for x in experiment.lines("end") if x[0] == "classifier.train"]
    sets = "real/train/tumor,real/train/non_tumor,gs://bucket/set"
    assert sets in [flag(line, "train_dirs") for line in trained]


LABELS = ("tumor", "non_tumor")
KEPT = "filtering/tumor/images,filtering/non_tumor/images"
RESULTS = {"evaluation.table": 1, "evaluation.report": 1}
IMAGES = {"evaluation.quality": 1, "evaluation.tsne": 1}


def detectors(number, refined=0):
    """Steps for new detectors; all are verified, as is each set of refined images."""
    trained = {"classifier.train": number, "classifier.predict": number}
    return {**trained, "dataset.verify": refined + 1, **RESULTS}


RERUN = {
    # The number of clusters, say: all that is made of the images that are then kept.
    "filtering_cluster": {
        **{"filtering.cluster": 2, "filtering.discard": 2},
        **{f"{name}.train": 2 for name in ("unit", "simgan")},
        **{f"{name}.refine": 2 for name in ("unit", "simgan")},
        **{**detectors(3, refined=4), "classifier.export": 1, **IMAGES},
    },
    # The step that refines.
    "unit_refine": {"unit.refine": 2, **detectors(1, refined=2), **IMAGES},
    "classifier_augment": {
        "classifier.augment": 1,
        "evaluation.tsne": 1,
        **detectors(1),
    },
    "evaluation_table": RESULTS,
}


@pytest.mark.parametrize("flagfile", RERUN)
def test_changed_flagfile_reruns_what_depends_on_it(experiment, tmp_path, flagfile):
    flags = tmp_path / "flags"
    shutil.copytree(ROOT / "flags" / "demo", flags)
    text = experiment.configuration.read_text()
    experiment.configuration.write_text(text.replace("flags: demo", f"flags: {flags}"))
    experiment.run()
    before = len(experiment.lines("end"))
    with open(flags / f"{flagfile}.cfg", "a") as file:
        file.write("# Another.\n")
    experiment.run("--retrain")
    again = experiment.lines("end")[before:]
    assert collections.Counter(binaries(again)) == RERUN[flagfile]
    assert all("--start_over" in line for line in again if line[0].endswith(".train"))


def test_whether_to_retrain_reruns_nothing_by_itself(experiment):
    experiment.run()
    before = experiment.lines("end")
    experiment.run("--retrain")
    assert experiment.lines("end") == before


def test_refiner_of_the_configuration_is_trained_used_and_mixed(experiment):
    text = experiment.configuration.read_text()
    text = text.replace(
        "  real: [real]\n", "  real: [real]\n  real+mine: [real, mine]\n"
    )
    command = "'{python} -m mine.%s --synthetic_dir={synthetic_dir} --%s={%s}'"
    train = command % ("train", "model_dir", "model_dir")
    refine = command % ("refine", "output_dir", "output_dir")
    refiner = f"refiners: {{mine: {{train: {train}, refine: {refine}}}}}"
    experiment.configuration.write_text(text.replace("refiners: {}", refiner))
    experiment.run()
    lines = experiment.lines("end")
    assert (
        binaries(lines).count("mine.train") == binaries(lines).count("mine.refine") == 2
    )
    (detector,) = [x for x in lines if x[0] == "classifier.train" and "mine" in str(x)]
    assert detector[2].endswith(",mine/tumor/images,mine/non_tumor/images")


def test_selected_step_of_a_refiner_is_what_its_mixes_have(experiment):
    text = experiment.configuration.read_text()
    text = text.replace("steps: {}", "steps: {unit: [100, 300]}")
    experiment.configuration.write_text(text)
    experiment.run()
    lines = experiment.lines("end")
    steps = [flag(x, "step") for x in lines if x[0] == "unit.refine"]
    assert sorted(steps) == ["100", "100", "300", "300"]
    trained = {flag(x, "model_dir"): x for x in lines if x[0] == "classifier.train"}
    candidate = trained["classifier/scratch/real+classic+unit@100/seed-0/model"]
    (selection,) = [x for x in lines if x[0] == "evaluation.select"]
    assert (
        "--candidates=100=classifier/scratch/real+classic+unit@100/seed-0"
        "/validation.csv"
    ) in selection
    final = trained["classifier/scratch/real+classic+unit/seed-0/model"]
    assert lines.index(candidate) < lines.index(selection) < lines.index(final)
    assert flag(final, "train_dirs").endswith(
        "unit/tumor/images-300,unit/non_tumor/images-300"
    )


def test_further_step_to_choose_from_runs_its_own_steps_alone(experiment):
    text = experiment.configuration.read_text()
    experiment.configuration.write_text(
        text.replace("steps: {}", "steps: {unit: [300]}")
    )
    experiment.run()
    before = len(experiment.lines("end"))
    experiment.configuration.write_text(
        text.replace("steps: {}", "steps: {unit: [100, 300]}")
    )
    experiment.run()
    again = experiment.lines("end")[before:]
    refined = [line for line in again if line[0] == "unit.refine"]
    assert [flag(line, "step") for line in refined] == ["100", "100"]
    (trained,) = [line for line in again if line[0] == "classifier.train"]
    assert "real+classic+unit@100" in flag(trained, "model_dir")
    # It is selected again, as before: the mix is tested again, but not trained.
    assert collections.Counter(binaries(again)) == {
        **{"unit.refine": 2, "dataset.verify": 3, "evaluation.select": 1},
        **{"classifier.train": 1, "classifier.predict": 2, **RESULTS},
    }


def test_decisions_of_a_person_are_applied_and_none_skip_the_filtering(
    experiment, tmp_path
):
    files = {label: tmp_path / f"{label}.jsonl" for label in LABELS}
    for path in files.values():
        path.touch()
    text = experiment.configuration.read_text()
    person = ", ".join(f"{label}: {path}" for label, path in files.items())
    experiment.configuration.write_text(
        text.replace("decisions: proposal", f"decisions: {{{person}}}")
    )
    experiment.run()
    lines = [x for x in experiment.lines("end") if x[0] == "filtering.discard"]
    assert {flag(x, "decisions") for x in lines} == {str(p) for p in files.values()}
    before = len(experiment.lines("end"))
    experiment.configuration.write_text(
        text.replace("decisions: proposal", "decisions: none")
    )
    experiment.run()
    lines = experiment.lines("end")[before:]
    assert "filtering.discard" not in binaries(lines)
    (refined, *_) = [x for x in lines if x[0] == "unit.refine"]
    assert flag(refined, "data_dir").startswith("pggan/")


def test_control_is_trained_after_what_it_is_the_control_of(experiment):
    text = experiment.configuration.read_text()
    text = text.replace("controls: {}", "controls: {real+classic+pggan: real+classic}")
    experiment.configuration.write_text(text)
    experiment.run()
    trained = [x for x in experiment.lines("end") if x[0] == "classifier.train"]
    models = [flag(line, "model_dir") for line in trained]
    root = "classifier/scratch/real+classic+pggan"
    control = trained[models.index(f"{root}.control/seed-0/model")]
    assert models.index(f"{root}/seed-0/model") < trained.index(control)
    assert flag(control, "match_steps_of") == f"{root}/seed-0/model"
    assert flag(control, "train_dirs").endswith(",classic")
    of = trained[models.index(f"{root}/seed-0/model")]
    assert flag(of, "train_dirs").endswith(KEPT)
    (table,) = [x for x in experiment.lines("end") if x[0] == "evaluation.table"]
    assert (
        "--controls=scratch/real+classic+pggan=scratch/real+classic+pggan.control"
        in table
    )


def flag(line, name):
    """The value of a flag in a logged command line."""
    (value,) = [x for x in line if x.startswith(f"--{name}=")]
    return value.partition("=")[2]


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "[real, classic]",
            "[real, classik]",
            "real+classic has 'classik', wanted some",
        ),
        ("  real: ", "  re al: ", "'re al': wanted letters"),
        ("brats_dir: phantom", "brats_dir:", "no cases: give --brats_dir=FOLDER"),
        ("refiners: {}", "refiners: {x: {trane: y}}", "x has trane; wanted the two"),
        ("decisions: proposal", "decisions: some", "decisions: 'some', wanted prop"),
        (
            "decisions: proposal",
            "folds: 2\ndecisions: {tumor: /a/t, non_tumor: '/a/{prefix}n'}",
            "decisions: tumor: /a/t: expected {prefix} in it",
        ),
        ("seeds: [0]", "seeds: [1000]\nchain_seeds: [0, 1]", "expected less than 1000"),
        ("seeds: [0]", "seeds: [0]\nfolds: 0", "0 is less than the minimum of 1"),
        (
            "refiners: {}",
            "refiners: {fold-1: {train: a, refine: a}}",
            "'fold-1': a fold's or chain's folder has that name",
        ),
        ("brats_dir: phantom", "brats_dir: a\nimages_dir: b", "expected one of them"),
        ("controls: {}", "controls: {real: x}", "controls: 'x' is none of the mixes"),
        ("steps: {}", "steps: {x: [1]}", "steps: 'x' is none of the refiners"),
        ("export: [real+classic+pggan]", "export: [x]", "'x' is none of the mixes"),
        ("shard_sets: {}", "shard_sets: {x: /a}", "shard_sets: x: '/a', wanted a list"),
        ("shard_sets: {}", "shard_sets: {unit: [/a]}", "'unit' is a source of its own"),
        ("refiners: {}", "refiners: {a+b: {train: a, refine: a}}", "has no '+'"),
        ("refiners: {}", "refiners: {unit: {train: a}}", "unit has train; wanted the"),
        ("seeds: [0]", "seeds: 0", "seeds: 0, wanted a list, such as"),
        ("seeds: [0]", "seeds: [0, 0]", "[0, 0] has non-unique elements"),
        ("export: [real+classic+pggan]", "", "'export' is a required property"),
        ("  real: [real]", "  real.control: [real]", "only a control ends with"),
        ("seeds: [0]", "seeds: [0]\nseed: 1", "'seed' was unexpected"),
    ],
)
def test_mistake_in_the_configuration_is_named(experiment, old, new, message):
    text = experiment.configuration.read_text()
    assert old in text
    experiment.configuration.write_text(text.replace(old, new))
    assert message in experiment.run(code=1)
    assert not experiment.lines("start")


def test_dry_run_shows_the_steps_asks_trainings_and_runs_none(experiment):
    text = experiment.run("--dry_run")
    assert re.search(r"pggan_train +2\n", text)
    assert "  pggan/tumor/images: 1,500 images of 32 px\n" in text
    assert "39 steps, and nothing wrong" in text  # Without `all`.
    assert not experiment.lines("start")
    asked = collections.Counter(binaries(experiment.lines("ask")))
    # Detectors whose images are of the same sizes and classes are asked once.
    trainers = {f"{name}.train": 2 for name in ("pggan", "unit", "simgan")}
    assert asked == {**trainers, "classifier.train": 2}
    assert "22.0 GB of checkpoints" in text  # Of 11 trainings.


def test_dry_run_goes_beyond_a_selection(experiment):
    text = experiment.configuration.read_text()
    text = text.replace("steps: {}", "steps: {unit: [400, 600]}")
    experiment.configuration.write_text(text)
    text = experiment.run("--dry_run")
    assert re.search(r"\nselect +1\n", text)
    assert re.search(r"\nclassifier_train +7\n", text)
    for step in (400, 600):
        assert f"unit/tumor/images-{step}: 1,500 images" in text
    assert "unit/tumor/images: " not in text


def test_dry_run_names_steps_whose_flags_are_wrong(experiment, tmp_path):
    flags = tmp_path / "flags"
    shutil.copytree(ROOT / "flags" / "demo", flags)
    text = experiment.configuration.read_text()
    experiment.configuration.write_text(text.replace("flags: demo", f"flags: {flags}"))
    (flags / "unit_refine.cfg").write_text("--stepp=0\n")
    text = experiment.run("--dry_run", code=1)
    wrong = text.partition("cannot run")[2].strip().splitlines()
    assert len(wrong) == 2 and "Unknown command line flag 'stepp'" in wrong[1]
    assert f"unit.refine --flagfile={flags}/unit_refine.cfg" in wrong[1]


def test_dry_run_names_trainings_that_refuse(experiment):
    text = experiment.run("--dry_run", code=1, WRONG="unit.train")
    wrong = text.partition("cannot run")[2].strip().splitlines()[1:]
    assert [line.split()[0] for line in wrong] == ["unit.train"] * 2
    assert all(line.endswith("unit.train: error: --x=1, wanted 2.") for line in wrong)


def test_dry_run_accepts_a_refiners_program_that_is_there(experiment):
    text = experiment.configuration.read_text()
    text = text.replace("refiners: {}", "refiners: {mine: {train: 'ls', refine: 'ls'}}")
    experiment.configuration.write_text(text.replace("[real]\n", "[real, mine]\n"))
    assert "nothing wrong" in experiment.run("--dry_run")


def test_dry_run_names_a_refiners_program_that_is_not_there(experiment):
    text = experiment.configuration.read_text()
    mine = "refiners: {mine: {train: no_such_program, refine: no_such_program}}"
    text = text.replace("refiners: {}", mine).replace("[real]\n", "[real, mine]\n")
    experiment.configuration.write_text(text)
    assert "no_such_program: no such program" in experiment.run("--dry_run", code=1)


@pytest.mark.parametrize("flag", ["configuration", "brats_dir", "images_dir"])
def test_missing_file_is_named_by_its_flag(experiment, flag):
    settings = {"configuration": str(experiment.configuration), "brats_dir": "phantom"}
    settings |= {"snakemake": SNAKEMAKE, "cores": 2, flag: "none"}
    settings |= {"dry_run": True, "retrain": False}
    settings |= {"brats_dir": None} if flag == "images_dir" else {}
    with pytest.raises(workflow_run.WorkflowError, match=f"--{flag}=none: no"):
        workflow_run.run_workflow(output_dir=str(experiment.output), **settings)


@pytest.mark.parametrize("name", ["mini", "paper"])
def test_other_configurations_plan_with_their_flagfiles(experiment, name):
    shutil.copy(ROOT / "workflow" / f"{name}.yaml", experiment.configuration)
    assert "pggan_train" in experiment.run("--dry_run", "--brats_dir=phantom")


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


def test_jobs_that_a_killed_run_left_on_a_cluster_are_cancelled(experiment, tmp_path):
    step, own = "rule_pggan_train_wildcards_tumor", ""
    jobs = {
        "11": (step, experiment.output),
        "12": (step, "/elsewhere"),
        "13": (step, experiment.output),
        "14": (own, experiment.output),  # Such as the launcher's, or a notebook's.
        "15": (step, ""),
    }
    queue = fake_slurm(tmp_path / "bin", jobs)
    text = experiment.run(**with_programs(tmp_path))
    assert "2 job(s) of an ended run" in text
    left = [line.partition("|")[0] for line in queue.read_text().splitlines()]
    assert left == ["12", "14", "15"]


def test_cluster_that_does_not_answer_gets_no_second_set_of_jobs(experiment, tmp_path):
    fake_slurm(tmp_path / "bin", {}).unlink()
    profile = ROOT / "workflow/profiles/slurm"
    text = experiment.run(f"--profile={profile}", code=1, **with_programs(tmp_path))
    assert f"--profile={profile}: squeue: " in text and "try again when" in text
    assert not experiment.lines("start")
    experiment.run(**with_programs(tmp_path))  # Slurm's programs, but no cluster.
    assert experiment.lines("start")


def test_steps_take_gpus_of_their_own_and_others_see_none(experiment, tmp_path):
    profile = tmp_path / "profile"
    shutil.copytree(ROOT / "workflow/profiles/gpus", profile)
    (path,) = profile.iterdir()
    path.write_text(path.read_text() + "set-resources: {pggan_train: {gpu: 4}}\n")
    experiment.run("--gpus=4,6", f"--profile={profile}", SHOW_GPUS="yes")
    seen = {line[1]: line[0] for line in experiment.lines("gpus")}
    assert seen["pggan.train"] == "4,6"  # The profile gives it four; there are two.
    assert {seen[name] for name in ("unit.train", "classifier.predict")} <= {"4", "6"}
    assert seen["dataset.prepare"] == seen["evaluation.table"] == "none"
    assert (experiment.output / "report.html").exists()


def test_profile_that_is_not_there_is_named(experiment):
    text = experiment.run("--profile=nowhere", code=1)
    assert "--profile=nowhere: not found" in text
