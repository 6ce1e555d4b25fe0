"""The table of results as text: Markdown for people, CSV for programs.

Every function takes the content of `table.json`, from `evaluation.table.make_table`.
"""

import csv
import io

from evaluation.paper import INITIALISATIONS, printed_values
from evaluation.statistics import METRICS

# Even if all of five patients agree, a two-sided sign test over them has p = 0.06.
MIN_PATIENTS = 6
NONE = "-"


def to_markdown(table):
    """Everything that the table says, with its notes."""
    text = ""
    for group in dict.fromkeys(row["group"] for row in table["rows"]):
        text += f"## {group}\n\n" if group else ""
        text += _scores([row for row in table["rows"] if row["group"] == group])
        text += "\n"
    for metric in METRICS if table["comparisons"] else ():
        text += f"## {metric.capitalize()}: tests\n\n"
        text += _tests(table["comparisons"], metric) + "\n"
    if table["paper"]:
        text += f"## {table['paper']['title']}\n\n" + _beside_paper(table) + "\n"
    return text + _notes(table)


def markdown_table(rows):
    """Rows of cells, the first of them the header, as a Markdown table."""
    cells = [[str(cell).replace("|", r"\|") for cell in row] for row in rows]
    cells.insert(1, ["---"] * len(cells[0]))
    return "".join("| " + " | ".join(row) + " |\n" for row in cells)


def _scores(rows):
    lines = [["Trained on", "Runs", *(f"{m.capitalize()} (%)" for m in METRICS), "AUC"]]
    for row in rows:
        name = row["mix"]
        if row["control_of"]:
            of = ", ".join(name.rpartition("/")[2] for name in row["control_of"])
            name += f" (control of {of})"
        if row["constant_runs"]:
            cells = [explain_constant(row), *[NONE] * len(METRICS)]
        else:
            cells = [percent_cell(row[metric]) for metric in METRICS]
            cells.append(area_cell(row["auc"]))
        lines.append([name, row["num_runs"], *cells])
    return markdown_table(lines)


def percent_cell(metric):
    """`81.20 ± 0.50 [78.10, 84.00] {75.00, 86.20}`."""
    spread = "" if metric["sd"] is None else f" ± {100 * metric['sd']:.2f}"
    low, high = 100 * metric["low"], 100 * metric["high"]
    over_patients = _over_patients(metric, 100, ".2f")
    return f"{100 * metric['value']:.2f}{spread} [{low:.2f}, {high:.2f}]{over_patients}"


def area_cell(auc):
    """`0.904 ± 0.010 {0.850, 0.950}`."""
    spread = "" if auc["sd"] is None else f" ± {auc['sd']:.3f}"
    return f"{auc['value']:.3f}{spread}{_over_patients(auc, 1, '.3f')}"


def _over_patients(values, scale, form):
    low, high = values["patients_low"], values["patients_high"]
    if low is None:
        return ""
    return f" {{{scale * low:{form}}, {scale * high:{form}}}}"


def explain_constant(row):
    """Why a row has no numbers."""
    constant = row["constant_runs"]
    which = (
        "" if row["num_runs"] == 1 else f"{len(constant)} of {row['num_runs']} runs "
    )
    labels = " or ".join(sorted(set(constant))).replace("_", "-")
    return f"no result: {which}calls every image {labels}"


def _tests(comparisons, metric):
    header = ["Row", "Against", "Difference (points)"]
    lines = [[*header, "Better / worse on", "p", "p, Holm"]]
    for comparison in comparisons:
        values = comparison[metric]
        difference = f"{100 * values['difference']:+.2f}"
        against = comparison["against"]
        against += " (control)" if comparison["kind"] == "control" else ""
        lines.append(
            [
                comparison["row"],
                against,
                difference + _over_patients(values, 100, "+.2f"),
                f"{values['better']} / {values['worse']} images",
                format_p(values["p_value"]),
                format_p(values["p_holm"]),
            ]
        )
    return markdown_table(lines)


def format_p(value):
    """A p-value as printed."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _beside_paper(table):
    header = [f"{m.capitalize()} (%){end}" for m in METRICS for end in ("", ", paper")]
    lines = [["Trained on", *header]]
    seen = {row["mix"] for row in table["rows"]}
    for row in table["rows"]:
        printed = printed_values(table["paper"], row["group"], row["mix"])
        cells = []
        for metric in METRICS:
            own = row[metric]
            cells.append(f"{100 * own['value']:.2f}" if own else NONE)
            cells.append(_printed(printed, metric))
        lines.append([row["name"], *cells])
    for row in table["paper"]["rows"]:
        if row["mix"] not in seen:
            printed = printed_values(table["paper"], "", row["mix"])
            cells = [cell for m in METRICS for cell in (NONE, _printed(printed, m))]
            lines.append([f"{row['mix']}, not run", *cells])
    return markdown_table(lines) + "\n" + _like_with_like(table["paper"])


def _printed(printed, metric):
    """`93.26 (86.38)` as the paper does, or the one that belongs to the row."""
    values = [
        f"{100 * printed[name][metric]:.2f}"
        for name in INITIALISATIONS
        if name in printed
    ]
    return f"{values[0]} ({values[1]})" if len(values) == 2 else "".join(values) or NONE


def _like_with_like(paper):
    values = {row["mix"]: row for row in paper["rows"]}
    classic, best = values["real+classic"], values["real+classic+unit"]
    pairs = [
        (name, f"{100 * classic[a]['sensitivity']:.2f}", 100 * best[b]["sensitivity"])
        for name, a, b in (
            ("across initialisations, in its abstract,", "imagenet", "scratch"),
            ("pre-trained on ImageNet", "imagenet", "imagenet"),
            ("from scratch", "scratch", "scratch"),
        )
    ]
    gains = "; ".join(f"{name} {old} to {new:.2f}" for name, old, new in pairs)
    return (
        f"{paper['source']}. Where a row has no initialisation: pre-trained (from"
        f" scratch). Sensitivity from classic DA to classic DA with UNIT: {gains}.\n"
    )


def _notes(table):
    settings, images = table["settings"], table["images"]
    counts = ", ".join(f"{images[metric]} for {metric}" for metric in METRICS)
    patients = table["num_patients"]
    text = (
        f"Protocol {settings['protocol']}; test images: {counts}, of {patients}"
        f" patients. Tumor from probability {settings['threshold']:g} on. In brackets:"
        " 95 % Wilson intervals, which take images as independent. In braces: 95 %"
        f" bootstrap intervals over patients ({settings['num_bootstrap']} draws, seed"
        f" {settings['seed']})."
    )
    if patients < MIN_PATIENTS:
        text += (
            f" Of {patients} patients these hold hardly more than the lowest and the"
            " highest one: nothing about other patients follows, however small p is."
        )
    if any(row["num_runs"] > 1 for row in table["rows"]):
        text += " ±: standard deviation over runs; intervals are of the runs' mean."
    return text + "\n" + _notes_on_tests(table["comparisons"])


def _notes_on_tests(comparisons):
    if not comparisons:
        return "No row to test against (--baseline), so there are no tests.\n"
    return (
        "p: exact McNemar test on the images that one of two rows gets right more often"
        f" over its runs; Holm: corrected for the {len(comparisons)} comparisons of the"
        " metric. Accuracy is what rows are judged by, sensitivity and specificity tell"
        " where its difference lies. The test takes images as independent: believe a"
        " small p only if the interval in braces leaves out 0, too.\n"
    )


def to_csv(table):
    """A line per row, fractions from 0 to 1; empty where a row has no result."""
    ends = ("value", "sd", "low", "high", "patients_low", "patients_high")
    columns = {metric: ends for metric in METRICS}
    columns["auc"] = tuple(end for end in ends if end not in ("low", "high"))
    lines = [
        ["name", "control_of", "num_runs"]
        + [
            metric if end == "value" else f"{metric}_{end}"
            for metric, own in columns.items()
            for end in own
        ]
        + ["constant_runs"]
    ]
    for row in table["rows"]:
        cells = [row["name"], " ".join(row["control_of"]), row["num_runs"]]
        for metric, own in columns.items():
            values = row[metric] or {}
            cells += [values.get(end) for end in own]  # None is written as nothing.
        lines.append([*cells, " ".join(row["constant_runs"])])
    return _write_csv(lines)


def comparisons_to_csv(table):
    """A line per comparison and metric."""
    columns = ["difference", "patients_low", "patients_high", "better", "worse"]
    columns += ["p_value", "p_holm"]
    lines = [["row", "against", "kind", "metric", *columns]]
    for comparison in table["comparisons"]:
        names = [comparison[key] for key in ("row", "against", "kind")]
        for metric in METRICS:
            values = [comparison[metric][column] for column in columns]
            lines.append([*names, metric, *values])
    return _write_csv(lines)


def _write_csv(lines):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
