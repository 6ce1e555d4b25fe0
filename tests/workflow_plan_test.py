"""What Snakemake plans for a configuration, and what of it a change reaches.

Nothing runs here. That Snakemake runs what a plan says is reached, and nothing else, is
tested with real runs in `workflow_run_test.py`.
"""

import re
import shutil

import experiments
import pytest
from experiments import DEMO, ROOT, changed, count, depending_on, flag, lines_of
from experiments import planned as plan_of

from flags import binary
from workflow import plan, preflight
from workflow import run as workflow_run

pytestmark = experiments.needs_snakemake

LABELS = ("tumor", "non_tumor")
KEPT = "filtering/tumor/images,filtering/non_tumor/images"
RESULTS = {"evaluation.table": 1, "evaluation.report": 1}
IMAGES = {"evaluation.quality": 1, "evaluation.tsne": 1}
REFINERS = "refiners: {unit: , simgan: }"
REAL = "  real: [real]\n"  # The first of the mixes.


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The steps of demo.yaml."""
    return plan_of(tmp_path_factory.mktemp("demo"))


def detectors(number):
    return {"classifier.train": number, "classifier.predict": number, **RESULTS}


RERUN = {
    # The number of clusters, say: all that is made of the images that are then kept.
    "filtering_cluster": {
        **{"filtering.cluster": 2, "filtering.discard": 2, "dataset.verify": 4},
        **{f"{name}.train": 2 for name in ("unit", "simgan")},
        **{f"{name}.refine": 2 for name in ("unit", "simgan")},
        **{**detectors(3), "classifier.export": 1, **IMAGES},
    },
    # The step that refines.
    "unit_refine": {"unit.refine": 2, "dataset.verify": 2, **detectors(1), **IMAGES},
    "classifier_augment": {
        "classifier.augment": 1,
        "evaluation.tsne": 1,
        "classifier.export": 1,
        **detectors(4),
    },
    "classifier_predict": {"classifier.predict": 5, **RESULTS},
    "evaluation_table": RESULTS,
}


@pytest.mark.parametrize("flagfile", RERUN)
def test_flagfile_reaches_what_depends_on_it(demo, flagfile):
    again = depending_on(demo, [ROOT / "flags" / "demo" / f"{flagfile}.cfg"])
    assert count(lines_of(again)) == RERUN[flagfile]


def test_volumes_reach_everything(demo):
    assert len(depending_on(demo, ["phantom/phantom.json"])) == len(demo) - 1


def test_further_mix_has_its_own_steps_alone(demo, tmp_path):
    more = plan_of(tmp_path, (REAL, f"{REAL}  artificial: [pggan]\n"))
    new = lines_of(experiments.new_steps(demo, more))
    assert count(new) == detectors(1)
    assert f"--train_dirs={KEPT}" in new[0]


def test_further_seed_has_its_own_detectors_alone(demo, tmp_path):
    more = plan_of(tmp_path, ("\nseeds: [0]", "\nseeds: [0, 1]"))
    new = lines_of(experiments.new_steps(demo, more))
    assert count(new) == detectors(5)
    assert {flag(x, "seed") for x in new if x[0] == "classifier.train"} == {"1"}


def test_further_chain_has_its_own_steps_alone(demo, tmp_path):
    more = plan_of(tmp_path, ("chain_seeds: [0]", "chain_seeds: [0, 1]"))
    new = lines_of(experiments.new_steps(demo, more))
    assert count(new)["pggan.train"] == 2 and "dataset.prepare" not in count(new)
    over_all = {"evaluation.table", "evaluation.report"}
    assert all("chain-1/" in str(line) for line in new if line[0] not in over_all)


def test_real_cases_replace_the_artificial_ones_and_others_replace_them(tmp_path):
    plans = []
    for name in ("cases", "others"):
        (tmp_path / name).mkdir()
        config = workflow_run.case_folder(str(tmp_path / name), None)
        plans.append(plan_of(tmp_path, config=config))
        (line,) = [x for x in lines_of(plans[-1]) if x[0] == "dataset.prepare"]
        assert f"--brats_dir={tmp_path / name}" in line
    assert "dataset.phantom" not in count(lines_of(plans[0]))
    assert len(experiments.new_steps(*plans)) == len(plans[0])


def test_shard_sets_elsewhere_are_trained_on_and_not_looked_for_here(tmp_path):
    steps = plan_of(
        tmp_path,
        ("shard_sets: {}", "shard_sets: {mine: ['gs://bucket/set']}"),
        (REAL, f"{REAL}  real+mine: [real, mine]\n"),
    )
    trained = [x for x in lines_of(steps) if x[0] == "classifier.train"]
    sets = "real/train/tumor,real/train/non_tumor,gs://bucket/set"
    assert sets in [flag(line, "train_dirs") for line in trained]


def test_shard_sets_of_each_fold_are_looked_for_where_they_are(tmp_path):
    for fold in (0, 1):
        (tmp_path / f"sets/fold-{fold}/mine").mkdir(parents=True)
        (tmp_path / f"sets/fold-{fold}/mine/manifest.json").write_text("{}")
    path = f"{tmp_path}/sets/{{fold}}mine"
    steps = plan_of(
        tmp_path,
        ("folds: 1", "folds: 2"),
        ("shard_sets: {}", f"shard_sets: {{mine: ['{path}']}}"),
        (REAL, f"{REAL}  real+mine: [real, mine]\n"),
    )
    trained = [x for x in lines_of(steps) if x[0] == "classifier.train"]
    for fold in (0, 1):
        own = path.replace("{fold}", f"fold-{fold}/")
        assert any(own in flag(line, "train_dirs") for line in trained)


def test_refiner_of_the_configuration_is_trained_used_and_mixed(tmp_path):
    command = "'{python} -m mine.%s --synthetic_dir={synthetic_dir} --%s={%s}'"
    train = command % ("train", "model_dir", "model_dir")
    refine = command % ("refine", "output_dir", "output_dir")
    refiner = f"{REFINERS[:-1]}, mine: {{train: {train}, refine: {refine}}}}}"
    mix = f"{REAL}  real+mine: [real, mine]\n"
    lines = lines_of(plan_of(tmp_path, (REFINERS, refiner), (REAL, mix)))
    assert count(lines)["mine.train"] == count(lines)["mine.refine"] == 2
    (detector,) = [x for x in lines if x[0] == "classifier.train" and "mine" in str(x)]
    sets = flag(detector, "train_dirs")
    assert sets.endswith(",mine/tumor/images,mine/non_tumor/images")


GUIDED = f"{REAL}  real+classic: [real, classic]\n  real+guided: [real, guided]\n"


def test_guided_pggan_waits_for_its_detector_alone(tmp_path):
    mixes = DEMO[DEMO.index("  real: [real]") : DEMO.index("\n# Control rows")]
    lines = lines_of(
        plan_of(
            tmp_path,
            (mixes, GUIDED),
            ("\nguide:", "\nguide: scratch/real+classic"),
            ("export: [real+classic+pggan]", "export: [real]"),
            ("\nseeds: [0]", "\nseeds: [3, 0]"),
        )
    )
    order = [line[0] for line in lines]
    detector = "classifier/scratch/real+classic/seed-3"
    exported = [flag(x, "output_dir") for x in lines if x[0] == "classifier.export"]
    assert f"{detector}/saved_model" in exported
    trained = [x for x in lines if x[0] == "pggan.train"]
    assert {flag(x, "guide_dir") for x in trained} == {f"{detector}/saved_model"}
    folders = [f"guided/{label}/model" for label in LABELS]
    assert sorted(flag(x, "model_dir") for x in trained) == sorted(folders)
    assert "filtering.cluster" not in order and count(lines)["pggan.generate"] == 2
    rows = [flag(x, "train_dirs") for x in lines if x[0] == "classifier.train"]
    assert any(x.endswith("guided/tumor/images,guided/non_tumor/images") for x in rows)


def test_guided_training_has_a_dry_run_before_there_is_its_guide(checked):
    mix = f"{REAL}  real+guided: [real, guided]\n"
    guide = ("\nguide:", "\nguide: scratch/real+classic")
    faults, _ = checked((REAL, mix), guide)
    assert not faults


def test_decisions_of_a_person_are_applied_and_none_skip_the_filtering(tmp_path):
    files = {label: tmp_path / f"{label}.jsonl" for label in LABELS}
    for path in files.values():
        path.touch()
    person = ", ".join(f"{label}: {path}" for label, path in files.items())
    steps = plan_of(tmp_path, ("decisions: proposal", f"decisions: {{{person}}}"))
    lines = [x for x in lines_of(steps) if x[0] == "filtering.discard"]
    assert {flag(x, "decisions") for x in lines} == {str(p) for p in files.values()}
    discarding = [x for x in depending_on(steps, [files["tumor"]])][0]
    assert discarding.binary == "filtering.discard"
    lines = lines_of(plan_of(tmp_path, ("decisions: proposal", "decisions: none")))
    assert "filtering.discard" not in count(lines)
    (refined, *_) = [x for x in lines if x[0] == "unit.refine"]
    assert flag(refined, "data_dir").startswith("pggan/")


def test_control_is_trained_after_what_it_is_the_control_of(tmp_path):
    control = "controls: {real+classic+pggan: real+classic}"
    lines = lines_of(plan_of(tmp_path, ("controls: {}", control)))
    trained = [x for x in lines if x[0] == "classifier.train"]
    models = [flag(line, "model_dir") for line in trained]
    root = "classifier/scratch/real+classic+pggan"
    control = trained[models.index(f"{root}.control/seed-0/model")]
    assert models.index(f"{root}/seed-0/model") < trained.index(control)
    assert flag(control, "match_steps_of") == f"{root}/seed-0/model"
    assert flag(control, "train_dirs").endswith(",classic")
    of = trained[models.index(f"{root}/seed-0/model")]
    assert flag(of, "train_dirs").endswith(KEPT)
    (table,) = [x for x in lines if x[0] == "evaluation.table"]
    assert (
        "--controls=scratch/real+classic+pggan=scratch/real+classic+pggan.control"
        in table
    )


@pytest.mark.parametrize(
    "old, new, parts",
    [
        (
            "[real, classic]",
            "[real, classik]",
            ["mixes: real+classic: no source 'classik'; did you mean 'classic'?"],
        ),
        ("  real: ", "  re al: ", ["'re al'"]),
        ("brats_dir: phantom", "brats_dir:", ["--brats_dir=FOLDER"]),
        (REFINERS, f"{REFINERS[:-1]}, x: {{trane: y}}}}", ["x has trane"]),
        ("decisions: proposal", "decisions: some", ["decisions: 'some'", "proposal"]),
        (
            "decisions: proposal",
            "folds: 2\ndecisions: {tumor: /a/t, non_tumor: '/a/{prefix}n'}",
            ["decisions: tumor: /a/t", "{prefix}"],
        ),
        ("seeds: [0]", "seeds: [1000]\nchain_seeds: [0, 1]", ["seeds: 1000", "1000"]),
        ("folds: 1", "folds: 0", ["folds: 0", "minimum of 1"]),
        (
            REFINERS,
            f"{REFINERS[:-1]}, fold-1: {{train: a, refine: a}}}}",
            ["'fold-1'", "folder"],
        ),
        (
            "brats_dir: phantom",
            "brats_dir: a\nimages_dir: b",
            ["brats_dir: a", "images_dir: b"],
        ),
        ("controls: {}", "controls: {real: x}", ["controls: 'x'", "real+classic+unit"]),
        (
            "  real: [real]",
            "  real+g: [real, guided]",
            ["guide: None", "one of scratch/real+classic,"],
        ),
        ("steps: {}", "steps: {x: [1]}", ["steps: 'x'"]),
        ("export: [real+classic+pggan]", "export: [x]", ["export: 'x'"]),
        ("shard_sets: {}", "shard_sets: {x: /a}", ["shard_sets: x: '/a'", "a list"]),
        ("shard_sets: {}", "shard_sets: {unit: [/a]}", ["'unit'", "own"]),
        (
            REFINERS,
            f"{REFINERS[:-1]}, a+b: {{train: a, refine: a}}}}",
            ["'a+b'", "'+'"],
        ),
        (REFINERS, "refiners: {simgan: , unit: {train: a}}", ["unit has train"]),
        ("\nseeds: [0]", "\nseeds: 0", ["seeds: 0", "a list"]),
        ("\nseeds: [0]", "\nseeds: [0, 0]", ["seeds: [0, 0]", "non-unique"]),
        ("export: [real+classic+pggan]", "", ["export: missing", "seeds"]),
        ("\nseeds: [0]", "\nseed: [0]", ["seed: unknown key; did you mean 'seeds'?"]),
        (
            "threads: {train: 1, other",
            "threads: {trains: 1, other",
            ["threads: trains: unknown key; did you mean 'train'? Expected some of"],
        ),
        ("real: [real]", "real: real", ["mixes: real: 'real', expected a list"]),
        ("folds: 1", "folds: two", ["folds: 'two', expected a whole number"]),
        (
            "flags: demo",
            "flags: dmo",
            [
                "flags: dmo: no such folder; did you mean 'demo'? Expected",
                "mini, paper",
            ],
        ),
        (
            "classifiers: {scratch: classifier_train}",
            "classifiers: {scratch: classifier_trian}",
            ["classifiers: scratch: no flagfile", "did you mean 'classifier_train'?"],
        ),
        (
            "shard_sets: {}",
            "shard_sets: {x: [/no/set]}",
            ["shard_sets: x: /no/set: no shard set", "manifest.json"],
        ),
        ("  real: [real]", "  real.control: [real]", ["'real.control'", ".control'"]),
        (
            "\nseeds: [0]",
            "\nseeds: [0]\nseed: 1",
            ["seed: unknown key; did you mean 'seeds'? Expected some of flags"],
        ),
    ],
)
def test_mistake_in_the_configuration_is_named(tmp_path, old, new, parts):
    code, text = experiments.snakemake(tmp_path, changed(DEMO, (old, new)))
    assert code == 1 and [part for part in parts if part not in text] == []


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A function of changes to demo.yaml to what is wrong with the steps, and notes."""

    def check_steps(*replacements):
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        steps = plan_of(tmp_path, *replacements)
        return preflight.check(steps, binary.parse, str(tmp_path / "out"), 2)

    return check_steps


def test_dry_run_goes_beyond_a_selection(checked, tmp_path, capsys):
    wrong, _ = checked(("steps: {}", "steps: {unit: [400, 600]}"))
    assert wrong == []
    text = capsys.readouterr().out
    for step in (400, 600):
        assert f"unit/tumor/images-{step}: 1,500 images" in text
    assert "unit/tumor/images: " not in text
    counts = plan.counts(plan.read_plan((tmp_path / "plan.txt").read_text()))
    assert re.search(r"^select +1$", counts, re.MULTILINE)
    assert re.search(r"^classifier_train +7$", counts, re.MULTILINE)


def test_trainings_that_are_alike_in_all_folds_have_one_dry_run(
    checked, tmp_path, capsys
):
    wrong, notes = checked(("folds: 1", "folds: 5"))
    assert wrong == [] and "110.0 GB of checkpoints" in str(notes)  # 55 trainings.
    text = capsys.readouterr().out
    assert "  fold-4/pggan/tumor/images: 1,500 images of 32 px\n" in text
    # Of each label that of a GAN and two refiners, and of detectors with and without.
    assert (tmp_path / "calls").read_text().count("ask ") == 8


def test_dry_run_names_steps_whose_flags_are_wrong(checked, tmp_path):
    flags = tmp_path / "flags"
    shutil.copytree(ROOT / "flags" / "demo", flags)
    (flags / "unit_refine.cfg").write_text("--stepp=0\n")
    (wrong,), _ = checked(("flags: demo", f"flags: {flags}"))
    assert f"unit.refine --flagfile={flags}/unit_refine.cfg" in wrong
    assert "'stepp'" in wrong


def test_dry_run_names_trainings_that_refuse(checked, monkeypatch):
    monkeypatch.setenv("WRONG", "unit.train")
    wrong, _ = checked()
    assert [line.split()[0] for line in wrong] == ["unit.train"] * 2
    assert all(line.endswith("unit.train: error: --x=1, expected 2.") for line in wrong)


@pytest.mark.parametrize("program, there", [("ls", True), ("no_such_program", False)])
def test_dry_run_looks_for_a_refiners_program(checked, program, there):
    refiner = f"{REFINERS[:-1]}, mine: {{train: {program}, refine: {program}}}}}"
    wrong, _ = checked((REFINERS, refiner), ("[real]\n", "[real, mine]\n"))
    assert (wrong == []) == there
    assert there or all(text.startswith(program) for text in wrong)


@pytest.mark.parametrize(
    "name",
    ["workflow/mini", "workflow/paper", "workflow/learning_curve"]
    + ["docs/results/experiment"],
)
def test_other_configurations_plan_with_their_flagfiles(name, tmp_path):
    text = (ROOT / f"{name}.yaml").read_text()
    code, text = experiments.snakemake(tmp_path, text, "brats_dir=phantom")
    assert code == 0, text
    lines = lines_of(plan.read_plan(text))
    assert count(lines)["pggan.train"] >= 2
    for program, *flags in lines:
        binary.parse(program, flags)


def test_number_of_a_sources_images_is_the_detectors_alone(demo, tmp_path):
    mix = f"{REAL}  some: [real, classic, 'pggan:750']\n"
    controls = ("controls: {}", "controls: {some: real+classic}")
    new = lines_of(
        experiments.new_steps(demo, plan_of(tmp_path, (REAL, mix), controls))
    )
    assert count(new) == detectors(2)
    trained = [line for line in new if line[0] == "classifier.train"]
    some, control = sorted(trained, key=lambda x: "control" in flag(x, "model_dir"))
    assert (
        flag(some, "train_dirs")
        == f"real/train/tumor,real/train/non_tumor,classic,{KEPT}"
    )
    assert flag(some, "train_images") == "0,0,0,750,750"
    assert "--train_images" not in " ".join(control)
    for name, *flags in trained:
        binary.parse(name, flags)


@pytest.mark.parametrize("source", ["pggan:", "pggan:0", "pggan:some", ":3", "a:1:2"])
def test_number_that_is_none_is_refused(tmp_path, source):
    text = changed(DEMO, (REAL, f"{REAL}  some: [real, '{source}']\n"))
    code, errors = experiments.snakemake(tmp_path, text)
    assert code and f"mixes: some: '{source}', expected a source" in errors
