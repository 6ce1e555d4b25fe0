"""What the terminal shows of an experiment's results."""

import glob
import json
import os
import re
import sys

from rich import console as rich_console
from rich import markdown

PHANTOM = "phantom"  # In place of a folder of cases: artificial ones.


def show(output_dir):
    """Prints the table, what it says, and where everything else is."""
    path = os.path.join(output_dir, "table/table.md")
    with open(path) as file:
        table = scores(file.read())
    print()
    if sys.stdout.isatty():
        console = rich_console.Console(highlight=False)
        console.print(markdown.Markdown(table))
    else:
        print(table)
    with open(os.path.join(output_dir, "table/table.json")) as file:
        print("\n".join([*sentences(json.load(file)), ""]))
    if is_artificial(output_dir):
        print("The cases are artificial: this shows how it works, not how well.")
    print(f"Differences and tests: {path}")
    print(f"All of it on one page: {os.path.join(output_dir, 'report.html')}")


def scores(text):
    """The rows of the table, without what follows: how they compare with each other.

    Args:
      text: of `table.md`. There is a table for each initialisation, below a heading if
        there are several, all with the same header.

    Returns:
      Their lines.
    """
    header, parts = [], []
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        heading = re.findall(r"^## .+\n", part)
        rows = re.findall(r"^\|.+\n?", part, re.MULTILINE)
        header = header or rows[:1]
        if rows and rows[:1] == header:
            parts.append("\n".join([*heading, "".join(rows)]))
    return "\n".join(parts)


def sentences(table):
    """What `table.json` itself says in words, if it does: two sentences."""
    said = (table.get("resolution"), table.get("conclusion"))
    texts = [words["text"] if isinstance(words, dict) else words for words in said]
    return [text for text in texts if text]


def is_artificial(output_dir):
    """Whether the slices are those of artificial cases."""
    patterns = ("real/report.json", "*/real/report.json")  # Of every fold.
    for path in sum((glob.glob(os.path.join(output_dir, p)) for p in patterns), []):
        with open(path) as file:
            if json.load(file).get("settings", {}).get("brats_dir") == PHANTOM:
                return True
    return False
