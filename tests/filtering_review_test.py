"""The review page: fast, by keyboard, and every decision that it shows is on disk."""

import contextlib
import json
import os
import shutil
import signal
import threading
import time

import clustered
import cv2
import heads
import numpy as np
import pandas as pd
import pytest
from local_page import browsing, held_back, listen, serving
from werkzeug.serving import make_server

from dataset import prepare
from dataset.errors import UserError
from dataset.folders import file_sha256
from dataset.shards import ShardSet
from filtering import review
from filtering.clusters import Clusters
from filtering.decisions import read_decisions
from filtering.reviews import ClusterReview, SliceReview
from flags import dataset as dataset_flags
from flags import filtering as filtering_flags
from pages import safety

TOKEN = "0123456789abcdef"
HOME = "http://127.0.0.1:5000"
NUM_CLUSTERS, PER_CLUSTER = 200, 4


def disc(draws, strange, size):
    rows, columns = np.mgrid[:size, :size] / (size - 1) - 0.5
    brain = (rows / 0.45) ** 2 + (columns / 0.4) ** 2 < 1
    levels = draws.uniform(60, 110, [size, size])
    return ((~brain if strange else brain) * levels).astype(np.uint8)


@pytest.fixture(scope="module")
def clusters_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    return clustered.write(str(folder), disc, NUM_CLUSTERS, PER_CLUSTER, 32)


@pytest.fixture
def decisions_file(tmp_path):
    return str(tmp_path / "decisions.jsonl")


@pytest.fixture
def open_client():
    """A function that serves a review; gives a Flask test client that is let in."""
    opened = []

    def open_client(reviewed):
        opened.append(reviewed)
        app = review.create_page(reviewed)
        safety.protect(app, 5000, TOKEN)
        client = app.test_client()
        client.get(f"/?token={TOKEN}", base_url=HOME)
        return client

    yield open_client
    for reviewed in opened:
        reviewed.close()


@pytest.fixture
def client(open_client, clusters_dir, decisions_file):
    return open_client(ClusterReview(Clusters(clusters_dir), decisions_file, "ch"))


def get(client, path):
    return client.get(path, base_url=HOME)


def decide(client, scope, key, decision):
    content = {"scope": scope, "key": key, "decision": decision}
    return client.post(
        "/decisions", json=content, base_url=HOME, headers={"Origin": HOME}
    )


def stored(path, clusters_dir):
    """{scope: {key: decision}} as it is on disk."""
    decisions, _ = read_decisions(path, "clusters", Clusters(clusters_dir).digest)
    return {
        scope: {key: entry["decision"] for key, entry in entries.items()}
        for scope, entries in decisions.current.items()
    }


def test_totals_follow_clusters_and_single_images(client):
    members = get(client, "/members/7?start=0").json
    assert members["total"] == PER_CLUSTER
    ids = [item["key"] for item in members["items"]]
    assert sorted(ids) == [f"pggan/run/{n:07d}" for n in range(28, 32)]
    facts = [float(item["facts"][0]) for item in members["items"]]
    assert facts == sorted(facts, reverse=True)

    def totals(*decision):
        found = decide(client, *decision).json["totals"]
        return found["keep"], found["discard"]

    assert totals("image", ids[0], "discard") == (0, 1)
    assert totals("cluster", "7", "keep") == (3, 1)
    assert totals("image", ids[1], "keep") == (3, 1)
    assert totals("image", ids[0], "keep") == (4, 0)
    assert totals("cluster", "7", "discard") == (2, 2)
    assert totals("image", ids[0], None) == (1, 3)
    assert totals("cluster", "7", None) == (1, 0)
    item = get(client, "/state").json["items"][7]
    assert (item["decision"], item["marks"]) == (None, {"keep": 1})


def test_decisions_name_reviewer_and_time_and_survive_a_restart(
    client, open_client, clusters_dir, decisions_file
):
    decide(client, "cluster", "3", "discard")
    lines = [json.loads(line) for line in open(decisions_file)]
    assert lines[1]["reviewer"] == "ch" and lines[1]["time"] > "2019"
    with pytest.raises(UserError, match="another program has it open"):
        ClusterReview(Clusters(clusters_dir), decisions_file, "b")
    copy = decisions_file + ".copy"
    shutil.copy(decisions_file, copy)
    again = open_client(ClusterReview(Clusters(clusters_dir), copy, "b"))
    items = get(again, "/state").json["items"]
    assert [i["key"] for i in items if i["decision"]] == ["3"]


def test_images_and_sheets_are_those_of_the_clusters(client, clusters_dir):
    records = list(Clusters(clusters_dir).open_set(0).records())
    content = np.frombuffer(get(client, "/images/5.png").data, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, records[5].image)
    for name, path in (
        ("cluster-002", "/sheets/2.png"),
        ("reference", "/reference.png"),
    ):
        with open(f"{clusters_dir}/{name}.png", "rb") as file:
            assert get(client, path).data == file.read()


@pytest.mark.parametrize(
    "path",
    [
        "/images/800.png",
        "/images/-1.png",
        "/sheets/200.png",
        "/images/..%2f..%2fclusters.json",
        "/sheets/../clusters.json",
        "/clusters.json",
        "/static/../review.py",
        "/images/0",
    ],
)
def test_nothing_but_its_images_is_served(client, path):
    response = get(client, path)
    assert response.status_code in (308, 404)
    assert response.mimetype in ("application/json", "text/html")
    assert "clusters_version" not in response.text


@pytest.mark.parametrize(
    ["decision", "status"],
    [
        (("cluster", "200", "keep"), 404),
        (("cluster", "-1", "keep"), 404),
        (("cluster", "pggan/run/0000001", "keep"), 404),
        (("image", "7", "keep"), 404),
        (("slice", "7", "keep"), 404),
        (("cluster", "7", "tumor"), 400),
        (("cluster", "7", True), 400),
        (("cluster", 7, "keep"), 400),
    ],
)
def test_impossible_decisions_are_not_stored(
    client, decision, status, decisions_file, clusters_dir
):
    assert decide(client, *decision).status_code == status
    assert stored(decisions_file, clusters_dir) == {"cluster": {}, "image": {}}


def test_missing_sheet_and_other_shard_set_are_refused(clusters_dir, decisions_file):
    for broken, name in (("clusters", "no.png"), ("sets", f"{clusters_dir}:")):
        clusters = Clusters(clusters_dir)
        getattr(clusters, broken)[0] |= {"sheet": "no.png", "digest": "0" * 64}
        with pytest.raises(UserError, match=name):
            ClusterReview(clusters, decisions_file, "ch")
    assert not os.path.exists(decisions_file)


@pytest.mark.parametrize(
    "flags, named",
    [
        ({"clusters_dir": "a", "prepared_dir": "b"}, "--clusters_dir .*--prepared_dir"),
        ({}, "--clusters_dir .*--prepared_dir"),
        ({"prepared_dir": "b"}, "--verdicts_csv .*--prepared_dir"),
        ({"clusters_dir": "a", "verdicts_csv": "c"}, "--verdicts_csv .*--prepared_dir"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flag_defaults, flags, named):
    settings = flag_defaults(filtering_flags.define_review)
    with pytest.raises(UserError, match=named):
        review.show_review(**{**settings, **flags, "decisions": "d"})


@pytest.fixture(scope="module")
def browser():
    with browsing() as context:
        yield context.browser


@contextlib.contextmanager
def served(reviewed):
    """The address of a review's page, served by a thread of this process."""
    app = review.create_page(reviewed)
    server = make_server(safety.HOST, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield safety.protect(app, server.port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        reviewed.close()


def open_page(context, address):
    """The page, loaded; the growing list of what goes wrong in it."""
    page = context.new_page()
    faults = listen(page)
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    with page.expect_request_finished(lambda request: "/sheets/" in request.url):
        page.goto(address)
    page.wait_for_selector(".item.current")
    assert page.locator(".item").count() == NUM_CLUSTERS
    return page, faults


def test_page_of_200_clusters_takes_little_time(browser, clusters_dir, decisions_file):
    """Of the processor, as this computer may be busy with other things."""
    start = time.process_time()
    with served(ClusterReview(Clusters(clusters_dir), decisions_file, "ch")) as address:
        page = browser.new_page()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(address)
        page.wait_for_selector(".item.current")
        metrics = session.send("Performance.getMetrics")["metrics"]
    seconds = {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]
    print(seconds, time.process_time() - start)
    assert 0 < seconds < 1 and time.process_time() - start < 1


def shown(page):
    """{cluster: decision} of those that the page says are stored."""
    verdicts = {}
    for number, text in enumerate(page.locator(".item .verdict").all_inner_texts()):
        if text and "storing" not in text:
            verdicts[str(number)] = text.split()[1].lower()
    return verdicts


def test_burst_of_decisions_survives_a_killed_server(
    browser, clusters_dir, decisions_file
):
    settings = {"clusters_dir": clusters_dir, "decisions": decisions_file}
    with serving("filtering.review", settings) as server:
        page, faults = open_page(browser, server.address)
        for number in range(100):
            page.keyboard.press("kd"[number % 2])
        assert faults == []
        while len(stored(decisions_file, clusters_dir)["cluster"]) < 40:
            time.sleep(0.01)
        server.stop(signal.SIGKILL)
        page.keyboard.press("k")  # Of a slow test all others may be stored by now.
        page.wait_for_selector("#fault:not([hidden])")
        page.wait_for_selector(".item.storing", state="detached")
        told = shown(page)
    on_disk = stored(decisions_file, clusters_dir)["cluster"]
    assert told.items() <= on_disk.items()
    assert 30 < len(told) <= len(on_disk) <= 100
    again = ClusterReview(Clusters(clusters_dir), decisions_file, "ch")
    with served(again) as address:
        page, faults = open_page(browser, address)
        assert shown(page) == on_disk
        first_open = next(n for n in range(200) if str(n) not in on_disk)
        assert page.inner_text("#current") == f"Cluster {first_open}"
        page.keyboard.press("k")
        expect_count(page, len(on_disk) + 1)
        page.reload()
        expect_count(page, len(on_disk) + 1)
        assert faults == []


def expect_count(page, decided):
    from playwright.sync_api import expect

    expect(page.locator("#count")).to_have_text(f"{decided} of 200 decided")
    expect(page.locator(".item.storing")).to_have_count(0)


def test_decision_counts_once_it_is_stored(browser, clusters_dir, decisions_file):
    from playwright.sync_api import expect

    with served(ClusterReview(Clusters(clusters_dir), decisions_file, "ch")) as address:
        page, faults = open_page(browser, address)
        with held_back(page, "**/decisions") as release:
            page.keyboard.press("k")
            expect(page.locator(".item.storing")).to_have_count(1)
            assert page.inner_text("#count") == "0 of 200 decided"
            release()
            expect_count(page, 1)
        assert stored(decisions_file, clusters_dir)["cluster"] == {"0": "keep"}
        assert faults == []


def test_keys_taps_single_images_undo_and_filter(browser, clusters_dir, decisions_file):
    from playwright.sync_api import expect

    screen = {"width": 820, "height": 1180}
    with (
        browser.new_context(viewport=screen, has_touch=True) as tablet,
        served(ClusterReview(Clusters(clusters_dir), decisions_file, "ch")) as address,
    ):
        page, faults = open_page(tablet, address)
        current = page.locator("#current")
        for button in page.locator("button:visible").all():
            assert button.bounding_box()["height"] >= 44
        page.keyboard.press("D")  # Either case will do.
        page.keyboard.press("k")
        expect(current).to_have_text("Cluster 2")
        page.tap("#discard")
        expect_count(page, 3)
        page.keyboard.press("u")
        expect_count(page, 2)
        expect(current).to_have_text("Cluster 2")
        on_disk = stored(decisions_file, clusters_dir)["cluster"]
        assert on_disk == {"0": "discard", "1": "keep"}

        page.keyboard.press("f")  # Undecided ones alone.
        expect(page.locator(".item:visible")).to_have_count(NUM_CLUSTERS - 2)
        page.keyboard.press("f")
        expect(page.locator(".item:visible")).to_have_count(2)
        page.keyboard.press("f")

        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("o")
        expect(page.locator(".item")).to_have_count(PER_CLUSTER)
        titles = page.locator(".item h2").all_inner_texts()
        assert any(clustered.HOSTILE in title for title in titles)
        page.keyboard.press("k")
        page.keyboard.press("ArrowRight")
        page.tap("#keep")
        page.locator(".item").nth(2).tap()
        page.keyboard.press("k")
        expect(page.locator(".item.first")).to_have_count(3)
        expect(page.locator(".item.second.inherited")).to_have_count(1)
        expect(page.locator(".item.storing")).to_have_count(0)
        page.keyboard.press("u")
        page.keyboard.press("Escape")
        expect(current).to_have_text("Cluster 0")
        verdict = page.locator(".item.current .verdict")
        expect(verdict).to_have_text("✕ Discard (2 images: keep)")
        assert (
            list(stored(decisions_file, clusters_dir)["image"].values()) == ["keep"] * 2
        )
        page.reload()
        expect(page.locator(".item .verdict").first).to_have_text(
            "✕ Discard (2 images: keep)"
        )
        assert faults == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, flag_defaults):
    """A function that runs `dataset.prepare` on four heads; gives the folder."""
    root = tmp_path_factory.mktemp("prepared")
    for number in range(4):
        heads.write_case(root / "brats", f"case_{number}", phase=number)
    defaults = flag_defaults(dataset_flags.define_prepare)
    small = {"image_size": 30, "split": ["2", "1", "1"], "num_workers": 1}
    small |= {"keep_borderline": True}

    def run(name, **settings):
        folders = {"brats_dir": str(root / "brats"), "output_dir": str(root / name)}
        prepare.main({**defaults, **small, **folders, **settings})
        return str(root / name)

    return run


@pytest.fixture(scope="module")
def prepared_dir(prepared):
    return prepared("first")


def test_verdicts_on_slices_are_what_prepare_reads(
    prepared, prepared_dir, open_client, decisions_file, tmp_path
):
    table = str(tmp_path / "verdicts.csv")
    client = open_client(SliceReview(prepared_dir, decisions_file, table, "Dr. A"))
    items = get(client, "/state").json["items"]
    records = list(ShardSet(f"{prepared_dir}/borderline").records())
    assert [item["key"] for item in items] == [record.id for record in records]
    content = np.frombuffer(get(client, items[1]["picture"]).data, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, records[1].image)
    for path in (f"/images/{len(items)}.png", "/reference.png", "/members/0"):
        assert get(client, path).status_code == 404
    assert decide(client, "slice", items[0]["key"], "keep").status_code == 400
    assert decide(client, "slice", "brats/other/001", "tumor").status_code == 404
    assert decide(client, "image", items[0]["key"], "tumor").status_code == 404
    verdicts = ["tumor", "non_tumor", "excluded"]
    for item, verdict in zip(items, verdicts):
        assert decide(client, "slice", item["key"], verdict).status_code == 200
    decide(client, "slice", items[3]["key"], "tumor")
    decide(client, "slice", items[3]["key"], None)
    rows = pd.read_csv(table)
    assert rows.verdict.tolist() == verdicts
    assert rows.reason[0] == "reviewed by Dr. A: tumor"
    current, _ = read_decisions(
        decisions_file, "slices", file_sha256(f"{prepared_dir}/slices.csv")
    )
    assert [current.of("slice", item["key"]) for item in items[:3]] == verdicts
    assert len(current.current["slice"]) == 3

    again = prepared("second", exclude_csv=table)
    ids = {
        verdict: {
            record.id
            for split in ("train", "validation", "test")
            for record in ShardSet(f"{again}/{split}/{verdict}").records()
        }
        for verdict in ("tumor", "non_tumor")
    }
    assert items[0]["key"] in ids["tumor"] and items[1]["key"] in ids["non_tumor"]
    left = {record.id for record in ShardSet(f"{again}/borderline").records()}
    assert left == {item["key"] for item in items[3:]}


def test_verdicts_on_slices_are_given_by_keyboard(
    browser, prepared_dir, decisions_file, tmp_path
):
    from playwright.sync_api import expect

    table = tmp_path / "verdicts.csv"
    reviewed = SliceReview(prepared_dir, decisions_file, str(table), "ch")
    with served(reviewed) as address:
        page = browser.new_page()
        faults = listen(page)
        page.goto(address)
        page.wait_for_selector(".item.current")
        for key in "tnx":
            page.keyboard.press(key)
        expect(page.locator(".item.third .verdict")).to_have_text("✕ Leave out")
        page.keyboard.press("u")
        expect(page.locator("#count")).to_contain_text("2 of ")
        expect(page.locator(".item.storing")).to_have_count(0)
        assert faults == []
    assert pd.read_csv(table).verdict.tolist() == ["tumor", "non_tumor"]


def test_review_ends_with_what_was_decided_and_where(
    prepared_dir, clusters_dir, flag_defaults, tmp_path, monkeypatch, capsys
):
    settings = flag_defaults(filtering_flags.define_review)
    monkeypatch.setattr(review.server, "serve", lambda *args: print(*args[1:]))
    for flags, things in (
        ({"clusters_dir": clusters_dir}, "clusters"),
        ({"prepared_dir": prepared_dir, "verdicts_csv": "v.csv"}, "slices"),
    ):
        monkeypatch.chdir(tmp_path)
        decisions = f"new/{things}.jsonl"
        review.show_review(**{**settings, **flags, "decisions": decisions})
        printed = capsys.readouterr().out
        assert things in printed and decisions in printed
    assert "--exclude_csv=v.csv" in printed


def test_prepared_folder_without_borderline_slices_is_refused(
    prepared_dir, decisions_file, tmp_path
):
    def refused(name):
        with pytest.raises(UserError, match=f"{tmp_path}.*{name}"):
            SliceReview(str(tmp_path), decisions_file, str(tmp_path / "v.csv"), "ch")

    refused("slices.csv")
    shutil.copy(f"{prepared_dir}/slices.csv", tmp_path)
    refused("borderline")
    shutil.copytree(f"{prepared_dir}/borderline", tmp_path / "borderline")
    with open(tmp_path / "slices.csv") as file:
        header = file.readline()
    (tmp_path / "slices.csv").write_text(header)
    refused("slices.csv.*borderline")
