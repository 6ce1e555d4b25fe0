"""Decisions file: the last word counts, an image's before its cluster's."""

import json

import pytest

from dataset.errors import UserError
from dataset.folders import file_sha256
from filtering.decisions import DecisionJournal, read_decisions

SHA = "ab" * 32


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "decisions.jsonl")


def review(path, *decisions):
    journal = DecisionJournal(path, "clusters", SHA)
    for decision in decisions:
        journal.append(*decision, "ch")
    journal.close()


def read(path):
    decisions, digest = read_decisions(path, "clusters", SHA)
    assert digest == file_sha256(path)
    return decisions


def test_last_decision_counts_and_null_takes_it_back(path):
    review(
        path,
        ("cluster", "17", "discard"),
        ("cluster", "18", "discard"),
        ("cluster", "17", "keep"),
        ("cluster", "18", None),
    )
    assert read(path).of_image("a", 17) == "keep"
    assert read(path).of_image("a", 18) is None
    assert list(read(path).current["cluster"]) == ["17"]


def test_decision_about_an_image_precedes_that_about_its_cluster(path):
    review(
        path,
        ("image", "a", "keep"),
        ("cluster", "3", "discard"),
        ("image", "b", "keep"),
        ("image", "b", None),
    )
    verdicts = [read(path).of_image(image, 3) for image in "abc"]
    assert verdicts == ["keep", "discard", "discard"]


def test_file_is_as_documented(path):
    review(path, ("cluster", "0", "discard"))
    with open(path) as file:
        header, line = map(json.loads, file)
    assert header.pop("time") and line.pop("time").endswith("+00:00")
    assert header == {
        "decisions_version": 1,
        "source": "clusters",
        "source_sha256": SHA,
    }
    assert line == {
        "scope": "cluster",
        "key": "0",
        "decision": "discard",
        "reviewer": "ch",
    }


def test_review_continues_after_a_crash_in_the_middle_of_a_line(path):
    review(path, ("cluster", "0", "discard"))
    with open(path, "a") as file:
        file.write('{"scope": "cluster", "key": "1", "deci')
    assert list(read(path).current["cluster"]) == ["0"]
    review(path, ("cluster", "2", "keep"))
    assert list(read(path).current["cluster"]) == ["0", "2"]


@pytest.mark.parametrize(
    "source, digest, values",
    [("clusters", "cd" * 32, (SHA, "cd" * 32)), ("slices", SHA, ("clusters", "slice"))],
)
def test_decisions_about_something_else_are_refused(path, source, digest, values):
    review(path, ("cluster", "0", "discard"))
    for open_file in (read_decisions, DecisionJournal):
        with pytest.raises(UserError, match=f"{path}.*{values[0]}.*{values[1]}"):
            open_file(path, source, digest)


@pytest.mark.parametrize(
    "changes, values",
    [
        ({"decision": "drop"}, "decision .*drop.*keep.*discard"),
        ({"scope": "slice"}, "scope .*slice.*cluster.*image"),
        ({"key": 3}, "key .*3"),
        ({"note": "x"}, "note.*decision"),
    ],
)
def test_malformed_line_is_named_and_never_written(path, changes, values):
    line = {"scope": "cluster", "key": "0", "decision": "keep", "reviewer": "ch"}
    line |= changes
    if "note" not in changes:
        journal = DecisionJournal(path, "clusters", SHA)
        with pytest.raises(UserError, match=values):
            journal.append(**line)
        journal.close()
    review(path)
    assert not read(path).current["cluster"]
    with open(path, "a") as file:
        file.write(json.dumps({"time": "t", **line}) + "\n")
    with pytest.raises(UserError, match=f"{path}, line 2: .*{values}"):
        read(path)


def test_missing_and_empty_files_are_refused_by_name(path):
    with pytest.raises(UserError, match=path):
        read(path)
    open(path, "w").close()
    with pytest.raises(UserError, match=f"{path}.*decisions_version None"):
        read(path)


def test_second_writer_is_refused_until_the_first_ends(path):
    journal = DecisionJournal(path, "clusters", SHA)
    with pytest.raises(UserError, match=path):
        DecisionJournal(path, "clusters", SHA)
    journal.close()
    review(path)
