"""Results as tables and short documents, written as Markdown, CSV and HTML.

A document is a list of `Heading`s, `Text`s and `Table`s. It is made of the content of a
JSON file of results, for the Markdown beside that file and the page of an experiment,
which has `Picture`s and `Gallery`s, too. The HTML is that of `templates/report.html`.
"""

import csv
import dataclasses
import io

from dataset.folders import write_json, write_text


@dataclasses.dataclass(frozen=True)
class Heading:
    text: str
    kind = "heading"

    def to_markdown(self):
        return f"## {self.text}\n"


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; `kind` is `verbatim` if its line breaks and spaces matter."""

    text: str
    kind: str = "text"

    def to_markdown(self):
        return f"{self.text}\n"


@dataclasses.dataclass
class Table:
    """A table.

    Attributes:
      columns: list of names.
      rows: list of lists of cells. A cell is a value or, for readers, a tuple of texts:
        the value and its uncertainty, which HTML shows in small print.
    """

    columns: list
    rows: list = dataclasses.field(default_factory=list)
    kind = "table"

    def texts(self):
        """The rows, each cell a tuple of texts."""
        return [
            [cell if isinstance(cell, tuple) else (str(cell),) for cell in row]
            for row in self.rows
        ]

    def to_markdown(self):
        rows = [[" ".join(cell) for cell in row] for row in self.texts()]
        lines = [self.columns, ["---"] * len(self.columns), *rows]
        cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
        return "".join("| " + " | ".join(line) + " |\n" for line in cells)

    def to_csv(self):
        """The table as CSV, numbers with all digits; None is an empty cell."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture with its caption: a PNG file by its path, or the bytes of an SVG."""

    caption: str
    path: str = ""
    svg: bytes = b""
    kind = "picture"


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Pictures side by side; `large` ones are at most two in a row."""

    pictures: list
    large: bool = False
    kind = "gallery"


def to_markdown(document):
    """A document as Markdown, an empty line between its parts."""
    return "\n".join(part.to_markdown() for part in document)


def write_results(path, content, document, table):
    """Writes the files of a result, of which the JSON file, the last, completes it.

    Args:
      path: of the files, without `.md`, `.csv` and `.json`.
      content: of the JSON file.
      document: function that makes a document of the content.
      table: the `Table` for programs, as CSV.

    Returns:
      The document as Markdown.
    """
    markdown = to_markdown(document(content))
    write_text(path + ".md", markdown)
    write_text(path + ".csv", table.to_csv())
    write_json(path + ".json", content)
    return markdown
