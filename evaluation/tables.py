"""Results as tables and short documents, written as Markdown, CSV and HTML.

A document is a list of `Heading`s, `Text`s and `Table`s. Each program builds its own
from its JSON file, for the Markdown beside that file and for the page of an experiment.
"""

import csv
import dataclasses
import io

import jinja2

HTML = jinja2.Environment(
    autoescape=True, trim_blocks=True, lstrip_blocks=True
).from_string(
    """\
{% macro cell(parts, tag) %}
<{{ tag }}>{% for text in parts %}
{% if not loop.first %}<small>{{ text }}</small>
{% elif text.startswith("no result") %}<span class="warning">{{ text }}</span>
{% else %}<span>{{ text }}</span>
{% endif %}
{% endfor %}</{{ tag }}>
{% endmacro %}
<div class="scroll"><table>
<thead>
<tr>
{% for name in columns %}
{{ cell([name], "th") }}
{% endfor %}
</tr>
</thead>
<tbody>
{% for row in rows %}
<tr>
{% for parts in row %}
{{ cell(parts, "td") }}
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>"""
)


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading within a document."""

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

    def to_markdown(self):
        """The table as Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        cells = [
            [" ".join(_texts(cell)).replace("|", r"\|") for cell in line]
            for line in lines
        ]
        return "".join("| " + " | ".join(line) + " |\n" for line in cells)

    def to_csv(self):
        """The table as CSV, numbers with all digits; None is an empty cell."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()

    def to_html(self):
        """The table as HTML; texts are escaped."""
        rows = [[_texts(cell) for cell in row] for row in self.rows]
        return HTML.render(columns=self.columns, rows=rows)


def _texts(cell):
    return cell if isinstance(cell, tuple) else (str(cell),)


def to_markdown(document):
    """A document as Markdown, an empty line between its parts."""
    return "\n".join(part.to_markdown() for part in document)
