"""The training of readers: fair series, no truth before a reply, replies that stay."""

import collections
import itertools
import json
import signal

import cv2
import numpy as np
import pytest
import shard_sets
from local_page import browsing, listen, serving
from refusals import refused

from dataset.records import Record
from evaluation import reader_training
from evaluation.training_scores import moving_accuracy, training_scores
from evaluation.training_series import Series
from flags import binary
from pages import safety

TOKEN = "0123456789abcdef"
HOME = "http://127.0.0.1:5000"
SIZES = {"real": 30, "pggan": 32, "unit": 64}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """{source: [folder of each class]}: three patients of four images, and nobody's."""
    root = tmp_path_factory.mktemp("training")
    found = {}
    for source, size in SIZES.items():
        draws = np.random.default_rng(size)
        patients = ["p1", "p2", "p3"] if source == "real" else ["", "", ""]
        noise = 3 if source == "real" else 90  # Compressed, the file would tell.
        for label, name in enumerate(("non_tumor", "tumor")):
            records = [
                Record(
                    draws.integers(100 - noise, 100 + noise, [size] * 2).astype(
                        np.uint8
                    ),
                    label,
                    f"{source}/{name}<secret>/{n}/{number}",
                    patient,
                )
                for number, patient in enumerate(patients)
                for n in range(4)
            ]
            folder = root / source / name
            shard_sets.write(folder, records, settings={"from": source})
            found.setdefault(source, []).append(str(folder))
    return found


def drawing(folders, classes=("tumor", "non_tumor"), seed=0, **sources):
    folders = {**folders, **sources}
    rows = [f"{name}={','.join(f)}" for name, f in folders.items() if name != "real"]
    real = {"real_dirs": folders["real"], "synthetic_dirs": rows}
    return {**real, "classes": list(classes), "seed": seed}


def first(series, count, reader="a"):
    return list(itertools.islice(series.of_reader(reader), count))


def test_halves_are_real_and_nothing_comes_twice_before_all_have_come(folders):
    series = Series(**drawing(folders))
    images = first(series, 480)
    counts = collections.Counter((i["source"], i["label"]) for i in images)
    assert 200 < counts["real", 0] + counts["real", 1] < 280
    assert len(counts) == 6 and min(counts.values()) > 40
    for key in counts:
        own = [i for i in images if (i["source"], i["label"]) == key]
        for begin in range(0, len(own) - 12, 12):
            assert len({i["position"] for i in own[begin : begin + 12]}) == 12
        if key[0] == "real":
            for begin in range(0, len(own) - 3, 3):
                assert len({i["patient"] for i in own[begin : begin + 3]}) == 3
    assert series.image_size == 30
    assert {series.image(image).shape for image in images[:20]} == {(30, 30)}


def test_series_is_that_of_seed_and_reader(folders):
    series, other = Series(**drawing(folders)), Series(**drawing(folders, seed=1))
    assert first(series, 30) == first(series, 30)
    assert first(series, 30) != first(series, 30, "b")
    assert first(series, 30) != first(other, 30)


@pytest.mark.parametrize(
    "changes, parts",
    [
        ({"classes": ["cyst"]}, ["--classes=cyst: ", "tumor"]),
        ({"classes": []}, ["--classes=: "]),
        ({"classes": ["tumor", "tumor"]}, ["--classes=tumor,tumor: "]),
        ({"pggan": 0}, ["--synthetic_dirs=pggan: ", "--classes=tumor"]),
        ({"real": 1}, ["--real_dirs: ", "--classes=non_tumor"]),
        ({"pggan": "real"}, ["--synthetic_dirs: ", "among --real_dirs"]),
    ],
)
def test_flags_that_do_not_fit_are_refused(folders, changes, parts):
    for source in changes.keys() & folders.keys():
        value = changes[source]
        chosen = folders[value] if value == "real" else folders[source][value:][:1]
        changes = {**changes, source: chosen}
    with refused(*parts):
        Series(**drawing(folders, **changes))


def test_source_named_real_is_refused(folders):
    settings = drawing(folders)
    settings["synthetic_dirs"] = [f"real={folders['pggan'][0]}"]
    with refused("--synthetic_dirs=real="):
        Series(**settings)


def test_moving_accuracy_is_of_the_last_replies():
    assert moving_accuracy([True, True, False, False, True], 2) == [1, 1, 0.5, 0, 0.5]
    assert moving_accuracy([False, True, True]) == pytest.approx([0, 1 / 2, 2 / 3])
    assert moving_accuracy([]) == []


def test_scores_are_those_of_each_class_and_source():
    def reply(source, label, real, tumor):
        return {"source": source, "label": label, "real": real, "tumor": tumor}

    replies = [
        reply("unit", 1, False, True),  # Both right.
        reply("real", 1, False, True),
        reply("unit", 1, True, False),  # Both wrong.
        reply("real", 0, True, True),
    ]
    scores = training_scores(replies, ("real", "tumor"))
    rows = {row["name"]: row for row in scores["rows"]}
    right = {n: (r["real"]["right"], r["tumor"]["right"]) for n, r in rows.items()}
    assert [*right.items()] == [
        ("all", (2, 2)),
        ("real, tumor", (0, 1)),
        ("real, non_tumor", (1, 0)),
        ("unit, tumor", (1, 1)),
    ]
    assert rows["unit, tumor"]["real"]["images"] == 2
    assert rows["all"]["real"]["value"] == 0.5
    # Wilson's interval of 2 of 4, by hand: 0.5 -+ 0.35.
    assert rows["all"]["real"]["low"] == pytest.approx(0.15, abs=0.001)
    assert scores["moving"] == {
        "real": pytest.approx([1, 1 / 2, 1 / 3, 1 / 2]),
        "tumor": pytest.approx([1, 1, 2 / 3, 1 / 2]),
    }


@pytest.fixture
def open_page(folders, tmp_path):
    """A function that opens a training's page; returns a client and the `Series`."""
    opened = []

    def open_page(num_images=0, questions=("real", "tumor"), **changes):
        for replies in opened:
            replies.journal.close()
        opened.clear()
        series = Series(**drawing(folders, **changes))
        folder = tmp_path / "training"
        folder.mkdir(exist_ok=True)
        app, replies = reader_training.create_page(
            series, str(folder), questions, num_images
        )
        opened.append(replies)
        safety.protect(app, 5000, TOKEN)
        client = app.test_client()
        client.get(f"/?token={TOKEN}", base_url=HOME)
        return client, series

    yield open_page
    for replies in opened:
        replies.journal.close()


def get(client, path):
    return client.get(path, base_url=HOME)


def reply(client, number, reader="a", **others):
    said = {"reader": reader, "number": number, "real": True, "tumor": False, **others}
    return client.post("/answers", json=said, base_url=HOME, headers={"Origin": HOME})


def journal(tmp_path):
    lines = (tmp_path / "training/answers.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_nothing_tells_the_truth_before_the_reply(open_page, folders):
    client, series = open_page()
    page = [get(client, path).data for path in ("/", "/static/reader_training.js")]
    page += [get(client, "/readers").data, get(client, "/answers?reader=a").data]
    for secret in (b"pggan", b"unit", b"secret", b"p1", *folders["real"]):
        assert not [text for text in page if str(secret).encode() in text]
        assert not [
            text for text in page if isinstance(secret, bytes) and secret in text
        ]
    looks = collections.defaultdict(set)
    told = []
    for number, truth in enumerate(first(series, 24)):
        state = get(client, "/answers?reader=a").json
        # What is known before a reply is that of the replies before.
        expected = training_scores(told, ("real", "tumor"))
        assert state == {"replied": number, "total": 0, "scores": expected}
        shown = get(client, f"/images/{number}.png?reader=a")
        content = np.frombuffer(shown.data, np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(image, series.image(truth))
        look = sorted(shown.headers.items()), len(shown.data), shown.data[:33]
        looks[truth["source"], truth["label"]].add(str(look))
        answer = reply(client, number).json
        assert answer["source"] == truth["source"]
        is_real, is_tumor = truth["source"] == "real", truth["label"] == 1
        assert answer["truth"] == {"real": is_real, "tumor": is_tumor}
        told.append({**truth, "real": True, "tumor": False})
        assert answer["scores"] == training_scores(told, ("real", "tumor"))
    assert len(looks) == 6 and len(set().union(*looks.values())) == 1


def test_first_reply_counts_and_no_image_is_skipped(open_page, tmp_path):
    client, _ = open_page()
    assert get(client, "/images/1.png?reader=a").status_code == 404
    assert reply(client, 1).status_code == 409
    assert reply(client, 0).status_code == 200
    before = journal(tmp_path)
    for answer in (reply(client, 0, real=False), reply(client, -1), reply(client, 2)):
        assert answer.status_code == 409
    assert journal(tmp_path) == before and len(before) == 1
    assert get(client, "/images/0.png?reader=a").status_code == 200
    assert get(client, "/images/1.png?reader=a").status_code == 200
    assert get(client, "/images/1.png?reader=b").status_code == 404
    assert get(client, "/images/0.png").status_code == 400
    for wrong in ({"real": None}, {"tumor": "yes"}, {"reader": " "}, {"number": 0.5}):
        assert reply(client, **{"number": 1, **wrong}).status_code == 400
    assert journal(tmp_path) == before


def test_replies_continue_after_a_restart_until_the_number_given(open_page):
    client, series = open_page()
    answers = [reply(client, number).json for number in range(5)]
    client, _ = open_page(num_images=6)
    state = get(client, "/answers?reader=a").json
    assert state == {"replied": 5, "total": 6, "scores": answers[-1]["scores"]}
    assert reply(client, 5).json["source"] == first(series, 6)[5]["source"]
    assert reply(client, 6).status_code == 409
    assert get(client, "/readers").json == {"readers": {"a": 6}}


def test_one_class_is_asked_real_or_synthetic_alone(open_page, tmp_path):
    client, _ = open_page(questions=("real",), classes=["tumor"])
    assert b"Tumor or not" not in get(client, "/").data
    assert reply(client, 0).status_code == 400
    answer = reply(client, 0, tumor=None).json
    assert answer["truth"]["tumor"] is True
    assert answer["scores"]["moving"].keys() == {"real"}
    assert journal(tmp_path)[0]["tumor"] is None


@pytest.mark.parametrize("change", [{"number": 1}, {"source": "x"}, {"reader": None}])
def test_replies_to_another_series_are_refused(open_page, tmp_path, change):
    client, _ = open_page()
    reply(client, 0)
    path = tmp_path / "training/answers.jsonl"
    path.write_text(json.dumps({**journal(tmp_path)[0], **change}) + "\n")
    with refused(f"{path}, line 1: "):
        open_page()


def test_folder_of_other_flags_is_refused(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(reader_training.server, "serve", lambda *arguments: None)
    words = [f"--output_dir={tmp_path}/out"]
    words += [f"--real_dirs={','.join(folders['real'])}"]
    words += [f"--synthetic_dirs=unit={','.join(folders['unit'])}"]
    settings = binary.parse("evaluation.reader_training", words)
    for changes in ({}, {"num_images": 3}):
        reader_training.main({**settings, **changes})
    for changes, part in (
        ({"seed": 1}, "--seed was 0, is 1"),
        ({"classes": ["tumor"]}, "--classes was"),
        (
            {"synthetic_dirs": [f"unit={','.join(folders['pggan'])}"]},
            "inputs was",
        ),
    ):
        with refused(part):
            reader_training.main({**settings, **changes})


def test_reader_sees_the_truth_after_each_reply_and_continues(folders, tmp_path):
    from playwright.sync_api import expect

    settings = {"real_dirs": ",".join(folders["real"]), "num_images": 6}
    settings |= {"synthetic_dirs": f"unit={','.join(folders['unit'])}"}
    settings |= {"output_dir": tmp_path / "training"}
    series = Series(**drawing({k: folders[k] for k in ("real", "unit")}))
    images = first(series, 6, "Dr. <b>A</b>")

    def read(page, number):
        expect(page.locator("#count")).to_have_text(f"Image {number + 1} of 6")
        page.wait_for_selector("#reading:not(.loading)")
        expect(page.locator("#truth")).to_have_text("")
        page.keyboard.press("ArrowRight")  # There is no way on without a reply.
        page.keyboard.press("r")
        page.keyboard.press("n")
        origin = "Synthetic (unit)" if images[number]["source"] == "unit" else "Real"
        expect(page.locator("#truth")).to_contain_text(f"{origin}, ")
        page.keyboard.press("s")  # Too late.

    with browsing() as browser:
        page = browser.new_page()
        faults = listen(page)
        with serving("evaluation.reader_training", settings) as server:
            page.goto(server.address)
            page.fill("#name", "Dr. <b>A</b>")
            page.keyboard.press("Enter")
            for number in range(3):
                read(page, number)
                page.keyboard.press("ArrowRight")
            expect(page.locator("#rows tr").first).to_contain_text("of 3")
            page.reload()
            read(page, 3)
            line = page.locator("#line polyline").first.get_attribute("points")
            assert len(line.split()) == 4
            server.stop(signal.SIGKILL)
        assert len(journal(tmp_path)) == 4 and faults == []
        with serving("evaluation.reader_training", settings) as server:
            page = browser.new_page()
            faults = listen(page)
            page.goto(server.address)
            page.click("text=Continue as Dr. <b>A</b> (4)")
            for number in (4, 5):
                read(page, number)
                page.keyboard.press("Enter")
            expect(page.locator("#done")).to_contain_text("All 6 images are answered")
            code, printed = server.stop(signal.SIGINT)
    assert faults == [] and code == 0 and "Dr. <b>A</b>: 6 images." in printed
    assert {entry["real"] for entry in journal(tmp_path)} == {True}
