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
from local_page import browsing

from dataset.errors import UserError
from evaluation.curves import (
    MAX_POINTS,
    curve,
    draw_detectors,
    draw_distances,
    draw_losses,
    loss_of,
)
from evaluation.experiment import origins, read_experiment, read_slices
from evaluation.report import encode, encode_all, write_report
from evaluation.rows import read_rows
from evaluation.table import make_table
from evaluation.turing_scores import PAPER_TABLE, QUESTIONS, score, score_reader

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


def table_of(folder, **rows):
    """The content of a `table.json`, from probabilities of ten images by mix."""
    labels, texts = [1] * 6 + [0] * 4, []
    for mix, probabilities in rows.items():
        path = folder / f"{mix}.csv"
        lines = [
            f"{n},p{n % 2},{y},{p}"
            for n, (y, p) in enumerate(zip(labels, probabilities))
        ]
        write(path, "\n".join(["id,patient,label,probability", *lines]))
        texts.append(f"scratch/{mix}={path}")
    settings = dict.fromkeys(["baseline", "compare_to"]) | {"controls": [], "seed": 0}
    settings |= {"protocol": "full", "threshold": 0.5, "at_specificity": 0.75}
    return make_table(read_rows(texts), **settings, num_bootstrap=20)


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
    real = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.55, 0.3, 0.2, 0.1]
    table = table_of(tmp_path / "predictions", real=real, dead=[0.9] * 10)
    write(root / "table" / "table.json", table)
    for name in ("roc", "intervals"):
        write(root / "table" / f"{name}.svg", SVG)
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
            "title": "An experiment",
            "max_megabytes": 9.0,
            "overwrite": True,
        }
        said = write_report(
            experiment_dir=str(folder), output_html=str(output), **flags | settings
        )
        return Page(output.read_text()), said

    return run


def test_page_refers_to_nothing_outside(experiment, make, tmp_path):
    page, _ = make(experiment)
    assert page.references
    for reference in page.references:
        assert reference.startswith(("data:", "#"))
    text = (tmp_path / "out" / "report.html").read_text()
    assert not re.search(r"@import|url\((?!data:)", text)
    assert "script" not in page.tags
    assert "default-src 'none'" in text


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
    make(experiment)
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
            assert len(widths) == 12 and min(widths) > 0
            assert page.evaluate("document.body.scrollWidth <= innerWidth")
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert complaints == []


def test_links_lead_to_sections(experiment, make):
    page, _ = make(experiment)
    anchors = [r[1:] for r in page.references if r.startswith("#")]
    assert len(anchors) == 12 and set(anchors) <= set(page.ids)


def test_every_picture_can_be_decoded(experiment, make):
    page, _ = make(experiment)
    kinds = [kind for kind, _ in page.pictures]
    # Table 1, t-SNE, curves and distances are drawings; figures 5 and 6 and four grids
    # are not.
    assert kinds.count("svg+xml") == 7 and kinds.count("png") == 5
    for kind, content in page.pictures:
        if kind == "svg+xml":
            assert b"</svg>" in content
        else:
            assert cv2.imdecode(np.frombuffer(content, np.uint8), 0) is not None


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
        "Real or synthetic Reader",
        "A 100.0 [51.0, 100.0]",
        "3.10 ± 0.14",
        "unit 8 2: 25.00 % [10.00, 50.00] 0 1 0.0100",
        "unit Step Runs Validation accuracy (%) 20 1 87.50 [50.00, 90.00] selected",
        "50 1 no result: calls every image tumor 8 validation images",
        "classifier/scratch/real/seed-0 classifier.train 2",
        "best in epoch 1: 100.0 % of validation images",
        "4 px, step 2",
        "8 px, real",
        "--perplexity=100",
        "a 0123456789abcdef",
    ):
        assert words in page.text
    assert "4 px, step 1" not in page.text  # Only the last of a resolution.


def test_uncertainty_is_small_print_and_no_result_a_warning(experiment, make, tmp_path):
    make(experiment)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "<span>80.00</span>\n<small>{80.00, 80.00}</small>" in text
    warning = '<td><span class="warning">no result: calls every image tumor</span>'
    assert text.count(warning) == 2
    assert text.count("<td>") == text.count("</td>") > 50


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


def test_text_of_files_is_no_part_of_the_page(experiment, make, tmp_path):
    page, _ = make(experiment, title=f"{SCRIPT} & title")
    assert f"a|b {SCRIPT}" in page.text and f"borderline {SCRIPT}" in page.text
    assert SCRIPT not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    "path, title",
    [
        ("real/slices.csv", "Images"),
        ("table", "Table 1: tumor detection"),
        ("turing", "Table 2: Visual Turing Test"),
        ("filtered", "Figure 5: images kept and discarded"),
        ("unit/tumor", "Figure 6: before and after refining"),
        ("tsne", "Figure 7: t-SNE"),
        ("unit/selection.json", "Selection of the refiners' steps"),
        ("quality/memorisation.json", "Memorisation"),
        ("pggan/tumor/model/samples", "Images while GANs were trained"),
    ],
)
def test_what_is_missing_is_left_out_and_said(experiment, make, path, title):
    target = experiment / path
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    page, said = make(experiment)
    assert said.endswith(f"not there: {title}.")
    missing = page.text[page.text.index("Not in this experiment:") :]
    assert missing.index(title) < missing.index("Settings and digests")


def test_experiment_that_has_just_begun_has_a_page(tmp_path, make):
    folder = tmp_path / "begun"
    write(folder / "model" / "run.json", {"binary": "pggan.train", "settings": {}})
    page, _ = make(folder)
    assert "model pggan.train 0 0.0 min not finished" in page.text


def test_result_of_another_folder_is_shown_instead(experiment, make, tmp_path):
    elsewhere = table_of(tmp_path, elsewhere=[0.9] * 5 + [0.1] * 5)
    write(tmp_path / "other" / "table.json", elsewhere)
    page, _ = make(experiment, table_dir=str(tmp_path / "other"))
    assert "elsewhere 1" in page.text and "dead 1" not in page.text
    with pytest.raises(UserError, match="--turing_dir=.*other: .*turing.json"):
        make(experiment, turing_dir=str(tmp_path / "other"))


def test_results_of_an_earlier_version_are_shown_as_their_markdown(experiment, make):
    write(experiment / "table" / "table.json", {"rows": [], "settings": {}})
    with pytest.raises(UserError, match="table.json: .*table.md"):
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
    with pytest.raises(UserError, match=message):
        make(experiment)


def test_folder_that_is_no_experiment_is_refused(tmp_path, make):
    with pytest.raises(UserError, match="--experiment_dir=.*nowhere: "):
        make(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="--experiment_dir=.*empty: "):
        make(tmp_path / "empty")


def test_existing_page_is_kept_unless_told_otherwise(experiment, make):
    make(experiment)
    with pytest.raises(UserError, match="--overwrite"):
        make(experiment, overwrite=False)


def test_training_time_is_the_sum_over_all_starts(experiment):
    training = next(
        t for t in read_experiment(str(experiment)).trainings if "pggan" in t.name
    )
    assert training.seconds == 6.0 and training.steps == 3


def test_line_of_a_log_that_a_crash_cut_off_is_left_out(tmp_path):
    write(tmp_path / "run.json", {"binary": "unit.train"})
    write(tmp_path / "log.jsonl", '{"step": 1}\n{"step": 2, "lo')
    (training,) = read_experiment(str(tmp_path)).trainings
    assert training.log == [{"step": 1}]


def test_slices_are_counted_by_part_and_reason(experiment):
    images, reasons, patients = read_slices(str(experiment / "real" / "slices.csv"))
    assert images == {("train", "tumor"): 1, ("test", "non_tumor"): 1}
    assert reasons == {f"borderline {SCRIPT}": 1} and patients == {
        "train": 1,
        "test": 1,
    }


def test_curve_of_a_long_log_is_of_means_of_neighbours():
    log = [{"step": n, "loss": float(n % 2), "phase": "a"} for n in range(2000)]
    steps, values = curve(log, "loss")
    assert len(steps) == MAX_POINTS and steps[0] == pytest.approx(3.0)
    assert values == pytest.approx(np.full(MAX_POINTS, 0.5), abs=0.08)
    assert curve(log, "phase").shape == (2, 0)


def test_distances_have_a_figure_of_their_own(experiment):
    training = next(
        t for t in read_experiment(str(experiment)).trainings if "pggan" in t.name
    )
    figure = draw_distances(training)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    ends = {
        "to validation patients": 50.0,
        "to training images": 30.0,
        "of these to each other: the floor": 25.0,
    }
    for label, value in ends.items():
        assert lines[label].get_xydata().tolist() == [[3.0, value]]
    titles = [panel.get_title() for panel in draw_losses([training]).axes]
    assert titles == ["generator loss"]


def test_training_that_ended_early_says_so_beside_its_curve(experiment, make):
    page, _ = make(experiment)
    assert "its distance has not fallen since 4,096 images" in page.text
    assert "pggan/tumor: sliced Wasserstein distance of generated images" in page.text


def test_losses_of_two_domains_share_a_panel():
    assert loss_of("cycle_loss_a") == ("cycle_loss", "-")
    assert loss_of("cycle_loss_b") == ("cycle_loss", "--")
    assert loss_of("gradient_penalty") == ("gradient_penalty", "-")


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
