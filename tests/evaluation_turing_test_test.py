"""The Visual Turing Test: fair choice, blinded readers, answers that stay."""

import collections
import json
import signal

import cv2
import numpy as np
import pytest
import shard_sets
from local_page import browsing, held_back, listen, serving
from refusals import refused

from dataset.records import Record
from dataset.shards import ShardSet
from evaluation import turing_images as selection
from evaluation import turing_test as turing_page
from pages import safety

TOKEN = "0123456789abcdef"
PER_CLASS = 6  # Images of each class from each source.


def write_set(folder, prefix, label, patients, size, noise):
    """Ten images a patient; smooth without noise, which compresses far better."""
    draws = np.random.default_rng([label, size])
    shape = [size, size]
    records = [
        Record(
            draws.uniform(60 - noise, 60 + noise, shape).astype(np.uint8),
            label,
            f"{prefix}/{patient}<script>/{n}",
            patient,
        )
        for patient in patients
        for n in range(10)
    ]
    return shard_sets.write(folder, records, settings={"prefix": prefix})


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """{real_dirs, synthetic_dirs}: 30 px of 8 patients, 32 px of none."""
    root = tmp_path_factory.mktemp("turing")
    found = {"real_dirs": [], "synthetic_dirs": []}
    for label, name in enumerate(("non_tumor", "tumor")):
        for source, prefix, patients, size, noise in (
            ("real", "brats", [f"p{n}" for n in range(8)], 30, 0.5),
            ("synthetic", "pggan", [""], 32, 50),
        ):
            folder = root / source / name
            write_set(folder, prefix, label, patients, size, noise)
            found[f"{source}_dirs"].append(str(folder))
    return found


@pytest.fixture
def make_test(folders, tmp_path):
    """Calls `write_test`, small."""

    def make(output_dir=None, num_images=PER_CLASS, seed=0, **others):
        sets = {**folders, **others}
        output_dir = str(output_dir or tmp_path / "test")
        return selection.write_test(
            output_dir, **sets, num_images=num_images, seed=seed
        )

    return make


def test_classes_and_sources_are_equally_many_and_patients_spread(make_test, tmp_path):
    for num_images, most in ((8, 1), (10, 2)):
        images = make_test(tmp_path / str(num_images), num_images)["images"]
        counts = collections.Counter((i["source"], i["label"]) for i in images)
        assert counts == {
            (s, n): num_images for s in ("real", "synthetic") for n in (0, 1)
        }
        assert len({(i["set_dir"], i["position"]) for i in images}) == len(images)
        # A patient is shown again only when all were shown.
        patients = collections.Counter(
            (i["label"], i["patient"]) for i in images if i["patient"]
        )
        assert len(patients) == 2 * 8 and max(patients.values()) == most
    for image in images[::7]:
        record = ShardSet(image["set_dir"]).record(image["position"])
        assert (record.id, record.label) == (image["id"], image["label"])


def test_choice_and_orders_are_those_of_the_seed(make_test, tmp_path):
    first, again = make_test(), make_test(output_dir=tmp_path / "again")
    other = make_test(output_dir=tmp_path / "other", seed=1)
    assert first["images"] == again["images"] != other["images"]
    orders = [
        selection.reader_order(seed, reader, 24).tolist()
        for seed, reader in ((0, "a"), (0, "a"), (0, "b"), (1, "a"))
    ]
    assert orders[0] == orders[1]
    assert orders[1] != orders[2] and orders[1] != orders[3]
    assert all(sorted(order) == list(range(24)) for order in orders)
    assert make_test() == first  # Read again.


def test_sets_and_numbers_that_do_not_fit_are_refused(make_test, folders, tmp_path):
    real, synthetic = folders["real_dirs"], folders["synthetic_dirs"]
    for settings, parts in (
        ({"num_images": 11}, ["--synthetic_dirs: 10 ", "non_tumor"]),
        ({"real_dirs": real[:1]}, ["--real_dirs: 0 ", "tumor"]),
        ({"synthetic_dirs": real[1:]}, ["--synthetic_dirs: ", real[1], "--real_dirs"]),
    ):
        with refused(*parts):
            make_test(tmp_path / str(settings), **settings)
    make_test()
    with refused("--seed was 0, is 1"):
        make_test(seed=1)
    own = tmp_path / "own"
    write_set(own, "pggan", 1, [""], 32, 10)
    test = make_test(tmp_path / "test-2", synthetic_dirs=[synthetic[0], str(own)])
    manifest = (own / "manifest.json").read_text().replace("pggan", "other")
    (own / "manifest.json").write_text(manifest)
    with refused(f"{own}: not the set that the test was made from"):
        selection.load_images(test)


def test_padding_is_cut_off_and_larger_images_are_averaged():
    image = np.random.default_rng(0).integers(0, 256, [240, 240], np.uint8)
    np.testing.assert_array_equal(selection.equal_size(np.pad(image, 8), 240), image)
    np.testing.assert_array_equal(selection.equal_size(image, 240), image)
    blocks = image.reshape(120, 2, 120, 2).mean((1, 3))
    halved = selection.equal_size(image, 120)
    assert abs(halved - blocks).max() <= 0.5


@pytest.fixture
def page(make_test, tmp_path):
    """A function that opens a test's page: a Flask test client, its journal's path."""
    opened = []

    def open_page():
        app, readings = turing_page.create_page(make_test(), str(tmp_path / "test"))
        safety.protect(app, 5000, TOKEN)
        client = app.test_client()
        client.get(f"/?token={TOKEN}", base_url="http://127.0.0.1:5000")
        opened.append(readings)
        return client

    yield open_page
    for readings in opened:
        readings.journal.close()


def request(client, path, content=None):
    home = "http://127.0.0.1:5000"
    if content is None:
        return client.get(path, base_url=home)
    return client.post(path, json=content, base_url=home, headers={"Origin": home})


def answer_of(position, reader="a", **others):
    answer = {"reader": reader, "position": position, "real": True, "tumor": False}
    return {**answer, "seconds": 1.5, **others}


def test_no_response_tells_which_is_which(page, make_test):
    client, test = page(), make_test()
    order = selection.reader_order(0, "a", len(test["images"]))
    responses = [
        request(client, p) for p in ("/", "/readers", "/static/turing_test.js")
    ]
    expected = selection.load_images(test)
    groups = collections.defaultdict(list)  # Responses by the truth, without content.
    for position, number in enumerate(order):
        truth = test["images"][number]
        image = request(client, f"/images/{position}.png?reader=a")
        stored = request(client, "/answers", answer_of(position))
        assert stored.json == {"answered": position + 1}
        content = np.frombuffer(image.data, np.uint8)
        shown = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(shown, expected[number])
        assert shown.shape == (30, 30)
        responses += [image, stored, request(client, "/answers?reader=a")]
        chunks = png_chunks(image.data)
        assert [name for name, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
        groups[truth["source"], truth["label"]].append(
            (sorted(image.headers.items()), len(image.data), chunks[0])
        )
    assert len(groups) == 4
    appearances = {str(look) for looks in groups.values() for look in looks}
    assert len(appearances) == 1, appearances
    secrets = {"brats", "pggan", "manifest", "tfrecord", "set_dir"}
    secrets |= {image["set_dir"] for image in test["images"]}
    secrets |= {image["patient"] for image in test["images"]} - {""}
    secrets |= {image["id"] for image in test["images"]}
    for response in responses:
        text = str(response.headers) + response.data.decode(errors="replace")
        if response.mimetype != "image/png":
            assert not [secret for secret in secrets if secret in text]


def png_chunks(content):
    """[(name, data)] of a PNG file."""
    chunks, offset = [], 8
    while offset < len(content):
        length = int.from_bytes(content[offset : offset + 4], "big")
        chunks.append(
            (
                content[offset + 4 : offset + 8],
                content[offset + 8 : offset + 8 + length],
            )
        )
        offset += 12 + length
    return chunks


@pytest.mark.parametrize(
    "path",
    [
        "/images/24.png?reader=a",
        "/images/-1.png?reader=a",
        "/images/0.png",
        "/images/0.png?reader=%00",
        "/images/..%2f..%2ftest.json?reader=a",
        "/test.json",
        "/answers.jsonl",
        "/static/../turing/page.py",
    ],
)
def test_nothing_else_is_served(page, path):
    response = request(page(), path)
    assert response.status_code in (400, 404)
    assert response.mimetype == "application/json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": 24},
        {"position": -1},
        {"reader": " "},
        {"reader": "a" * 41},
        {"reader": "a\nb\x00"},
        {"seconds": -1},
        {"seconds": 1e9},
        {"seconds": float("nan")},
        {"real": None},
        {"real": "yes"},
    ],
)
def test_impossible_answers_are_not_stored(page, wrong):
    client = page()
    response = request(client, "/answers", {**answer_of(0), **wrong})
    assert response.status_code in (400, 404), response.json
    assert request(client, "/readers").json["readers"] == {}


def test_last_answer_counts_and_all_are_kept(page, tmp_path):
    client = page()
    request(client, "/answers", answer_of(3))
    request(client, "/answers", answer_of(3, real=False))
    answers = request(client, "/answers?reader=a").json["answers"]
    assert answers == {"3": {"real": False, "tumor": False}}
    lines = (tmp_path / "test" / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["real"] for line in lines] == [True, False]
    # Readers do not see each others' answers.
    request(client, "/answers", answer_of(0, "<script>alert(1)</script>"))
    assert request(client, "/answers?reader=b").json["answers"] == {}
    readers = request(client, "/readers").json["readers"]
    assert readers == {"a": 1, "<script>alert(1)</script>": 1}


def test_answers_to_another_test_are_refused(make_test, tmp_path):
    test = make_test()
    entry = {"time": "", "reader": "a", "image": 99, "real": True, "tumor": True}
    (tmp_path / "test" / "answers.jsonl").write_text(json.dumps(entry) + "\n")
    with refused("answers.jsonl: "):
        turing_page.create_page(test, str(tmp_path / "test"))


def stored(tmp_path):
    path = tmp_path / "test" / "answers.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_images(page, first, last):
    """A reader at the keyboard: answers images number first to last, from 1."""
    from playwright.sync_api import expect

    for number in range(first, last + 1):
        expect(page.locator("#count")).to_have_text(f"Image {number} of 24")
        page.wait_for_selector("#reading:not(.loading)")
        for key in "rt" if number % 2 == 0 else "sn":
            page.keyboard.press(key)
    expect(page.locator("#count")).to_have_text(f"Image {last + 1} of 24")
    page.wait_for_selector("#reading:not(.loading)")


def enter(page, address, name):
    page.goto(address)
    page.fill("#name", name)
    page.keyboard.press("Enter")


def test_reader_goes_on_after_the_server_was_killed(folders, tmp_path):
    settings = {name: ",".join(dirs) for name, dirs in folders.items()}
    settings |= {"output_dir": tmp_path / "test", "num_images": PER_CLASS}
    with browsing() as browser:
        page = browser.new_page()
        faults = listen(page)
        with serving("evaluation.turing_test", settings) as server:
            enter(page, server.address, "Dr. <b>A</b>")
            read_images(page, 1, 20)
            assert len(stored(tmp_path)) == 20
            server.stop(signal.SIGKILL)
            assert faults == []
            page.keyboard.press("r")
            page.keyboard.press("t")
            page.wait_for_selector("#fault:not([hidden])")
            assert "Not stored" in page.inner_text("#fault")
        assert len(stored(tmp_path)) == 20
        page = browser.new_page()
        faults = listen(page)
        with serving("evaluation.turing_test", settings) as server:
            page.goto(server.address)
            page.click("text=Continue as Dr. <b>A</b> (20 of 24)")
            read_images(page, 21, 23)
            entries = stored(tmp_path)
            assert len(entries) == 23
            assert len({entry["image"] for entry in entries}) == 23
            assert {entry["reader"] for entry in entries} == {"Dr. <b>A</b>"}
            assert all(0 < entry["seconds"] < 60 for entry in entries)
        assert faults == []


def test_two_readers_at_once_change_their_minds_pause_and_finish(folders, tmp_path):
    from playwright.sync_api import expect

    settings = {name: ",".join(dirs) for name, dirs in folders.items()}
    settings |= {"output_dir": tmp_path / "test", "num_images": PER_CLASS}
    tablet = {"viewport": {"width": 768, "height": 1024}, "has_touch": True}
    with (
        browsing(**tablet) as browser,
        serving("evaluation.turing_test", settings) as server,
    ):
        pages = [browser.new_page() for _ in range(2)]
        faults = [listen(page) for page in pages]
        for page, name in zip(pages, ("A", "B")):
            enter(page, server.address, name)
        for number in range(1, 4):
            for page in pages:
                read_images(page, number, number)
        first, second = pages
        first.keyboard.press("p")  # Keys do nothing while no image is seen.
        first.keyboard.press("r")
        first.keyboard.press("t")
        expect(first.locator("#image")).to_be_hidden()
        first.keyboard.press("p")
        first.keyboard.press("ArrowLeft")
        expect(first.locator("#count")).to_have_text("Image 3 of 24")
        expect(first.locator("#synthetic")).to_have_attribute("aria-pressed", "true")
        first.wait_for_selector("#reading:not(.loading)")
        first.tap("#real")
        expect(first.locator("#real")).to_have_attribute("aria-pressed", "true")
        second.reload()
        read_images(second, 4, 23)
        with held_back(second, "**/answers") as release:
            second.keyboard.press("r")
            second.keyboard.press("n")
            expect(second.locator("#non_tumor")).to_have_attribute(
                "aria-pressed", "true"
            )
            assert "answered" not in second.locator("#end").text_content()
            assert len([e for e in stored(tmp_path) if e["reader"] == "B"]) == 23
            release()
        expect(second.locator("#end")).to_be_visible()
        expect(second.locator("#end")).to_contain_text("All 24 images are answered")
        first.reload()
        expect(first.locator("#count")).to_have_text("Image 4 of 24")
        assert faults == [[], []]
        code, printed = server.stop(signal.SIGINT)
    assert code == 0
    assert "A: 3 of 24 images answered.\nB: 24 of 24" in printed
    entries = stored(tmp_path)
    own = [entry for entry in entries if entry["reader"] == "A"]
    assert [entry["real"] for entry in own] == [False, True, False, True]
    assert own[2]["image"] == own[3]["image"]
    assert len([entry for entry in entries if entry["reader"] == "B"]) == 24
