"""A plan's files and sizes are checked before any of it is there."""

import json
import pathlib
import sys

import cv2
import interruption
import numpy as np
import pytest

from dataset.errors import UserError
from dataset.shards import ShardSet
from flags import binary
from workflow import plan
from workflow.outputs import BYTES_PER_PIXEL, PlannedSet
from workflow.preflight import Preflight

LABELS = ("non_tumor", "tumor")
PARTS = ("train", "validation")


@pytest.fixture
def preflight(tmp_path):
    """A `Preflight` of nothing yet, in folders of its own."""
    for name in ("folder", "out"):
        (tmp_path / name).mkdir()
    return Preflight(str(tmp_path / "folder"), str(tmp_path / "out"))


def step(name, *flags, rule="", **files):
    """A step that calls a binary with flags."""
    command = [sys.executable, "-m", name, *flags]
    files = {"input": [], "output": [], **files}
    return plan.Step(rule, command=command, settings=binary.parse(name, flags), **files)


def prepare(brats_dir="phantom", *flags):
    flags = [f"--brats_dir={brats_dir}", "--output_dir=real", *flags]
    return step("dataset.prepare", *flags)


def real_slices(preflight, *flags):
    preflight.num_cases = 10
    assert preflight.check_steps([prepare("phantom", *flags)]) == []


def pggan(label="tumor", *flags):
    flags = [f"--data_dir=real/train/{label}", *flags]
    return step("pggan.train", f"--model_dir=pggan/{label}/model", *flags)


def generated(label="tumor", number=100):
    flags = [f"--model_dir=pggan/{label}/model", f"--num_images={number}"]
    return step("pggan.generate", *flags, f"--output_dir=pggan/{label}/images")


def unit_train(*flags, label="tumor"):
    flags = [f"--synthetic_dir=pggan/{label}/images", *flags]
    flags = [f"--real_dir=real/train/{label}", *flags]
    return step("unit.train", *flags, "--model_dir=unit/tumor/model")


def test_slices_are_at_most_those_of_the_patients_of_each_part(preflight):
    real_slices(preflight, "--image_size=60")
    assert preflight.sets["real/train/tumor"] == PlannedSet(60, (0, 7 * 101), True)
    assert preflight.sets["real/test/non_tumor"] == PlannedSet(60, (2 * 101, 0), True)
    assert preflight.find("real/validation/tumor").num_images == 101


def test_sets_are_as_large_as_the_steps_before_make_them(preflight):
    real_slices(preflight, "--image_size=60")
    both = "--data_dirs=real/train/tumor,real/train/non_tumor"
    classic = ["--num_images=301", "--output_dir=classic"]
    discard = ["--clusters_dir=c", "--decisions=proposal", "--output_dir=kept"]
    refined = {
        "input": ["flags.cfg", "kept/manifest.json", "unit/tumor/model/finished.json"],
        "output": ["unit/tumor/images/manifest.json"],
    }
    faults = preflight.check_steps(
        [
            pggan("tumor", "--resolution=64"),
            generated("tumor", 100),
            step("classifier.augment", both, *classic),
            step("filtering.discard", "--data_dir=pggan/tumor/images", *discard),
            plan.Step("refiner_refine", command=["anyones", "program"], **refined),
        ]
    )
    assert not faults
    assert preflight.sets["pggan/tumor/images"] == PlannedSet(64, (0, 100))
    assert preflight.sets["classic"] == PlannedSet(60, (150, 151))
    assert preflight.sets["unit/tumor/images"] == PlannedSet(64, (0, 100))


def test_training_finds_the_planned_sets_where_it_looks_for_them(preflight):
    real_slices(preflight, "--image_size=60")
    preflight.check_steps([pggan("tumor", "--resolution=64")])
    found = ShardSet(pathlib.Path(preflight.dry_runs.folder) / "real/train/tumor")
    assert len(found) == 707 and found.image_size == 60
    assert found.label_counts == {"non_tumor": 0, "tumor": 707}
    assert found.origins()[2] == ["real/train/tumor"]  # No patient of another part.


def test_trainings_of_like_images_are_tried_once_for_all(preflight):
    real_slices(preflight)
    detector = [
        "--train_dirs=real/train/tumor,real/train/non_tumor",
        "--validation_dirs=real/validation/tumor,real/validation/non_tumor",
    ]
    for seed in (0, 1):
        one = [*detector, f"--seed={seed}", f"--model_dir=seed-{seed}"]
        preflight.check_steps([step("classifier.train", *one)])
    assert len(preflight.dry_runs.commands) == 1
    preflight.check_steps(
        [step("classifier.train", *detector, "--image_size=64", "--model_dir=x")]
    )
    assert len(preflight.dry_runs.commands) == 2


@pytest.mark.parametrize("number, refused", [(100, False), (101, True)])
def test_refiner_itself_refuses_more_images_than_there_will_be(
    preflight, number, refused
):
    real_slices(preflight, "--image_size=60")
    flags = (f"--num_images={number}", "--num_steps=10", "--keep_steps=10")
    small = ("--base_maps=4", "--discriminator_scales=1")
    steps = [
        pggan("tumor", "--resolution=64"),
        generated(),
        unit_train(*flags, *small),
    ]
    assert not preflight.check_steps(steps)
    preflight.dry_runs.commands = {
        k: v for k, v in preflight.dry_runs.commands.items() if k[0] == "unit.train"
    }
    refusals = preflight.dry_runs.run(1)
    assert bool(refusals) == refused
    if refused:
        assert "pggan/tumor/images" in refusals[0]
        assert "100 images" in refusals[0] and "--num_images=101" in refusals[0]
    else:
        assert preflight.num_bytes[1] >= 1e6


def test_step_that_the_training_does_not_keep_is_refused(preflight):
    real_slices(preflight)
    training = unit_train("--num_steps=300", "--keep_steps=100,300")
    files = {"input": ["pggan/tumor/images/manifest.json"], "output": ["a/b/images"]}
    refine = [
        step(
            "unit.refine",
            *("--model_dir=unit/tumor/model", "--data_dir=pggan/tumor/images"),
            *(f"--step={number}", "--output_dir=unit/tumor/images"),
            rule="refiner_refine",
            **files,
        )
        for number in (100, 200)
    ]
    faults = preflight.check_steps([pggan(), generated(), training, *refine])
    assert len(faults) == 1 and "--step=200: the training keeps the steps" in faults[0]


CLUSTER = ["--data_dir=pggan/tumor/images", "--reference_dir=real/train/tumor"]
COMPARED = [
    "--real_dirs=real/train/tumor,real/train/non_tumor",
    "--synthetic_dirs=PGGAN=pggan/tumor/images,pggan/non_tumor/images",
]
OF_TWO_FOLDS = "--rows=real=fold-0/p.csv,fold-1/p.csv"


@pytest.mark.parametrize(
    "name, flags, fault",
    [
        ("filtering.cluster", [*CLUSTER, "--num_clusters=100"], None),
        (
            "filtering.cluster",
            [*CLUSTER, "--num_clusters=101"],
            "--num_clusters=101 of 100 images in pggan/tumor/images.",
        ),
        (
            "filtering.cluster",
            [*CLUSTER, "--backbone=resnet50", "--weights=a.h5"],
            "--weights=a.h5: no such file.",
        ),
        (
            "evaluation.tsne",
            [*COMPARED, "--num_images=101"],
            "--num_images=101: PGGAN has 100 of a class.",
        ),
        ("evaluation.tsne", [*COMPARED, "--num_images=20", "--perplexity=79"], None),
        (
            "evaluation.tsne",
            [*COMPARED, "--num_images=20", "--perplexity=80"],
            "--perplexity=80: expected less than the 80 images of a plane.",
        ),
        ("evaluation.quality", [*COMPARED, "--num_images=200"], None),
        (
            "evaluation.quality",
            [*COMPARED, "--num_images=201"],
            "--num_images=201: no comparison can have more than 200.",
        ),
        ("evaluation.table", ["--rows=real=p.csv", "--protocol=paper"], None),
        (
            "evaluation.table",
            [OF_TWO_FOLDS, "--protocol=paper"],
            "--protocol=paper: --rows have 2 folds; expected full.",
        ),
        (
            "pggan.generate",
            ["--model_dir=other/model"],
            "--model_dir=other/model: no training in it.",
        ),
    ],
)
def test_step_that_could_not_do_its_work_is_named(preflight, name, flags, fault):
    real_slices(preflight)
    before = [pggan(x) for x in LABELS] + [generated(x) for x in LABELS]
    faults = preflight.check_steps([*before, step(name, *flags, "--output_dir=x")])
    assert faults == ([f"{name}: {fault}"] if fault else [])


def test_weights_in_the_experiments_folder_are_where_steps_look(preflight, tmp_path):
    (tmp_path / "out" / "a.h5").touch()
    flags = ["--data_dir=x", "--output_dir=y", "--backbone=densenet169"]
    faults = preflight.check_steps(
        [step("filtering.cluster", *flags, "--weights=a.h5")]
    )
    assert "a.h5" not in str(faults)
    assert (pathlib.Path(preflight.dry_runs.folder) / "a.h5").exists()


def test_set_that_no_step_writes_is_named_by_every_one_that_reads_it(preflight):
    for _ in range(2):
        (fault,) = preflight.check_steps([pggan("tumor")])
        assert "real/train/tumor: no such shard set" in fault
    assert not preflight.dry_runs.commands


def test_imagenet_weights_that_are_to_be_downloaded_are_told(
    preflight, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    preflight.networks = {"densenet169", "resnet50"}
    assert len(list(preflight.missing_weights())) == 2
    folder = tmp_path / ".keras" / "models"
    folder.mkdir(parents=True)
    (folder / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    (text,) = preflight.missing_weights()
    assert "densenet169" in text


def test_cases_without_a_mask_and_splits_that_do_not_fit_are_told(preflight, tmp_path):
    cases = tmp_path / "cases"
    for name in ("p1", "p2", "p3"):
        (cases / name).mkdir(parents=True)
        (cases / name / f"{name}_t1ce.nii.gz").touch()
        (cases / name / f"{name}_seg.nii.gz").touch()
    assert preflight.check_steps([prepare(cases)]) == []
    (fault,) = preflight.check_steps([prepare(cases, "--split=2,1,1")])
    assert "sums to 4; expected 3" in fault
    (cases / "p2" / "p2_seg.nii.gz").unlink()
    (fault,) = preflight.check_steps([prepare(cases)])
    assert "1 of 3 cases, such as" in fault
    assert "no mask; expected one beside it" in fault
    assert preflight.check_steps([prepare(cases, "--skip_bad_cases")]) == []
    (fault,) = preflight.check_steps([prepare(tmp_path / "nowhere")])
    assert "folder not found" in fault


def test_sets_that_are_there_count_as_they_are(preflight, write_images, tmp_path):
    write_images(tmp_path / "out" / "real/train/tumor", 1, images=3)
    assert preflight.find("real/train/tumor") == PlannedSet(32, (0, 6))
    assert not preflight.check_steps([pggan("tumor", "--resolution=32")])
    assert (
        len(ShardSet(pathlib.Path(preflight.dry_runs.folder) / "real/train/tumor")) == 6
    )
    with pytest.raises(UserError, match="real/train/non_tumor"):
        preflight.find("real/train/non_tumor")


def test_begun_control_is_tried_in_its_own_folder_as_it_was_begun(
    preflight, write_images, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    for label, name in enumerate(LABELS):
        for part in PARTS:
            write_images(out / "real" / part / name, label, [part], images=16)
    flags = [f"--{part}_dirs=real/{part}/tumor,real/{part}/non_tumor" for part in PARTS]
    flags += ["--image_size=32", "--weights=none", "--batch_size=16", "--max_epochs=1"]
    flags += ["--steps_per_epoch=2", "--blocks=1,1,1,1", "--base_maps=8"]
    (out / "of").mkdir()
    (out / "of" / "finished.json").write_text('{"step": 4}')
    control = [*flags, "--match_steps_of=of", "--model_dir=control"]
    with monkeypatch.context() as patch:
        patch.chdir(out)
        begun = binary.parse("classifier.train", control)
        interruption.start("classifier.train", begun, eagerly=True)
    assert not preflight.check_steps([step("classifier.train", *control)])
    assert preflight.dry_runs.run(1) == []
    changed = [*control, "--momentum=0.5"]
    preflight.dry_runs.commands.clear()
    assert not preflight.check_steps([step("classifier.train", *changed)])
    (refusal,) = preflight.dry_runs.run(1)
    assert "--momentum" in refusal and "control" in refusal and "0.9" in refusal


def test_weights_that_a_begun_detector_had_are_not_changed(
    preflight, write_images, tmp_path
):
    write_images(tmp_path / "out" / "x", 0)
    (tmp_path / "out" / "begun").mkdir()
    (tmp_path / "out" / "begun" / "run.json").write_text("{}")
    for name in ("begun", "new"):
        flags = ["--train_dirs=x", "--validation_dirs=x", "--weights=imagenet"]
        training = step("classifier.train", *flags, f"--model_dir={name}")
        assert not preflight.check_steps([training])
    begun, new = preflight.dry_runs.commands.values()
    assert "--weights=none" in new[1] and "--weights=none" not in begun[1]


def test_slices_of_folds_are_at_most_those_of_the_largest_parts(preflight):
    preflight.num_cases = 22
    flags = ["--num_folds=5", "--fold=4", "--image_size=60"]
    assert preflight.check_steps([prepare("phantom", *flags)]) == []
    sizes = {part: preflight.sets[f"real/{part}/tumor"].num_images for part in PARTS}
    assert sizes == {"train": 13 * 101, "validation": 5 * 101}
    assert preflight.sets["real/test/tumor"].num_images == 5 * 101
    preflight.check_steps([prepare("phantom", *flags, "--training_share=0.25")])
    assert preflight.sets["real/train/tumor"].num_images == 4 * 101
    assert preflight.sets["real/validation/tumor"].num_images == 5 * 101
    (fault,) = preflight.check_steps([prepare("phantom", "--num_folds=23")])
    assert "--num_folds=23: 22 patients" in fault


def test_images_of_a_folder_are_at_most_those_that_can_be_of_a_class(
    preflight, tmp_path
):
    names = [f"p{n}/{n}_{i}.png" for n in range(6) for i in range(n + 1)]
    for name in names:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full([24, 20], 7, np.uint8))
    rows = [f"{name},{int(name[1] in '45')}" for name in names]
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["file,label", *rows]) + "\n")
    places = [f"--images_dir={tmp_path}/images", "--output_dir=fold-1/real"]
    sources = [f"--images_csv={table}", "--patient_pattern=^([^/]+)/"]
    folds = ["--num_folds=3", "--fold=1"]
    import_images = step("dataset.import_images", *places, *sources, *folds)
    assert preflight.check_steps([import_images]) == []
    # Of the six, 2 are tested, 1 validates and 3 train, whichever these are.
    assert preflight.sets["fold-1/real/test/tumor"] == PlannedSet(24, (0, 6 + 5), True)
    train = PlannedSet(24, (4 + 3 + 2, 0), True)
    assert preflight.sets["fold-1/real/train/non_tumor"] == train
    (fault,) = preflight.check_steps(
        [step("dataset.import_images", *places, *sources, "--num_folds=7")]
    )
    assert "--num_folds=7: 6 patients" in fault


def test_room_is_that_of_sets_and_checkpoints(preflight, monkeypatch):
    preflight.add_set("a", 256, [1000, 500])
    preflight.add_set("real/b", 100, [0, 500], at_most=True)
    preflight.dry_runs.checkpoint_bytes = 2e9
    sets, checkpoints = preflight.num_bytes
    pixels = 1500 * 256**2 + 500 * 100**2
    assert np.isclose(sets, pixels * BYTES_PER_PIXEL) and checkpoints == 2e9
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("", (), {"free": 1e9}))
    text = " ".join(preflight.room())
    assert "2.0 GB of checkpoints; 1.0 GB are free" in text and "not enough" in text


def test_plan_is_read_with_each_step_after_those_it_depends_on():
    a = {
        "rule": "a",
        "input": ["flags.cfg", "b/manifest.json"],
        "output": ["a/manifest.json"],
        "command": "python -m pggan.train --b='c d' ${START_OVER:-}",
        "priority": 1,
    }
    b = {"rule": "b", "input": [], "output": ["b/manifest.json", "b/other"]}
    b |= {"command": "no 'program && a' && cp x y", "priority": 0}
    b, a = plan.read_plan(json.dumps([a, b]), "--start_over")
    assert b.command == ["no", "program && a"]
    assert a.command[1:] == ["-m", "pggan.train", "--b=c d", "--start_over"]
    assert (a.rule, a.binary, b.binary) == ("a", "pggan.train", None)
    lines = plan.counts([a, b, a]).splitlines()
    assert [line.split() for line in lines] == [["a", "2"], ["b", "1"]]
