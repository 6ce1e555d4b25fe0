"""The learning curve for readers: tables, sentences and a figure.

All take the content of `learning_curve.json`.
"""

from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from evaluation.bootstrap import MIN_PATIENTS
from evaluation.figures import COLOURS, draw
from evaluation.scores import RANKINGS
from evaluation.table_document import (
    difference_cell,
    explain_constant,
    sensitivity_name,
    value_cell,
)
from evaluation.tables import Heading, Table, Text

# With what a row of a point is compared: the baseline, trained on how many patients.
GAINS = {"of_as_many": "as many patients", "of_all": "all"}
MARKERS = "os^Dv<>"
DODGE = 1.03  # Between lines, so that their intervals do not hide each other.


def document(curve):
    """Everything that the curve says, with its notes."""
    parts = [Text(sentence(curve))]
    titles = names_of_rankings(curve)
    for metric, title in titles.items():
        parts += [Heading(title), _table(curve, lambda r, m=metric: _value(r, m))]
    baseline = curve["settings"]["baseline"]
    for kind, patients in GAINS.items():
        if not any(row[kind] for point in curve["points"] for row in point["rows"]):
            continue
        if kind == "of_all":
            patients = f"all {label(curve['points'][-1])} patients"
        for metric, title in titles.items():
            words = f"{title.replace('(%)', '(points)')}: gain over {baseline} of"
            cells = _table(curve, lambda r, k=kind, m=metric: _gain(r, k, m))
            parts += [Heading(f"{words} {patients}"), cells]
    return [*parts, Text(_notes(curve))]


def sentence(curve):
    """What is compared."""
    numbers = [label(point) for point in curve["points"]]
    folds = curve["num_folds"]
    of_folds = f", {folds} folds together" if folds > 1 else ""
    return (
        f"Detectors that learned from {', '.join(numbers[:-1])} and {numbers[-1]}"
        " training patients, with every augmentation made from the same patients"
        f" alone, are compared on the same {curve['num_patients']} test patients"
        f"{of_folds}."
    )


def label(point):
    """The number of training patients of a point; folds may differ by some."""
    ends = min(point["training_patients"]), max(point["training_patients"])
    return "-".join(map(str, dict.fromkeys(ends)))


def names_of_rankings(curve):
    sensitivity = f"Sensitivity {sensitivity_name(curve)} (%)"
    return dict(zip(RANKINGS, ("AUC", sensitivity)))


def _table(curve, cell):
    """A line per row, a column per point; `cell` makes a cell of a row of a point."""
    points = curve["points"]
    by_name = [{row["name"]: row for row in point["rows"]} for point in points]
    table = Table(["Trained on", *(f"{label(point)} patients" for point in points)])
    for name in dict.fromkeys(name for rows in by_name for name in rows):
        cells = [cell(rows[name]) if name in rows else "-" for rows in by_name]
        table.rows.append([name, *cells])
    return table


def _value(row, metric):
    return value_cell(row[metric], metric) if row[metric] else explain_constant(row)


def _gain(row, kind, metric):
    return difference_cell(row[kind][metric], metric) if row[kind] else "-"


def _notes(curve):
    settings = curve["settings"]
    text = (
        "In braces: 95 % bootstrap intervals over test patients"
        f" ({settings['num_bootstrap']} draws, seed {settings['seed']}, the same"
        " everywhere), for the detectors as trained. What other training patients would"
        " change is not in them: every point has one choice of patients, part of the"
        " next point's. Validation patients, by whom an epoch is chosen, are the same"
        " at every point, and not counted."
    )
    if curve["num_patients"] < MIN_PATIENTS:
        text += f" Nothing follows from fewer than {MIN_PATIENTS} test patients."
    return text


def draw_curves(curve):
    """A figure: a panel per initialisation and ranking, a line per row.

    Bars are the intervals over patients, dotted is the baseline of all patients.
    """
    rows = [row for point in curve["points"] for row in point["rows"]]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    mixes = list(dict.fromkeys(row["mix"] for row in rows))

    def paint(figure):
        panels = figure.subplots(len(groups), len(RANKINGS), squeeze=False)
        for group, line in zip(groups, panels):
            for panel, (metric, title) in zip(line, names_of_rankings(curve).items()):
                for number, mix in enumerate(mixes):
                    _paint_row(panel, curve, metric, (group, mix), number, len(mixes))
                _paint_axes(panel, curve)
                panel.set_title(f"{group}\n{title}".strip(), fontsize=9)
        for panel in panels[-1]:
            panel.set_xlabel("training patients")
        signs = [_style(number) | {"label": mix} for number, mix in enumerate(mixes)]
        grey = {"color": "#777777"}
        signs.append({**grey, "label": "95 %, patients", "alpha": 0.5, "linewidth": 3})
        baseline = f"{curve['settings']['baseline']}, all patients"
        signs.append({**grey, "label": baseline, "linestyle": ":"})
        handles = [Line2D([], [], **sign) for sign in signs]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=3, frameon=False
        )

    return draw(8, 0.9 + 3 * len(groups) + 0.2 * len(mixes) / 3, paint)


def _style(number):
    colours = list(COLOURS.values())
    return {
        "color": colours[number % len(colours)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.2,
        "linestyle": "-" if number < len(colours) else "--",
    }


def _positions(point):
    return sum(point["training_patients"]) / len(point["training_patients"])


def _paint_row(panel, curve, metric, name, number, total):
    """The line of a row, and its intervals."""
    shift = DODGE ** (number - (total - 1) / 2)
    scale = 1 if metric == "auc" else 100
    found = [
        (_positions(point) * shift, row[metric])
        for point in curve["points"]
        for row in point["rows"]
        if (row["group"], row["mix"]) == name and row[metric]
    ]
    style = _style(number)
    for x, values in found:
        if values["patients_low"] is not None:
            ends = [scale * values[f"patients_{end}"] for end in ("low", "high")]
            panel.vlines(x, *ends, color=style["color"], linewidth=3, alpha=0.3)
    positions = [x for x, _ in found]
    values = [scale * values["value"] for _, values in found]
    panel.plot(positions, values, **style)
    if name[1] == curve["settings"]["baseline"]:
        if _positions(curve["points"][-1]) * shift in positions:  # It has a result.
            panel.axhline(values[-1], color="#777777", linestyle=":", linewidth=1)


def _paint_axes(panel, curve):
    panel.set_xscale("log")
    ticks = {_positions(point): label(point) for point in curve["points"]}
    panel.set_xticks(list(ticks), list(ticks.values()))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
