"""The table of results as Markdown, for people.

Every function takes the content of `table.json`, from `evaluation.table.make_table`.
"""

from evaluation.bootstrap import MIN_PATIENTS
from evaluation.cells import (
    area_cell,
    difference_cell,
    explain_constant,
    format_p,
    markdown_table,
    percent_cell,
)
from evaluation.conclusions import sensitivity_name
from evaluation.paper import INITIALISATIONS, printed_values
from evaluation.rankings import RANKINGS
from evaluation.statistics import METRICS

NONE = "-"


def to_markdown(table):
    """Everything that the table says, with its notes."""
    text = findings(table) + "\n"
    for group in dict.fromkeys(row["group"] for row in table["rows"]):
        text += f"## {group}\n\n" if group else ""
        text += _scores(table, group) + "\n"
    spreads = _spreads(table)
    if len(spreads) > 1:
        text += f"## Spread: standard deviations\n\n{markdown_table(spreads)}\n"
    if table["comparisons"]:
        text += f"## Differences\n\n{_differences(table)}\n"
    for metric in METRICS if table["comparisons"] else ():
        text += f"## {metric.capitalize()}: tests that take images as independent\n\n"
        text += _tests(table["comparisons"], metric) + "\n"
    if table["paper"]:
        text += f"## {table['paper']['title']}\n\n" + _beside_paper(table) + "\n"
    return text + _notes(table)


def findings(table):
    """What the table can say and what it does say: two paragraphs."""
    sentences = (table["resolution"]["text"], table["conclusion"])
    return "\n".join(f"{sentence}\n" for sentence in sentences if sentence)


def _header(table, unit):
    names = [f"Sensitivity {sensitivity_name(table)}"]
    names += [metric.capitalize() for metric in METRICS]
    return ["AUC", *(f"{name} ({unit})" for name in names)]


def _scores(table, group):
    lines = [["Trained on", "Runs", *_header(table, "%")]]
    for row in table["rows"]:
        if row["group"] != group:
            continue
        name = row["mix"]
        if row["control_of"]:
            of = ", ".join(name.rpartition("/")[2] for name in row["control_of"])
            name += f" (control of {of})"
        if row["constant_runs"]:
            cells = [explain_constant(row), *[NONE] * (len(lines[0]) - 3)]
        else:
            percents = ("sensitivity_at_specificity", *METRICS)
            cells = [area_cell(row["auc"])]
            cells += [percent_cell(row[metric]) for metric in percents]
        lines.append([name, row["num_runs"], *cells])
    return markdown_table(lines)


def _spreads(table):
    """Lines of standard deviations, for what a row has several of."""
    lines = [["Trained on", "Over", *_header(table, "points")]]
    for row in table["rows"]:
        kinds = {
            "sd_folds": f"{table['num_folds']} folds",
            "sd_detector_seeds": "detector seeds",
            "sd_chain_seeds": f"{row['num_chains']} chain seeds",
        }
        for key, words in kinds.items():
            if row["auc"] and row["auc"][key] is not None:
                percents = ("sensitivity_at_specificity", *METRICS)
                cells = [f"{100 * row[metric][key]:.2f}" for metric in percents]
                lines.append([row["name"], words, f"{row['auc'][key]:.3f}", *cells])
    return lines


def _pair(comparison):
    """The names of the rows that are compared."""
    control = " (control)" if comparison["kind"] == "control" else ""
    return [comparison["row"], comparison["against"] + control]


def _differences(table):
    lines = [["Row", "Against", *_header(table, "points")]]
    for comparison in table["comparisons"]:
        cells = [difference_cell(comparison[m], m) for m in (*RANKINGS, *METRICS)]
        lines.append([*_pair(comparison), *cells])
    return markdown_table(lines)


def _tests(comparisons, metric):
    lines = [["Row", "Against", "Better / worse on", "p", "p, Holm"]]
    for comparison in comparisons:
        values = comparison[metric]
        images = f"{values['better']} / {values['worse']} images"
        p_values = [format_p(values[key]) for key in ("p_value", "p_holm")]
        lines.append([*_pair(comparison), images, *p_values])
    return markdown_table(lines)


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
    patients, folds = table["num_patients"], table["num_folds"]
    of = f"{patients} patients" + (f" in {folds} folds" if folds > 1 else "")
    text = (
        f"Protocol {settings['protocol']}; test images: {counts}, of {of}. Tumor from"
        f" probability {settings['threshold']:g} on;"
        f" {sensitivity_name(table)}: from the threshold on that gives each"
        " detector this specificity on its own test images. In braces: 95 % bootstrap"
        f" intervals over patients ({settings['num_bootstrap']} draws, seed"
        f" {settings['seed']}), for the detectors as trained. In brackets: 95 % Wilson"
        " intervals, which take images as independent."
    )
    if patients < MIN_PATIENTS:
        text += (
            f" Of {patients} patients those hold hardly more than the lowest and the"
            " highest one: nothing about other patients follows, however small p is."
        )
    return text + "\n" + _notes_on_runs(table) + _notes_on_tests(table["comparisons"])


def _notes_on_runs(table):
    text = ""
    if table["num_folds"] > 1:
        text += (
            "Each fold's images are judged by the detector that has not seen their"
            " patients; AUC: the part of the pairs of images of one fold that the tumor"
            " image wins.\n"
        )
    if any(row["num_runs"] > 1 for row in table["rows"]):
        text += (
            "Values are means of runs. Spread over detector seeds: within a chain; over"
            " chain seeds: of the chains' means, in which their detectors' is, too.\n"
        )
    return text


def _notes_on_tests(comparisons):
    if not comparisons:
        return "No row to compare with (--baseline), so there are no tests.\n"
    return (
        "Differences: judge by their intervals over patients. p: exact McNemar test on"
        " the images that one of two rows gets right more often over its runs; Holm:"
        f" corrected for the {len(comparisons)} comparisons of the metric. It takes"
        " images as independent, which those of a patient are not: believe a small p"
        " only if the interval in braces leaves out 0, too.\n"
    )
