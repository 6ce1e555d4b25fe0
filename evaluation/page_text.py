"""Tables that programs wrote as Markdown, taken apart to be shown on a page.

It reads what the programs of this project write, no other Markdown: headings, tables
and paragraphs.
"""

import dataclasses
import re

CELLS = re.compile(r"(?<!\\)\|")
UNCERTAINTY = re.compile(r"(\[[-+\d., ]+\]|\{[-+\d., ]+\}|± [\d.]+)")


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a text.

    Attributes:
      kind: `heading`, `table` or `text`.
      text: of a heading or a paragraph.
      rows: of a table, the header first; a cell is a list of (text, is small print).
    """

    kind: str
    text: str = ""
    rows: tuple = ()


def read_blocks(markdown):
    """The `Block`s of a text, in order."""
    blocks, rows = [], []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(read_row(line))
            continue
        if rows:
            blocks.append(Block("table", rows=(rows[0], *rows[2:])))
            rows = []
        if line.startswith("#"):
            blocks.append(Block("heading", line.lstrip("#").strip()))
        elif line.strip():
            blocks.append(Block("text", line.strip()))
    return blocks


def read_row(line):
    """The cells of a line `| a | b |`, each a list of (text, is small print)."""
    cells = CELLS.split(line.strip())[1:-1]
    return [split_uncertainty(cell.strip().replace(r"\|", "|")) for cell in cells]


def split_uncertainty(text):
    """`12.3 ± 1 [10, 14]` to the value and, as small print, `± 1` and `[10, 14]`."""
    parts = [part.strip() for part in UNCERTAINTY.split(text)]
    return [(part, bool(UNCERTAINTY.fullmatch(part))) for part in parts if part]


def text_cells(rows):
    """Rows of values as `Block.rows`."""
    return tuple([[(str(cell), False)] for cell in row] for row in rows)
