"""The data card of synthetic sets: what it says, and what it never may."""

import json
import shutil

import numpy as np
import pytest
import shard_sets
from noted_folder import Folder
from refusals import refused

from dataset import card, export_images
from dataset.records import Record
from evaluation.quality import write_quality
from flags import dataset as dataset_flags
from flags import evaluation as evaluation_flags

PATIENTS = [f"TCGA-XX-{n:04d}" for n in range(6)]
HOME = f"of {PATIENTS[0]}"  # A folder that has a patient's name, as some have.


def write_synthetic(folder, images, ids="pggan/x", **settings):
    records = [Record(image, 1, f"{ids}/{n}") for n, image in enumerate(images)]
    return shard_sets.write(folder, records, settings=settings)


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_images):
    """A GAN's images of patients, and copies of its training images as its own."""
    root = tmp_path_factory.mktemp("card")
    folder = Folder(root)
    real = write_images(root / HOME / "real", 1, PATIENTS, images=4)
    write_images(root / "held_out", 1, ["h1", "h2", "h3"], images=4)
    write_images(root / "validation", 1, ["v1"], images=4)
    noise = np.random.default_rng(0).integers(0, 256, [24, 32, 32], np.uint8)
    folder.write_training("model", data_dir=f"{HOME}/real", validation_dir="validation")
    notes = {"model_dir": "model", "seed": 3, "reviewer": PATIENTS[1]}
    write_synthetic(root / "images", noise, **notes)
    copies = [record.image for record in real.records()]
    write_synthetic(root / "copies", copies, **notes)
    return root


@pytest.fixture(scope="module")
def measured(made, flag_defaults):
    """What evaluation.quality writes about both."""
    write_quality(
        **flag_defaults(evaluation_flags.define_quality)
        | {"real_dirs": [str(made / HOME / "real")], "measures": ["swd"]}
        | {"held_out_dirs": [str(made / "held_out")], "num_splits": 2}
        | {"synthetic_dirs": [f"{name}={made / name}" for name in ("images", "copies")]}
        | {"output_dir": str(made / "quality")},
    )
    return made / "quality"


@pytest.fixture
def make(flag_defaults, tmp_path):
    """Makes a card of some sets; returns its Markdown and its JSON."""
    defaults = flag_defaults(dataset_flags.define_card)

    def make(*data_dirs, **settings):
        settings = {"output_dir": str(tmp_path / "png"), **settings}
        card.main({**defaults, "data_dirs": [*map(str, data_dirs)], **settings})
        texts = [
            (tmp_path / "png" / f"card.{kind}").read_text()
            for kind in "md json".split()
        ]
        return texts[0], json.loads(texts[1])

    return make


def test_numbers_are_those_of_the_images(make, tmp_path):
    dark, bright = np.full([4, 4], 10, np.uint8), np.full([4, 4], 30, np.uint8)
    tumor = write_synthetic(tmp_path / "tumor", [dark, bright, dark])
    record = Record(bright + 10, 0, "pggan/x/0")
    non_tumor = shard_sets.write(tmp_path / "non_tumor", [record])
    text, facts = make(tumor.directory, non_tumor.directory, title=' A "set"\n of 4 ')
    assert facts["images"] == {
        "num_images": 4,
        "num_distinct": 3,
        "images_per_label": {"non_tumor": 1, "tumor": 3},
        "image_sizes": [4],
        "intensities": {"min": 10, "max": 40, "mean": 22.5},
    }
    assert (
        '\npretty_name: "A \\"set\\" of 4"\n' in text and '\n# A "set" of 4\n' in text
    )
    assert "| tumor | 3 |" in text and "10 to 40 of 0 to 255, mean 22.5;" in text
    assert "Different images: 3 of 4." in text and "size_categories: [n<1K]" in text
    assert "not fully known" in text and "was not examined" in text


def test_origin_is_the_line_of_digests_back_to_real_images(make, tmp_path):
    folder = Folder(tmp_path)
    parts = {"train": PATIENTS[:3], "validation": PATIENTS[3:5], "test": PATIENTS[5:]}
    folder.write_fold("fold", parts)
    text, facts = make(tmp_path / "fold/unit/images")
    origin = facts["origin"]
    assert [(e["number"], e["kind"], e["made_from"]) for e in origin] == [
        (1, "set", [2, 3]),
        (2, "set", [4, 5]),
        (3, "training", [6, 2]),
        (4, "set", [7]),
        (5, "clustering", [4, 6]),
        (6, "set", []),
        (7, "training", [6]),
    ]
    sets = ["unit/images", "filtering/images", "pggan/images", "real/train/non_tumor"]
    expected = [folder.digest(f"fold/{name}") for name in sets]
    assert [e["sha256"] for e in origin if e["kind"] == "set"] == expected
    assert all(e["sha256"] in text and e["is_followed"] for e in origin)
    assert [e.get("patients") for e in origin] == [None] * 5 + [3, None]
    assert "| 6 | real images, 3 patients |" in text
    assert "not fully known" not in text


def test_no_patient_is_in_a_card(make, made, measured):
    text, facts = make(made / "images", quality=str(measured))
    assert facts["origin"][0]["settings"] == {"seed": 3}
    validation = json.loads((made / "validation/manifest.json").read_text())
    shards = [shard["sha256"] for shard in validation["shards"]]
    for content in (text, json.dumps(facts)):
        assert "TCGA" not in content and str(made) not in content
        assert shards[0] not in content  # Learned from are training images alone.
    assert [entry.get("patients") for entry in facts["origin"]] == [None, None, 6]


@pytest.mark.parametrize("flag", ["title", "terms"])
def test_patient_in_a_users_text_is_refused_and_not_repeated(make, made, flag):
    with pytest.raises(card.UserError) as error:
        make(made / "images", **{flag: f"Images like {PATIENTS[4]}, CC BY"})
    assert f"--{flag}: " in str(error.value) and "character 13" in str(error.value)
    assert "TCGA" not in str(error.value)
    make(made / "images", **{flag: f"{PATIENTS[4]}0 is none of them"})


def test_sets_of_patients_are_refused(make, made, tmp_path):
    augmented = shard_sets.write(
        tmp_path / "a", [Record(np.zeros([4, 4], np.uint8), 1, "classic/0", "p")]
    )
    for directory in (made / HOME / "real", augmented.directory):
        with refused(f"--data_dirs={directory}: ", "a GAN made"):
            make(made / "images", directory)
    records = [Record(np.zeros([4, 4], np.uint8), -1, "images/0")]
    imported = {"binary": "dataset.import_images", "settings": {"one_set": False}}
    unlabeled = shard_sets.write(tmp_path / "b", records, **imported)
    with refused(f"--data_dirs={unlabeled.directory}: ", "import_images"):
        make(unlabeled.directory)
    imported["settings"] = {"one_set": True}  # What a refiner of PNG files made.
    refined = shard_sets.write(tmp_path / "c", records, **imported)
    assert "not fully known" in make(refined.directory)[0]


def test_quality_stands_beside_its_floors(make, made, measured):
    text, facts = make(made / "images", quality=str(measured / "quality.json"))
    rows = {row["name"]: row["values"] for row in written(measured, "quality")["rows"]}
    quality = facts["quality"]
    first, second = rows["images"]["SWD mean"]
    mean, sd = (first + second) / 2, abs(first - second) / 2**0.5
    assert quality["values"]["SWD mean"] == pytest.approx({"mean": mean, "sd": sd})
    assert [*quality["floors"]] == ["real, same patients", "real, other patients"]
    lines = [line for line in text.splitlines() if " ± " in line]
    names = ["real, same patients", "real, other patients", "**these images**"]
    assert [line.split(" | ")[0] for line in lines] == [f"| {name}" for name in names]
    assert card.render(facts) == text


def written(measured, name):
    return json.loads((measured / f"{name}.json").read_text())


def test_verdict_has_its_interval_and_what_it_does_not_prove(make, made, measured):
    sets = written(measured, "memorisation")["sets"]
    for name in ("images", "copies"):
        text, facts = make(made / name, quality=str(measured), overwrite=True)
        found = facts["memorisation"]
        assert {key: found[key] for key in sets[name]} == sets[name]
        assert found["unseen_patients"]["images"] == 12
        assert f"**Verdict: {sets[name]['verdict']}.**" in text
        low, high = 100 * sets[name]["low"], 100 * sets[name]["high"]
        assert f"[{low:.2f}, {high:.2f}] |" in text
        assert len(facts["not_proven"]) == 6
        for word in ("membership inference", "k-anonymity", "Rare anatomy"):
            assert word in text
        is_copied = name == "copies"
        assert found["is_near"] == is_copied
        assert ("> Look at the pairs" in text) == is_copied
    assert found["copies"] == 24 and "24 of 24 images are copies" in text


@pytest.mark.parametrize(
    "changes, is_near",
    [
        ({"copies": 0, "low": 0.1}, False),
        ({"copies": 1, "low": 0.1}, True),
        ({"copies": 0, "low": 0.9}, True),
    ],
)
def test_one_copy_or_an_interval_above_that_of_unseen_patients_is_near(
    make, made, measured, tmp_path, changes, is_near
):
    content = written(measured, "memorisation")
    content["sets"]["images"] |= changes
    content["sets"]["held-out real images"]["high"] = 0.5
    shutil.copytree(measured, tmp_path / "q")
    (tmp_path / "q/memorisation.json").write_text(json.dumps(content))
    facts = make(made / "images", quality=str(tmp_path / "q"))[1]
    assert facts["memorisation"]["is_near"] is is_near


def test_terms_are_those_given_and_never_made_up(make, made, tmp_path):
    text, facts = make(made / "images")
    assert facts["terms"] is None and "license: unknown" in text
    assert "## Terms\n\n**To be filled in.**" in text
    path = tmp_path / "terms.txt"
    path.write_text("\ufeffFor research.\n\nCite us.\n", "utf-8")
    text, _ = make(made / "images", terms=str(path), overwrite=True)
    assert "\n> For research.\n> \n> Cite us.\n" in text and "license: other" in text
    text, _ = make(made / "images", terms="CC-BY-4.0", overwrite=True)
    assert "\n> CC-BY-4.0\n" in text and "To be filled in" not in text


@pytest.mark.parametrize("value", ["terms.txt", "a/b", "", " "])
def test_terms_that_are_none_are_refused(make, made, value):
    with refused(f"--terms={value}: "):
        make(made / "images", terms=value)


def test_wrong_files_of_quality_are_refused(make, made, measured, tmp_path):
    with refused(f"--quality={tmp_path}: no ", "quality.json"):
        make(made / "images", quality=str(tmp_path))
    shutil.copytree(measured, tmp_path / "q")
    quality, memorisation = (
        tmp_path / f"q/{n}.json" for n in ("quality", "memorisation")
    )
    other = write_synthetic(tmp_path / "other", [np.zeros([32, 32], np.uint8)])
    with refused("--quality=", "images, copies", "digests"):
        make(made / "images", other.directory, quality=str(quality))
    content = json.loads(memorisation.read_text())
    real = str(made / HOME / "real")
    content["inputs"][real] = "0" * 64  # As if other real images had been searched.
    memorisation.write_text(json.dumps(content))
    with refused(
        "--quality=", "memorisation.json", "1 of 1", Folder(made).digest(real)
    ):
        make(made / "images", quality=str(quality))
    for path in (memorisation, quality):
        path.write_text('{"settings": {}}')
        with refused(f"{path}: not as evaluation.quality writes it"):
            make(made / "images", quality=str(quality))
        path.write_text('{"settings": ')
        with refused(f"{path}: damaged"):
            make(made / "images", quality=str(quality))
    assert not (tmp_path / "png").exists()


def test_without_the_sources_their_noted_digests_stay(make, made, tmp_path, capsys):
    shutil.copytree(made, tmp_path / "moved")
    digest = Folder(made).digest(f"{HOME}/real")
    shutil.rmtree(tmp_path / "moved" / HOME)
    text, facts = make(tmp_path / "moved/images")
    assert [e["is_followed"] for e in facts["origin"]] == [True, False]
    assert "not fully known" in text and digest in text and "TCGA" not in text
    assert "cannot be read" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "moved/model")
    text, facts = make(tmp_path / "moved/images", overwrite=True)
    assert "not fully known" in text


def test_detector_that_guided_a_gan_is_of_its_origin(make, made, tmp_path):
    shutil.copytree(made, tmp_path / "moved")
    folder = Folder(tmp_path / "moved")
    folder.write_training("detector", train_dirs=["held_out"])
    folder.write_json("guide/export.json", settings={"model_dir": "detector"})
    run = json.loads((folder.path / "model/run.json").read_text())
    for guide, entries in (
        ("guide", [(2, [3, 4], True), (4, [5], True)]),
        # From there, nobody knows where "detector" is.
        (str(folder.path / "guide"), [(2, [3], False)]),
    ):
        run["settings"] |= {"guide_weight": 0.1, "guide_dir": guide}
        folder.write_json("model/run.json", **run)
        text, facts = make(folder.path / "images", overwrite=True)
        trainings = [e for e in facts["origin"] if e["kind"] == "training"]
        found = [(e["number"], e["made_from"], e["is_followed"]) for e in trainings]
        assert found == entries
    assert "| 3, not known further |" in text and "not fully known" in text


def test_card_is_of_the_exported_images_and_replaced_on_demand(
    make, made, tmp_path, flag_defaults
):
    folder = tmp_path / "png"
    settings = flag_defaults(dataset_flags.define_export_images)
    settings |= {"output_dir": str(folder), "data_dirs": [str(made / "images")]}
    export_images.main(settings)
    with refused(f"--output_dir={folder}: ", "same sets"):
        make(made / "copies")
    make(made / "images")
    (folder / "card.md").write_text("completed by hand")
    with refused("card.md exists", "--overwrite"):
        make(made / "images")
    assert (folder / "card.md").read_text() == "completed by hand"
    export_images.main(settings)  # The same again leaves it.
    assert (folder / "card.md").exists()
    other = {"data_dirs": [str(made / "copies")], "overwrite": True}
    export_images.main({**settings, **other})
    assert not [path.name for path in folder.glob("card.*")]
    (folder / "export.json").write_text("{}")
    with refused("export.json: not of dataset.export_images"):
        make(made / "images")


def test_card_that_was_stopped_is_made_by_the_same_command(make, made, monkeypatch):
    with shard_sets.stopped(monkeypatch, card, "write_text"):
        make(made / "images")
    assert make(made / "images")[1]["origin"]


def test_damaged_notes_are_refused(make, made, tmp_path):
    shutil.copytree(made, tmp_path / "moved")
    (tmp_path / "moved/model/run.json").write_text("{}")
    with refused("moved/images: ", "damaged"):
        make(tmp_path / "moved/images")


def test_path_of_weights_is_told_by_digest_alone(make, made, measured, tmp_path):
    content = written(measured, "quality")
    path = "/home/someone/clinic/inception.h5"
    content["settings"]["weights"] = path
    content["features"] = {"weights_sha256": "0" * 64, "description": f"maps, {path}"}
    shutil.copytree(measured, tmp_path / "quality")
    (tmp_path / "quality/quality.json").write_text(json.dumps(content))
    text, facts = make(made / "images", quality=str(tmp_path / "quality"))
    assert "someone" not in text and "someone" not in json.dumps(facts)
    assert "maps, a file of SHA-256 000" in text
