"""What the terminal shows of an experiment's results."""

import json

from workflow import results


def row(mix, group, label):
    """A row without numbers: its one detector calls every image the same."""
    known = {"group": group, "mix": mix, "control_of": [], "num_runs": 1}
    return {**known, "constant_runs": [label]}


def test_rows_of_every_part_are_shown_what_they_say_and_where_the_report_is(
    tmp_path, capsys
):
    table = {
        "rows": [row("real", "scratch", "tumor"), row("real", "imagenet", "non_tumor")],
        "settings": {"at_specificity": 0.9},
        "resolution": {"text": "It is small."},
        "conclusion": "None is better.",
    }
    (tmp_path / "table").mkdir()
    (tmp_path / "table/table.json").write_text(json.dumps(table))
    results.show(tmp_path)
    text = capsys.readouterr().out
    scratch, imagenet = text.partition("## scratch\n")[2].split("## imagenet\n")
    assert "| real | 1 | no result: calls every image tumor |" in scratch
    assert "| real | 1 | no result: calls every image non-tumor |" in imagenet
    assert "It is small.\nNone is better.\n" in text and "artificial" not in text
    assert text.endswith(f"All of it on one page: {tmp_path}/report.html\n")
