"""The journal: what it confirmed is there, and what it finds is right or refused."""

import os

import pytest

from dataset.errors import UserError
from pages import journal


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "answers.jsonl")


def write(path, *entries):
    book = journal.Journal(path)
    for entry in entries:
        book.append(entry)
    book.close()


def test_entries_come_back_in_order_with_their_time(path):
    write(path, {"n": 1}, {"n": 2, "name": "Zoë\n\x1b"})
    write(path, {"n": 3})
    entries = journal.read_entries(path)
    assert [entry["n"] for entry in entries] == [1, 2, 3]
    assert entries[1]["name"] == "Zoë\n\x1b"
    assert all(entry["time"].endswith("+00:00") for entry in entries)


def test_torn_last_line_is_dropped_and_written_over(path):
    write(path, {"n": 1})
    with open(path, "ab") as file:
        file.write(b'{"n": 2, "na')
    assert [entry["n"] for entry in journal.read_entries(path)] == [1]
    write(path, {"n": 3})
    assert [entry["n"] for entry in journal.read_entries(path)] == [1, 3]


@pytest.mark.parametrize("line", [b"{]", b"[1]", b"\xff"])
def test_damaged_line_is_named(path, line):
    write(path, {"n": 1})
    with open(path, "ab") as file:
        file.write(line + b"\n")
    with pytest.raises(UserError, match=f"{path}, line 2: no JSON object"):
        journal.Journal(path)


def test_second_writer_is_refused_until_the_first_ends(path):
    book = journal.Journal(path)
    with pytest.raises(UserError, match=f"{path}: another program has it open"):
        journal.Journal(path)
    book.close()
    journal.Journal(path).close()


def test_entry_is_on_disk_before_it_is_confirmed(path, monkeypatch):
    book = journal.Journal(path)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    book.append({"n": 1})
    assert synced == [os.path.getsize(path)] and synced[0] > 0


def test_full_disk_is_an_error_and_leaves_the_journal_whole(path, monkeypatch):
    book = journal.Journal(path)
    book.append({"n": 1})

    def full(file):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="cannot be written: No space left"):
            book.append({"n": 2})
    book.append({"n": 3})
    book.close()
    assert [entry["n"] for entry in journal.read_entries(path)] == [1, 3]


def test_unwritable_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="missing/a.jsonl: cannot be written"):
        journal.Journal(str(tmp_path / "missing" / "a.jsonl"))
