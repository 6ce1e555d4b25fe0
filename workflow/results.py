"""What the terminal shows of an experiment's results."""

import json
import os
import sys

from rich import console as rich_console
from rich import markdown

PHANTOM = "phantom"  # In place of a folder of cases: artificial ones.


def show(output_dir):
    """Prints the table, what it says, and where everything else is."""
    # With them comes TensorFlow: some seconds that a start does not have to take.
    from evaluation import table_document
    from evaluation.experiment import is_artificial
    from evaluation.tables import to_markdown

    with open(os.path.join(output_dir, "table/table.json")) as file:
        table = json.load(file)
    scores = to_markdown(table_document.scores(table))
    print()
    if sys.stdout.isatty():
        rich_console.Console(highlight=False).print(markdown.Markdown(scores))
    else:
        print(scores)
    print("".join(part.to_markdown() for part in table_document.findings(table)))
    if is_artificial(output_dir):
        print("The cases are artificial: this shows how it works, not how well.")
    print(f"Differences and tests: {os.path.join(output_dir, 'table/table.md')}")
    print(f"All of it on one page: {os.path.join(output_dir, 'report.html')}")
