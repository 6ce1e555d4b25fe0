"""The figures of the table: intervals of every row, and ROC curves."""

import numpy as np
from matplotlib.lines import Line2D
from sklearn.metrics import roc_curve

from evaluation.figures import COLOURS, LINE_COLOURS, draw, draw_panels
from evaluation.paper import printed_values
from evaluation.scores import METRICS
from evaluation.table_document import sensitivity_name

INTERVALS = ("auc", "sensitivity_at_specificity", "sensitivity", "specificity")


def draw_intervals(table):
    """A figure of AUC, sensitivities and specificity of `table.json`'s rows.

    Thick is the interval over patients, thin the Wilson interval, a stroke is a run; a
    diamond is the printed value of the paper, if asked for.
    """
    mixes = list(dict.fromkeys(row["mix"] for row in table["rows"]))
    groups = list(dict.fromkeys(row["group"] for row in table["rows"]))
    height = 1.3 + 0.16 * len(mixes) * (1 + len(groups))
    titles = {
        "auc": "AUC",
        "sensitivity_at_specificity": f"Sensitivity\n{sensitivity_name(table)}",
    }

    def paint(figure):
        panels = figure.subplots(1, len(INTERVALS), sharey=True, squeeze=False)[0]
        for panel, metric in zip(panels, INTERVALS):
            for row in table["rows"]:
                group = groups.index(row["group"])
                shift = 0.5 * (group - (len(groups) - 1) / 2) / len(groups)
                y = mixes.index(row["mix"]) + shift
                _paint_row(panel, row, metric, y, LINE_COLOURS[group % 4])
                _paint_paper(panel, table["paper"], row, metric, y)
            panel.set_title(titles.get(metric, metric.capitalize()), fontsize=9)
            panel.set_xlabel("" if metric == "auc" else "%")
            panel.grid(axis="x", color="#dddddd", linewidth=0.6)
            panel.set_axisbelow(True)
        panels[0].set_yticks(range(len(mixes)), mixes)
        panels[0].set_ylim(len(mixes) - 0.4, -0.6)
        _paint_key(figure, table, groups)

    return draw(9.6, height, paint)


def _paint_row(panel, row, metric, y, colour):
    values = row[metric]
    if values is None:
        panel.text(0.01, y, "no result", transform=panel.get_yaxis_transform())
        return
    scale = 1 if metric == "auc" else 100
    if values["patients_low"] is not None:
        ends = scale * values["patients_low"], scale * values["patients_high"]
        panel.hlines(y, *ends, color=colour, linewidth=4, alpha=0.35)
    if "low" in values:
        ends = scale * values["low"], scale * values["high"]
        panel.hlines(y, *ends, color=colour, linewidth=1)
    panel.plot(scale * values["value"], y, "o", color=colour, markersize=5)
    if len(values["runs"]) > 1:
        runs = scale * np.array(values["runs"])
        panel.plot(runs, np.full(len(runs), y), "|", color=COLOURS["black"])


def _paint_paper(panel, paper, row, metric, y):
    if metric not in METRICS:
        return
    for name, printed in printed_values(paper, row["group"], row["mix"]).items():
        face = COLOURS["black"] if name == "imagenet" else "white"
        panel.plot(
            100 * printed[metric], y, "D", color="black", markerfacecolor=face, ms=3.5
        )


def _paint_key(figure, table, groups):
    """What signs mean, below the panels: words for signs that are in the figure."""
    signs = [
        {"label": group, "color": LINE_COLOURS[n % 4], "marker": "o"}
        for n, group in enumerate(groups)
        if group
    ]
    interval = {"color": "#555555", "linewidth": 4, "alpha": 0.35}
    signs.append({"label": "95 %, patients", **interval})
    interval = {"color": "#555555", "linewidth": 1}
    signs.append({"label": "95 %, images (Wilson)", **interval})
    point = {"color": "black", "linestyle": ""}
    if any(row["num_runs"] > 1 for row in table["rows"]):
        signs.append({"label": "run", "marker": "|", **point})
    if table["paper"]:
        diamond = {"marker": "D", "ms": 3.5, **point}
        signs.append({"label": "paper, ImageNet", "mfc": "black", **diamond})
        signs.append({"label": "paper, scratch", "mfc": "white", **diamond})
    handles = [Line2D([], [], **sign) for sign in signs]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)


def draw_roc_curves(rows, table):
    """A figure of ROC curves, a panel per row, a line per run, grey the baseline's.

    The curve of several folds is their vertical average, by their numbers of tumor
    images, so that its height at --at_specificity, a dot, is the number in the table.
    """
    by_name = {row.name: row for row in rows}
    against = {
        c["row"]: c["against"] for c in table["comparisons"] if c["kind"] == "baseline"
    }

    def paint_curves(panel, name, colour):
        for run in by_name[name].runs:
            panel.plot(*average_roc_curve(run), color=colour, linewidth=1.2)

    def paint(figure, panels):
        for panel, row in zip(panels, table["rows"]):
            name = row["name"]
            panel.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
            if name in against:
                paint_curves(panel, against[name], "#999999")
            paint_curves(panel, name, COLOURS["blue"])
            if row["auc"]:
                height = row["sensitivity_at_specificity"]["value"]
                x = 1 - table["settings"]["at_specificity"]
                panel.plot(x, height, "o", color=COLOURS["vermilion"], markersize=3)
            area = f"AUC {row['auc']['value']:.3f}" if row["auc"] else "no result"
            panel.set_title(row["mix"], fontsize=7)
            words = f"{row['group']}\n{area}".strip()
            panel.text(0.97, 0.06, words, ha="right", fontsize=7)
            panel.set_aspect("equal")
            panel.set_xticks([0, 0.5, 1])
            panel.set_yticks([0, 0.5, 1])
        key = "; grey: the row that it is compared with" if against else ""
        dot = f"dot: {sensitivity_name(table)}"
        figure.supxlabel(f"1 - specificity ({dot}{key})", fontsize=9)
        figure.supylabel("sensitivity", fontsize=9)

    more = {"least": 2.6, "margin": 0.4, "sharex": True, "sharey": True}
    return draw_panels(by_name, 1.8, 2.1, paint, **more)


def average_roc_curve(run):
    """The vertical average of the ROC curves of a `Run`'s folds.

    Returns:
      False and true positive rates of its points, two float64 arrays.
    """
    curves = [roc_curve(fold.labels, fold.probabilities)[:2] for fold in run.folds]
    if len(curves) == 1:
        return curves[0]
    tumor = [np.count_nonzero(fold.labels == 1) for fold in run.folds]
    steps = np.unique(np.concatenate([x for x, _ in curves]))
    # `interp` gives the upper end of a vertical part, mirrored the lower one.
    upper = [np.interp(steps, x, y) for x, y in curves]
    lower = [np.interp(-steps, -x[::-1], y[::-1]) for x, y in curves]
    ends = [np.average(end, axis=0, weights=tumor) for end in (lower, upper)]
    return np.repeat(steps, 2), np.stack(ends, axis=1).ravel()
