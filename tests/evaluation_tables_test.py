"""Tables and documents as Markdown, CSV and HTML."""

import importlib

import pytest
from refusals import refused

from evaluation.tables import Heading, Table, Text, to_markdown
from flags import binary

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


@pytest.mark.parametrize(
    "program, flag, file",
    [
        ("evaluation.table", "output_dir", "table.json"),
        ("evaluation.learning_curve", "output_dir", "learning_curve.json"),
        ("evaluation.select", "output_json", "selection.json"),
        ("evaluation.quality", "output_dir", "quality.json"),
        ("evaluation.tsne", "output_dir", "tsne.json"),
        ("evaluation.turing_table", "output_dir", "turing.json"),
        ("evaluation.report", "output_html", "report.html"),
    ],
)
def test_results_are_replaced_on_demand_alone(tmp_path, program, flag, file):
    (tmp_path / file).touch()
    path = tmp_path if flag == "output_dir" else tmp_path / file
    settings = binary.parse(program, [f"--{flag}={path}"], complete=False)
    main = importlib.import_module(program).main
    with refused(f"--{flag}={path}: ", tmp_path / file, "--overwrite"):
        main(settings)
    with pytest.raises((TypeError, AttributeError)):  # It begins, without its inputs.
        main({**settings, "overwrite": True})
