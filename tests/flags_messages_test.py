"""What a terminal shows of an error is one line, whatever a file's content is."""

from flags.binary import _one_line


def test_control_characters_of_a_file_do_not_reach_the_terminal():
    assert _one_line("a.csv: label 'x\ny\x1b[2J', expected 1.") == (
        "a.csv: label 'x\\ny\\x1b[2J', expected 1."
    )
    assert _one_line("Größe: 3 μm") == "Größe: 3 μm"
