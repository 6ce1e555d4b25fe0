"""Decisions file: the last word counts, an image's before its cluster's."""

import json

import pytest

from dataset.shards import UserError, file_sha256
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
    return journal


def test_last_decision_counts_and_null_takes_it_back(path):
    review(
        path,
        ("cluster", "17", "discard"),
        ("cluster", "18", "discard"),
        ("cluster", "17", "keep"),
        ("cluster", "18", None),
    )
    decisions = read_decisions(path, "clusters", SHA)
    assert decisions.of_image("a", 17) == "keep"
    assert decisions.of_image("a", 18) is None


def test_decision_about_an_image_precedes_that_about_its_cluster(path):
    review(
        path,
        ("image", "a", "keep"),
        ("cluster", "3", "discard"),
        ("image", "b", "keep"),
        ("image", "b", None),
    )
    decisions = read_decisions(path, "clusters", SHA)
    verdicts = [decisions.of_image(image, 3) for image in "abc"]
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


def test_review_goes_on_where_it_was(path):
    review(path, ("cluster", "0", "discard"))
    journal = review(path, ("cluster", "1", "keep"))
    assert [decision.key for decision in journal.history] == ["0", "1"]
    current = read_decisions(path, "clusters", SHA).current["cluster"]
    assert list(current) == ["0", "1"]


def test_digest_is_that_of_the_file(path):
    review(path, ("cluster", "0", "discard"))
    assert read_decisions(path, "clusters", SHA).digest == file_sha256(path)


def test_what_a_crash_left_of_a_line_is_no_decision(path):
    review(path, ("cluster", "0", "discard"))
    with open(path, "a") as file:
        file.write('{"scope": "cluster", "key": "1", "deci')
    assert list(read_decisions(path, "clusters", SHA).current["cluster"]) == ["0"]
    review(path, ("cluster", "2", "keep"))
    assert list(read_decisions(path, "clusters", SHA).current["cluster"]) == ["0", "2"]


def test_decisions_about_other_clusters_are_refused(path):
    review(path, ("cluster", "0", "discard"))
    with pytest.raises(UserError, match="source_sha256 is 'abab.*wanted 'cdcd"):
        read_decisions(path, "clusters", "cd" * 32)
    with pytest.raises(UserError, match="source is 'clusters'.*wanted 'slices'"):
        DecisionJournal(path, "slices", SHA)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"decision": "drop"}, "line 2: decision is 'drop', wanted of 'keep'"),
        ({"scope": "slice"}, "line 2: scope is 'slice', wanted of 'cluster'"),
        ({"key": 3}, "line 2: key is 3, wanted text"),
        ({"note": "x"}, "line 2: has .*note; wanted decision, key"),
    ],
)
def test_wrong_line_is_named(path, changes, message):
    review(path)
    line = {"time": "t", "scope": "cluster", "key": "0", "decision": "keep"}
    with open(path, "a") as file:
        file.write(json.dumps({**line, "reviewer": "ch", **changes}) + "\n")
    with pytest.raises(UserError, match=message):
        read_decisions(path, "clusters", SHA)


def test_wrong_decision_is_not_written(path):
    journal = DecisionJournal(path, "clusters", SHA)
    with pytest.raises(UserError, match="decision is 'drop'"):
        journal.append("cluster", "0", "drop", "ch")
    journal.close()
    assert not read_decisions(path, "clusters", SHA).current["cluster"]


def test_missing_and_empty_files_are_refused_by_name(path):
    with pytest.raises(UserError, match="decisions.jsonl: cannot be read"):
        read_decisions(path, "clusters", SHA)
    open(path, "w").close()
    with pytest.raises(UserError, match="decisions_version is None"):
        read_decisions(path, "clusters", SHA)


def test_second_writer_is_refused(path):
    journal = DecisionJournal(path, "clusters", SHA)
    with pytest.raises(UserError, match="another program has it open"):
        DecisionJournal(path, "clusters", SHA)
    journal.close()
