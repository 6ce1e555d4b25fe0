"""What the terminal shows of an experiment's results."""

import json

from workflow import results

TABLE = """\
With its 6 patients ...

## scratch

| Trained on | AUC |
| --- | --- |
| real | 0.8 |

## imagenet

| Trained on | AUC |
| --- | --- |
| real | 0.9 |

## Differences

| Row | Against | AUC |
| --- | --- | --- |
| scratch/real | imagenet/real | -0.1 |

A note.
"""


def test_rows_of_every_initialisation_are_shown_and_no_comparison():
    assert results.scores(TABLE) == (
        "## scratch\n\n| Trained on | AUC |\n| --- | --- |\n| real | 0.8 |\n\n"
        "## imagenet\n\n| Trained on | AUC |\n| --- | --- |\n| real | 0.9 |\n"
    )
    assert results.scores(TABLE.replace("## scratch\n", "")).startswith("| Trained")


def test_table_is_shown_with_what_it_says_and_where_the_report_is(tmp_path, capsys):
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "table.md").write_text(TABLE)
    (folder / "table.json").write_text("{}")
    results.show(tmp_path)
    report = f"All of it on one page: {tmp_path}/report.html\n"
    text = capsys.readouterr().out
    assert "| real | 0.9 |" in text and "A note" not in text and "None" not in text
    assert "artificial" not in text and text.endswith(report)
    said = {"resolution": {"text": "It is small."}, "conclusion": "None is better."}
    (folder / "table.json").write_text(json.dumps(said))
    results.show(tmp_path)
    assert "\nIt is small.\nNone is better.\n" in capsys.readouterr().out


def test_artificial_cases_are_said_to_be_so_in_folds_too(tmp_path):
    assert not results.is_artificial(tmp_path)
    for name in ("real", "fold-1/real"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        path = folder / "report.json"
        path.write_text('{"settings": {"brats_dir": "cases"}}')
        assert not results.is_artificial(tmp_path)
        path.write_text('{"settings": {"brats_dir": "phantom"}}')
        assert results.is_artificial(tmp_path)
        path.unlink()
