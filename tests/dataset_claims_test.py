"""A folder that a command was killed in at its very first write is its own."""

import pytest
from refusals import refused

from dataset import folders

BINARY = {"binary": "dataset.phantom", "settings": {"num_patients": 2}}


def claim(folder):
    return folders.claim_folder(
        str(folder), BINARY, final="done", is_own=lambda _: False
    )


@pytest.mark.parametrize("length", [0, 10, None])
def test_first_write_that_was_cut_short_is_begun_again(tmp_path, length):
    begun = folders.as_json(BINARY)[:length]
    (tmp_path / "unfinished.json.tmp").write_bytes(begun)
    assert not claim(tmp_path)
    assert folders.read_json(str(tmp_path / folders.JOB)) == BINARY
    assert [path.name for path in tmp_path.iterdir()] == [folders.JOB]


@pytest.mark.parametrize("name", ["unfinished.json.tmp", "thesis.txt"])
def test_file_of_somebody_else_is_not_taken_for_it(tmp_path, name):
    (tmp_path / name).write_text("Chapter 1")
    with refused("it holds other files"):
        claim(tmp_path)
    assert (tmp_path / name).read_text() == "Chapter 1"
