"""The page of an experiment, made from a small one."""

import base64
import hashlib
import html.parser
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from absl import flags
from local_page import browsing
from predicted import table_of, write_predictions
from refusals import refused

from dataset.shards import PROJECT_VERSION
from evaluation.experiment import origins, read_experiment
from evaluation.report import encode, encode_all, write_report
from evaluation.trainings import (
    MAX_POINTS,
    curve,
    draw_detectors,
    draw_distances,
    draw_losses,
)
from evaluation.turing_scores import PAPER_TABLE, QUESTIONS, score, score_reader
from flags import evaluation as evaluation_flags
from flags import filtering as filtering_flags
from flags import kinds

SCRIPT = "<script>alert(1)</script>"
TURING = {
    "num_images": 4,
    "readers": {"A": score_reader(*[{q: np.arange(4) < 2 for q in QUESTIONS}] * 2)},
    "pooled": None,
    "agreement": None,
    "unfinished": {},
    "paper": PAPER_TABLE | {q: score(PAPER_TABLE[q]) for q in QUESTIONS},
}
QUALITY = {
    "settings": {"seed": 0},
    "images_per_comparison": 9,
    "image_size": 32,
    "features": None,
    "rows": [{"name": f"a|b {SCRIPT}", "values": {"KID": [3.0, 3.2]}}],
}
ROW = {"name": "real", "group": "", "mix": "real", "num_runs": 1, "constant_runs": []}
ROW |= {"of_as_many": None, "of_all": None}
CURVE = {
    "settings": {"at_specificity": 0.9, "baseline": "real"}
    | {"num_bootstrap": 100, "seed": 0},
    "num_patients": 9,
    "num_folds": 1,
    "points": [
        {
            "training_patients": [number],
            "rows": [
                ROW
                | {
                    metric: {"value": 0.5, "patients_low": 0.4, "patients_high": 0.625}
                    for metric in ("auc", "sensitivity_at_specificity")
                }
            ],
        }
        for number in (5, 10)
    ],
}
SHARES = {"close_share": 0.25, "low": 0.1, "high": 0.5, "verdict": None}
MEMORISATION = {  # Of a version that did not write the number of training images.
    "settings": {"seed": 0},
    "limits": {"tumor": {"close": 0.1, "copy": 0.05}},
    "sets": {
        "unit": SHARES
        | {"images": 8, "close": 2, "copies": 0, "sources": 1}
        | {"nearest": 0.01, "percentile_1": 0.02, "median": 0.3}
    },
}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9"/></svg>'
)


def write_png(path, size=64):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(size).integers(0, 256, [size, size], np.uint8)
    cv2.imwrite(str(path), noise)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)


def write_training(folder, binary, lines, **finished):
    write(folder / "run.json", {"binary": binary, "settings": {"seed": 0}})
    write(folder / "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    if finished:
        write(folder / "finished.json", finished)


@pytest.fixture
def experiment(tmp_path):
    """A folder with something of everything."""
    root = tmp_path / "experiment"
    columns = "patient,case,slice,verdict,reason,part\n"
    slices = ["p,p,1,tumor,tumor,train", "q,q,2,non_tumor,no tumor,test"]
    slices += [f"p,p,3,excluded,borderline {SCRIPT},"]
    write(root / "real" / "slices.csv", columns + "\n".join(slices) + "\n")
    write(root / "real" / "report.json", {"binary": "dataset.prepare", "settings": {}})
    manifest = {"binary": "pggan.generate", "num_images": 7, "image_size": 32}
    manifest |= {"images_per_label": {"tumor": 7}, "inputs": {"a": "0123456789abcdef9"}}
    write(root / "pggan" / "tumor" / "images" / "manifest.json", manifest)
    rows = [f"scratch/real={write_predictions(tmp_path / 'real.csv')}"]
    rows += [f"scratch/dead={write_predictions(tmp_path / 'dead.csv', [0.9] * 10)}"]
    write(root / "table" / "table.json", table_of(rows))
    for name in ("roc", "intervals"):
        write(root / "table" / f"{name}.svg", SVG)
    write(root / "share-50" / "table" / "table.json", table_of(rows))
    write(root / "learning_curve" / "learning_curve.json", CURVE)
    write(root / "learning_curve" / "learning_curve.svg", SVG)
    write(root / "turing" / "turing.json", TURING)
    write(root / "tsne" / "tsne.json", {"settings": {"perplexity": 100}})
    write(root / "tsne" / "tsne.svg", SVG)
    write(root / "quality" / "quality.json", QUALITY)
    write(root / "quality" / "memorisation.json", MEMORISATION)
    accuracy = {"value": 0.875, "low": 0.5, "high": 0.9}
    candidates = [
        {"step": 20, "num_runs": 1, "constant_runs": [], "accuracy": accuracy},
        {"step": 50, "num_runs": 1, "constant_runs": ["tumor"], "accuracy": None},
    ]
    selection = {"step": 20, "images": 8, "candidates": candidates}
    write(root / "unit" / "selection.json", selection)
    write_png(root / "unit" / "tumor" / "images" / "before_after.png")
    write_png(root / "filtered" / "tumor" / "kept_and_discarded.png")
    losses = [
        {"step": n, "resolution": 4 * n, "generator_loss": 1 / n, "seconds_per_step": 2}
        for n in (1, 2, 3)
    ]
    distances = {"swd": 50.0, "swd_4px": 50.0, "swd_training": 30, "swd_floor": 25}
    losses += [{"step": 3, "resolution": 12, **distances}]
    end = {"step": 3, "stopped_when_flat": True, "best_distance_at_image": 4096}
    write_training(root / "pggan" / "tumor" / "model", "pggan.train", losses, **end)
    for name in (
        "004px-fade-step-2.png",
        "004px-stabilise-step-1.png",
        "real-008px.png",
    ):
        write_png(root / "pggan" / "tumor" / "model" / "samples" / name)
    write_png(root / "pggan" / "tumor" / "model" / "samples" / "008px-fade-step-3.png")
    epochs = [{"step": n, "accuracy": 0.5, "validation_accuracy": 0.6} for n in (1, 2)]
    run = root / "classifier" / "scratch" / "real" / "seed-0" / "model"
    write_training(run, "classifier.train", epochs, best_epoch=1, validation_accuracy=1)
    return root


class Page(html.parser.HTMLParser):
    """What a page refers to, its text, and the tags that it has."""

    def __init__(self, text):
        super().__init__()
        self.references, self.tags, self.words, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "action", "srcset", "data", "poster"):
                self.references.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def pictures(self):
        """(kind, bytes) of each."""
        uris = [r for r in self.references if r.startswith("data:image")]
        parts = [re.fullmatch(r"data:image/([\w+]+);base64,(.+)", uri) for uri in uris]
        return [(part[1], base64.b64decode(part[2])) for part in parts]


@pytest.fixture
def make(tmp_path):
    """A function that makes the page of an experiment: the page and what is said."""

    def run(folder, **settings):
        output = tmp_path / "out" / "report.html"
        flags = {
            **dict.fromkeys(["table_dir", "turing_dir", "tsne_dir", "quality_dir"]),
            "learning_curve_dir": None,
            "title": "An experiment",
            "max_megabytes": 9.0,
            "overwrite": True,
        }
        said = write_report(
            experiment_dir=str(folder), output_html=str(output), **flags | settings
        )
        return Page(output.read_text()), said

    return run


def test_page_refers_to_nothing_outside_and_has_no_text_of_files(
    experiment, make, tmp_path
):
    page, _ = make(experiment, title=f"{SCRIPT} & title")
    anchors = [r[1:] for r in page.references if r.startswith("#")]
    assert len(anchors) == 13 and set(anchors) <= set(page.ids)
    others = [r for r in page.references if not r.startswith("#")]
    assert others and all(r.startswith("data:") for r in others)
    text = (tmp_path / "out" / "report.html").read_text()
    assert not re.search(r"@import|url\((?!data:)", text)
    assert "default-src 'none'" in text and "script" not in page.tags
    assert f"a|b {SCRIPT}" in page.text and f"borderline {SCRIPT}" in page.text
    assert SCRIPT not in text
    # Uncertainty is in small print, a row without a result warned of.
    assert "<span>80.00</span>\n<small>{80.00, 80.00}</small>" in text
    warning = '<td><span class="warning">no result: calls every image tumor</span>'
    assert text.count(warning) == 2
    assert text.count("<td>") == text.count("</td>") > 50


@pytest.mark.parametrize("name", ["real", "fold-1/real"])
def test_page_says_that_cases_are_artificial(experiment, make, name):
    def says_so():
        return "The cases are artificial" in " ".join(make(experiment)[0].words)

    assert not says_so()
    content = {"binary": "dataset.prepare", "settings": {"brats_dir": "phantom"}}
    write(experiment / name / "report.json", content)
    assert not says_so()  # A folder of that name.
    write(experiment / "phantom" / "phantom.json", {})
    assert says_so()


def test_browser_without_a_network_shows_everything(experiment, make, tmp_path):
    page, _ = make(experiment)
    kinds = [kind for kind, _ in page.pictures]
    assert kinds.count("svg+xml") == 8 and kinds.count("png") == 5
    path = tmp_path / "out" / "report.html"
    asked, complaints = [], []
    with browsing(offline=True) as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(path.as_uri())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            widths = page.evaluate("Array.from(document.images, i => i.naturalWidth)")
            # Table 1, t-SNE, curves and distances are drawings; figures 5 and 6 and
            # four grids are not.
            assert len(widths) == 8 + 5 and min(widths) > 0
            assert page.evaluate("document.body.scrollWidth <= innerWidth")
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert complaints == []


def test_page_shows_every_part(experiment, make):
    page, said = make(experiment)
    assert said.endswith("not there: nothing.")
    for words in (
        "train 1 1 0",  # Patients, tumor and non-tumor images.
        "scratch Trained on",
        "real 1 0.917 {",
        "[49.02, 94.33] 83.33 {",  # Wilson intervals of 8 of 10 and 5 of 6 images.
        "dead 1 no result: calls every image tumor - -",
        "test images: 10 for accuracy",
        "Detectors that learned from 5 and 10 training patients, with every",
        "Trained on 5 patients 10 patients real 0.500 {0.400, 0.625} 0.500",
        "By number of training patients; bars are 95 % intervals over test patients.",
        "Real or synthetic Reader",
        "A 100.0 [51.0, 100.0]",
        "3.10 ± 0.14",
        "unit 8 2: 25.00 % [10.00, 50.00] 0 1 0.0100",
        "unit Step Runs Validation accuracy (%) 20 1 87.50 [50.00, 90.00] selected",
        "50 1 no result: calls every image tumor 8 validation images",
        "classifier/scratch/real/seed-0 classifier.train 2",
        "best in epoch 1: 100.0 % of validation images",
        "pggan/tumor pggan.train 3 0.1 min finished; its distance has not fallen since"
        " 4,096 images",
        "pggan/tumor: sliced Wasserstein distance of generated images",
        "4 px, step 2",
        "8 px, real",
        "--perplexity=100",
        "a 0123456789abcdef",
    ):
        assert words in page.text
    assert "4 px, step 1" not in page.text  # Only the last of a resolution.


def test_folds_are_told_apart_and_share_a_panel(experiment, make, tmp_path):
    for name in ("fold-0", "fold-1/chain-2"):
        shutil.copytree(experiment / "classifier", tmp_path / "e" / name / "classifier")
        shutil.copytree(experiment / "quality", tmp_path / "e" / name / "quality")
    shutil.copytree(experiment / "table", tmp_path / "e" / "table")
    for fold in ("fold-0", "fold-1"):
        shutil.copytree(experiment / "real", tmp_path / "e" / fold / "real")
    page, said = make(tmp_path / "e")
    for words in (
        "fold-0/train 1 1 0",
        "fold-1/test 1 0 1",
        "fold-1/chain-2/classifier/scratch/real/seed-0 classifier.train 2",
        "fold-0/quality KID",
        "fold-1/chain-2/quality KID",
        "fold-1/real/report.json",
    ):
        assert words in page.text
    assert page.text.count("Slices left out") == 1
    trainings = read_experiment(str(tmp_path / "e")).trainings
    panels = [
        panel for panel in draw_detectors(trainings, "loss").axes if panel.get_visible()
    ]
    assert [panel.get_title() for panel in panels] == ["real"]


@pytest.mark.parametrize(
    "measure, trained, validated",
    [("loss", [0.7, 0.5], [0.6, 0.9]), ("accuracy", [0.5, 0.75], [0.7, 0.8])],
)
def test_curves_of_detectors_mark_the_epoch_kept(tmp_path, measure, trained, validated):
    lines = [
        {"step": 10, "cross_entropy": 0.7, "accuracy": 0.5},
        {"step": 10, "epoch": 1, "validation_loss": 0.6, "validation_accuracy": 0.7},
        {"step": 20, "cross_entropy": 0.5, "accuracy": 0.75},
        {"step": 20, "epoch": 2, "validation_loss": 0.9, "validation_accuracy": 0.8},
    ]
    for seed, finished in enumerate([{"best_epoch": 1}, {}]):
        folder = tmp_path / "classifier" / "real" / f"seed-{seed}" / "model"
        write_training(folder, "classifier.train", lines, **finished)
    trainings = read_experiment(str(tmp_path)).trainings
    (panel,) = draw_detectors(trainings, measure).axes
    expected = [trained, validated, validated[:1], trained, validated, []]
    assert [list(line.get_ydata()) for line in panel.lines] == expected
    assert list(panel.lines[2].get_xdata()) == [10]


def test_what_is_missing_is_left_out_and_said(experiment, make):
    titles = {
        "real/slices.csv": "Images",
        "table": "Table 1: tumor detection",
        "learning_curve": "Learning curve",
        "unit/selection.json": "Selection of the refiners' steps",
        "turing": "Table 2: Visual Turing Test",
        "filtered": "Figure 5: images kept and discarded",
        "unit/tumor": "Figure 6: before and after refining",
        "tsne": "Figure 7: t-SNE",
        "quality/memorisation.json": "Memorisation",
        "pggan/tumor/model/samples": "Images while GANs were trained",
    }
    for path in titles:
        target = experiment / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    page, said = make(experiment)
    assert said.endswith(f"not there: {', '.join(titles.values())}.")
    missing = page.text[page.text.index("Not in this experiment:") :]
    for title in titles.values():
        assert missing.index(title) < missing.index("Settings and digests")


def test_trainings_are_read_from_their_logs(experiment, tmp_path):
    (training,) = [t for t in read_experiment(str(experiment)).trainings if t.samples]
    assert training.seconds == 6.0 and training.steps == 3  # Of all starts.
    lines = {x.get_label(): x for x in draw_distances(training).axes[0].lines}
    for label, value in {
        "to validation patients": 50.0,
        "to training images": 30.0,
        "of these to each other: the floor": 25.0,
    }.items():
        assert lines[label].get_xydata().tolist() == [[3.0, value]]
    titles = [panel.get_title() for panel in draw_losses([training]).axes]
    assert titles == ["generator loss"]  # Distances have a figure of their own.
    write(tmp_path / "unit" / "run.json", {"binary": "unit.train"})
    line = (
        '{"step": 1, "cycle_loss_a": 1.0, "cycle_loss_b": 2.0, "gradient_penalty": 3}'
    )
    write(tmp_path / "unit" / "log.jsonl", f'{line}\n{{"step": 2, "lo')  # Cut off.
    (training,) = read_experiment(str(tmp_path / "unit")).trainings
    assert training.log == [json.loads(line)] and not training.finished
    panels = draw_losses([training]).axes
    assert [panel.get_title() for panel in panels] == ["cycle loss", "gradient penalty"]
    assert [line.get_linestyle() for line in panels[0].lines] == ["-", "--"]


def test_result_of_another_folder_is_shown_instead(experiment, make, tmp_path):
    rows = [f"scratch/elsewhere={write_predictions(tmp_path / 'other.csv')}"]
    write(tmp_path / "other" / "table.json", table_of(rows))
    page, _ = make(experiment, table_dir=str(tmp_path / "other"))
    assert "elsewhere 1" in page.text and "dead 1" not in page.text
    with refused(f"--turing_dir={tmp_path}/other: ", "turing.json"):
        make(experiment, turing_dir=str(tmp_path / "other"))


def test_results_of_an_earlier_version_are_shown_as_their_markdown(experiment, make):
    write(experiment / "table" / "table.json", {"rows": [], "settings": {}})
    with refused("table.json: ", "table.md"):
        make(experiment)
    write(experiment / "table" / "table.md", f"| a |\n| - |\n| {SCRIPT} |\n")
    page, _ = make(experiment)
    assert f"| a | | - | | {SCRIPT} |" in page.text and "pre" in page.tags
    assert "script" not in page.tags


def test_pictures_are_made_smaller_until_the_page_fits(experiment, make, tmp_path):
    write_png(experiment / "filtered" / "tumor" / "kept_and_discarded.png", 1500)
    page, _ = make(experiment)
    large = (tmp_path / "out" / "report.html").stat().st_size
    assert large > 1_000_000
    page, said = make(experiment, max_megabytes=0.6)
    size = (tmp_path / "out" / "report.html").stat().st_size
    assert size <= 600_000 and "jpeg" in [kind for kind, _ in page.pictures]
    assert said.startswith(str(tmp_path / "out" / "report.html"))


def test_picture_keeps_its_shape_and_small_ones_their_bytes(tmp_path):
    write_png(tmp_path / "small.png", 32)
    content = (tmp_path / "small.png").read_bytes()
    uri = encode(str(tmp_path / "small.png"), 480, 60)
    assert base64.b64decode(uri.partition(",")[2]) == content
    picture = np.zeros([300, 900], np.uint8)
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    uri = encode(str(tmp_path / "wide.png"), 480, 60)
    decoded = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    assert cv2.imdecode(decoded, 0).shape == (160, 480)
    assert encode_all([], -5) == {}


@pytest.mark.parametrize(
    "path, content, message",
    [
        (
            "unit/tumor/images/before_after.png",
            "no picture",
            "before_after.png: damaged",
        ),
        ("table/table.json", "{", "table.json: damaged"),
        ("pggan/tumor/model/run.json", "", "run.json: damaged"),
        ("real/slices.csv", "patient\np\n", "slices.csv: no column"),
    ],
)
def test_damaged_file_is_named(experiment, make, path, content, message):
    (experiment / path).write_text(content)
    with refused(message):
        make(experiment)


def test_incomplete_result_of_this_version_is_a_defect(experiment, make):
    content = {"rows": [], "settings": {}, "project_version": PROJECT_VERSION}
    write(experiment / "table" / "table.json", content)
    write(experiment / "table" / "table.md", "the table")
    with pytest.raises(KeyError):
        make(experiment)


def test_folder_that_is_no_experiment_is_refused_and_one_begun_is_not(tmp_path, make):
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        with refused(f"--experiment_dir={tmp_path / name}: "):
            make(tmp_path / name)
    write(tmp_path / "begun/model/run.json", {"binary": "pggan.train", "settings": {}})
    page, _ = make(tmp_path / "begun")
    assert "model pggan.train 0 0.0 min not finished" in page.text


def test_curve_of_a_long_log_is_of_means_of_neighbours():
    log = [{"step": n, "loss": float(n % 2), "phase": "a"} for n in range(2000)]
    steps, values = curve(log, "loss")
    assert len(steps) == MAX_POINTS and steps[0] == pytest.approx(3.0)
    assert values == pytest.approx(np.full(MAX_POINTS, 0.5), abs=0.08)
    assert curve(log, "phase").shape == (2, 0)


def test_later_outputs_of_a_program_show_the_flags_that_differ(experiment):
    for name, seed in (("a", 0), ("b", 1)):
        settings = {"seed": seed, "step": 20, "ema": True, "none": None}
        content = {"binary": "unit.refine", "settings": settings}
        write(experiment / name / "manifest.json", content)
    entries = origins(read_experiment(str(experiment)), [])
    first, second = (e for e in entries if e["binary"] == "unit.refine")
    assert (first["base"], first["flags"]) == ("", ["--seed=0", "--step=20", "--ema"])
    assert second["base"] == "As a/manifest.json, but "
    assert second["flags"] == ["--seed=1"]
    content = (experiment / "b" / "manifest.json").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(second["digest"])


@pytest.mark.parametrize(
    "define, texts",
    [
        (evaluation_flags.define_report, {"title"}),
        (evaluation_flags.define_table, {"baseline"}),
        (filtering_flags.define_review, {"reviewer"}),
    ],
)
def test_flags_that_are_no_paths_may_be_links(define, texts):
    values = flags.FlagValues()
    holders = kinds.define(define(), values)
    others = {h.name for h in holders if not kinds.is_path(values[h.name])}
    assert texts <= others
    assert not {name for name in others if name.endswith(("_dir", "_html", "rows"))}
