"""Tables and documents as Markdown, CSV and HTML."""

import pytest

from dataset.errors import UserError
from dataset.folders import check_new
from evaluation.tables import Heading, Table, Text, to_markdown

TABLE = Table(
    ["", "a|b", "c"],
    [
        ["x|y", ("12.3", "± 1", "[10, 14]"), 7],
        ["<b>", "no result: none", None],
        ["z", 0.1 + 0.2, 1e-5],
    ],
)


def test_markdown_has_uncertainty_behind_values_and_no_cell_ends_early():
    first, rule, second, *_ = TABLE.to_markdown().splitlines()
    assert first == r"|  | a\|b | c |" and rule == "| --- | --- | --- |"
    assert second == r"| x\|y | 12.3 ± 1 [10, 14] | 7 |"


def test_csv_has_all_digits_and_nothing_for_none():
    values = Table(["a", "b"], [[0.1 + 0.2, None], ["x,y", 3], [1e-5, True]])
    assert values.to_csv() == ('a,b\n0.30000000000000004,\n"x,y",3\n1e-05,True\n')


def test_parts_of_a_document_are_apart_by_a_line():
    document = [Heading("h"), Table(["a"], [[1]]), Text("t")]
    assert to_markdown(document) == "## h\n\n| a |\n| --- |\n| 1 |\n\nt\n"


def test_results_are_replaced_on_demand_alone(tmp_path):
    path = str(tmp_path / "table.json")
    check_new(path, "--output_dir=out", overwrite=False)
    (tmp_path / "table.json").touch()
    check_new(path, "--output_dir=out", overwrite=True)
    with pytest.raises(UserError, match=f"^--output_dir=out: {path} .*--overwrite"):
        check_new(path, "--output_dir=out", overwrite=False)
