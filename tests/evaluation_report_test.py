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

from dataset.shards import UserError
from evaluation.experiment_folder import read_experiment, read_log, read_slices
from evaluation.page_images import encode, encode_all
from evaluation.page_text import read_blocks
from evaluation.report import write_report
from evaluation.report_origins import as_flags, origins
from evaluation.training_curves import (
    MAX_POINTS,
    curve,
    draw_accuracies,
    draw_distances,
    draw_losses,
    loss_of,
)

SCRIPT = "<script>alert(1)</script>"
TABLE = f"""## scratch

| Trained on | Accuracy (%) |
| --- | --- |
| real | 75.14 ± 1.20 [68.36, 80.87] {{60.00, 90.00}} |
| a\\|b {SCRIPT} | no result: calls every image tumor |

Test images: 10.
"""
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
    write(root / "table" / "table.md", TABLE)
    write(root / "table" / "table.json", {"settings": {"protocol": "full"}})
    for name in ("roc", "intervals"):
        write(root / "table" / f"{name}.svg", SVG)
    write(
        root / "turing" / "turing.md", "## Real or synthetic\n\n| A |\n| --- |\n| 1 |\n"
    )
    write(root / "tsne" / "tsne.json", {"settings": {"perplexity": 100}})
    write(root / "tsne" / "tsne.svg", SVG)
    for name in ("quality", "memorisation"):
        write(root / "quality" / f"{name}.md", "| KID |\n| --- |\n| 3.1 ± 0.2 |\n")
        write(root / "quality" / f"{name}.json", {"settings": {"seed": 0}})
    accuracy = {"value": 0.875}
    candidates = [{"step": 20, "accuracy": accuracy}, {"step": 50, "accuracy": None}]
    write(root / "unit/selection.json", {"step": 20, "candidates": candidates})
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


def test_page_says_that_cases_are_artificial(experiment, make):
    def says_so():
        return "The cases are artificial" in " ".join(make(experiment)[0].words)

    assert not says_so()
    content = {"binary": "dataset.prepare", "settings": {"brats_dir": "phantom"}}
    write(experiment / "real" / "report.json", content)
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
            assert len(widths) == 11 and min(widths) > 0
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
    assert kinds.count("svg+xml") == 6 and kinds.count("png") == 5
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
        "real 75.14 ± 1.20 [68.36, 80.87] {60.00, 90.00}",
        "Test images: 10.",
        "unit 20 87.50 yes",
        "unit 50 no result",
        "classifier/scratch/real/seed-0 classifier.train 2",
        "best in epoch 1: 100.0 % of validation images",
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
    panels = [panel for panel in draw_accuracies(trainings).axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == ["real"]


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
        ("quality/memorisation.md", "Memorisation"),
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
    write(tmp_path / "other" / "table.md", "| Trained on |\n| --- |\n| elsewhere |\n")
    page, _ = make(experiment, table_dir=str(tmp_path / "other"))
    assert "elsewhere" in page.text and "75.14" not in page.text
    with pytest.raises(UserError, match="--turing_dir=.*: no turing.md in it"):
        make(experiment, turing_dir=str(tmp_path / "other"))


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
    with pytest.raises(UserError, match="no such folder"):
        make(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="wanted the --output_dir of workflow.run"):
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
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"step": 2, "lo')
    assert read_log(str(tmp_path / "log.jsonl")) == [{"step": 1}]
    assert read_log(str(tmp_path / "none.jsonl")) == []


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


def test_markdown_is_taken_apart():
    heading, table, text = read_blocks(TABLE)
    assert (heading.kind, heading.text) == ("heading", "scratch")
    assert table.rows[1][1] == [
        ("75.14", False),
        ("± 1.20", True),
        ("[68.36, 80.87]", True),
        ("{60.00, 90.00}", True),
    ]
    assert table.rows[2][0] == [(f"a|b {SCRIPT}", False)]
    assert (text.kind, text.text) == ("text", "Test images: 10.")


def test_later_outputs_of_a_program_show_the_flags_that_differ(experiment):
    for name, seed in (("a", 0), ("b", 1)):
        content = {"binary": "unit.refine", "settings": {"seed": seed, "step": 20}}
        write(experiment / name / "manifest.json", content)
    entries = origins(read_experiment(str(experiment)), [])
    first, second = (e for e in entries if e["binary"] == "unit.refine")
    assert (first["base"], first["flags"]) == ("", ["--seed=0", "--step=20"])
    assert second["base"] == "As a/manifest.json, but "
    assert second["flags"] == ["--seed=1"]
    content = (experiment / "b" / "manifest.json").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(second["digest"])


def test_settings_are_flags():
    settings = {"seed": 0, "ema": True, "jit": False, "dirs": ["a", "b"], "none": None}
    assert as_flags(settings) == ["--seed=0", "--ema", "--nojit", "--dirs=a,b"]
