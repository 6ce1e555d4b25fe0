"""The table of results for readers, as a document, and for programs, as CSV.

Every function takes the content of `table.json`, from `make_table`.
"""

from evaluation.detection.bootstrap import MIN_PATIENTS
from evaluation.detection.cells import (
    area_cell,
    difference_cell,
    explain_constant,
    percent_cell,
)
from evaluation.detection.conclusions import sensitivity_name
from evaluation.detection.paper import INITIALISATIONS, printed_values
from evaluation.detection.rankings import RANKINGS
from evaluation.detection.scores import METRICS
from evaluation.statistics import format_p
from evaluation.tables import Heading, Table, Text

NONE = "-"
PERCENTS = ("sensitivity_at_specificity", *METRICS)
ENDS = ("value", "sd", "low", "high", "patients_low", "patients_high")
SPREADS = ("sd_folds", "sd_detector_seeds", "sd_chain_seeds")
DIFFERENCES = (
    "difference",
    "patients_low",
    "patients_high",
    "better",
    "worse",
    "p_value",
    "p_holm",
    "patients_se",
)


def document(table):
    """Everything that the table says, with its notes."""
    parts = findings(table) + scores(table)
    spreads = _spreads(table)
    if spreads.rows:
        parts += [Heading("Spread: standard deviations"), spreads]
    if table["comparisons"]:
        parts += [Heading("Differences"), _differences(table)]
        for metric in METRICS:
            words = f"{metric.capitalize()}: tests that take images as independent"
            parts += [Heading(words), _tests(table["comparisons"], metric)]
    if table["paper"]:
        parts += [Heading(table["paper"]["title"]), _beside_paper(table)]
        parts.append(_like_with_like(table["paper"]))
    return [*parts, *map(Text, _notes(table))]


def findings(table):
    """What the table can say and what it does say: two paragraphs."""
    sentences = (table["resolution"]["text"], table["conclusion"])
    return [Text(sentence) for sentence in sentences if sentence]


def scores(table):
    """The rows without what follows: a part of the table for each initialisation."""
    parts = []
    for group in dict.fromkeys(row["group"] for row in table["rows"]):
        parts += [Heading(group)] if group else []
        parts.append(_scores(table, group))
    return parts


def _header(table, unit):
    names = [f"Sensitivity {sensitivity_name(table)}"]
    names += [metric.capitalize() for metric in METRICS]
    return ["AUC", *(f"{name} ({unit})" for name in names)]


def _scores(table, group):
    scores = Table(["Trained on", "Runs", *_header(table, "%")])
    for row in table["rows"]:
        if row["group"] != group:
            continue
        name = row["mix"]
        if row["control_of"]:
            of = ", ".join(name.rpartition("/")[2] for name in row["control_of"])
            name += f" (control of {of})"
        if row["constant_runs"]:
            cells = [explain_constant(row), *[NONE] * len(PERCENTS)]
        else:
            cells = [area_cell(row["auc"]), *(percent_cell(row[m]) for m in PERCENTS)]
        scores.rows.append([name, row["num_runs"], *cells])
    return scores


def _spreads(table):
    """Standard deviations over what a row has several of."""
    spreads = Table(["Trained on", "Over", *_header(table, "points")])
    for row in table["rows"]:
        words = (f"{table['num_folds']} folds", "detector seeds")
        words += (f"{row['num_chains']} chain seeds",)
        for key, over in zip(SPREADS, words):
            if row["auc"] and row["auc"][key] is not None:
                cells = [f"{100 * row[metric][key]:.2f}" for metric in PERCENTS]
                area = f"{row['auc'][key]:.3f}"
                spreads.rows.append([row["name"], over, area, *cells])
    return spreads


def _pair(comparison):
    """The names of the rows that are compared."""
    control = " (control)" if comparison["kind"] == "control" else ""
    return [comparison["row"], comparison["against"] + control]


def _differences(table):
    columns = ["Row", "Against", *_header(table, "points")]
    metrics = (*RANKINGS, *METRICS)
    return Table(
        columns,
        [
            [
                *_pair(pair),
                *(difference_cell(pair[metric], metric) for metric in metrics),
            ]
            for pair in table["comparisons"]
        ],
    )


def _tests(comparisons, metric):
    tests = Table(["Row", "Against", "Better / worse on", "p", "p, Holm"])
    for comparison in comparisons:
        values = comparison[metric]
        images = f"{values['better']} / {values['worse']} images"
        p_values = [format_p(values[key]) for key in ("p_value", "p_holm")]
        tests.rows.append([*_pair(comparison), images, *p_values])
    return tests


def _beside_paper(table):
    header = [f"{m.capitalize()} (%){end}" for m in METRICS for end in ("", ", paper")]
    beside = Table(["Trained on", *header])
    seen = {row["mix"] for row in table["rows"]}
    for row in table["rows"]:
        printed = printed_values(table["paper"], row["group"], row["mix"])
        cells = []
        for metric in METRICS:
            own = row[metric]
            cells.append(f"{100 * own['value']:.2f}" if own else NONE)
            cells.append(_printed(printed, metric))
        beside.rows.append([row["name"], *cells])
    for row in table["paper"]["rows"]:
        if row["mix"] not in seen:
            printed = printed_values(table["paper"], "", row["mix"])
            cells = [cell for m in METRICS for cell in (NONE, _printed(printed, m))]
            beside.rows.append([f"{row['mix']}, not run", *cells])
    return beside


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
    return Text(
        f"{paper['source']}. Where a row has no initialisation: pre-trained (from"
        f" scratch). Sensitivity from classic DA to classic DA with UNIT: {gains}."
    )


def _notes(table):
    """What the numbers are, and how to read them: paragraphs."""
    settings, images = table["settings"], table["images"]
    counts = ", ".join(f"{images[metric]} for {metric}" for metric in METRICS)
    patients, folds = table["num_patients"], table["num_folds"]
    of = f"{patients} patients" + (f" in {folds} folds" if folds > 1 else "")
    text = (
        f"Protocol {settings['protocol']}; test images: {counts}, of {of}. An image is"
        f" called tumor from probability {settings['threshold']:g} on;"
        f" {sensitivity_name(table)}: from the threshold on that gives each"
        " detector this specificity on its own test images. In braces: 95 % bootstrap"
        f" intervals over patients ({settings['num_bootstrap']} draws, seed"
        f" {settings['seed']}), for the detectors as trained. In brackets: 95 % Wilson"
        " intervals, which take images as independent."
    )
    if patients < MIN_PATIENTS:
        text += (
            f" Intervals over {patients} patients hardly hold more than the lowest and"
            " the highest one: nothing about other patients follows, however small p"
            " is."
        )
    yield text
    if folds > 1:
        yield (
            "The images of each fold are classified by the detector that has not seen"
            " their patients; AUC: the part of the pairs of images of one fold that the"
            " tumor image wins."
        )
    if any(row["num_runs"] > 1 for row in table["rows"]):
        yield (
            "Values are means of runs. Spread over detector seeds: within a chain; over"
            " chain seeds: of the chains' means, to which their detectors' adds."
        )
    if not table["comparisons"]:
        yield "No row to compare with (--baseline), so there are no tests."
        return
    yield (
        "Differences: rely on their intervals over patients. p: exact McNemar test on"
        " the images that one of two rows gets right more often over its runs; Holm:"
        f" corrected for the {len(table['comparisons'])} comparisons of the metric. It"
        " takes images as independent, which those of a patient are not: believe a"
        " small p only if the interval in braces leaves out 0, too."
    )


def scores_table(table):
    """A line per row, fractions from 0 to 1; empty where a row has no result."""
    of_rankings = tuple(end for end in ENDS if end not in ("low", "high"))
    values = [(metric, end) for metric in METRICS for end in ENDS]
    values += [(metric, end) for metric in RANKINGS for end in of_rankings]
    spreads = [(metric, end) for metric in (*METRICS, *RANKINGS) for end in SPREADS]

    def names(columns):
        return [
            metric if end == "value" else f"{metric}_{end}" for metric, end in columns
        ]

    def cells(row, columns):
        return [(row[metric] or {}).get(end) for metric, end in columns]

    first = ["name", "control_of", "num_runs", *names(values), "constant_runs"]
    scores = Table([*first, "num_chains", *names(spreads)])
    for row in table["rows"]:
        first = [row["name"], " ".join(row["control_of"]), row["num_runs"]]
        constant = [" ".join(row["constant_runs"]), row["num_chains"]]
        last = cells(row, spreads)
        scores.rows.append([*first, *cells(row, values), *constant, *last])
    return scores


def comparisons_table(table):
    """A line per comparison and metric; rankings have no image-wise test."""
    return Table(
        ["row", "against", "kind", "metric", *DIFFERENCES],
        [
            [*(pair[key] for key in ("row", "against", "kind")), metric]
            + [pair[metric].get(column) for column in DIFFERENCES]
            for pair in table["comparisons"]
            for metric in (*METRICS, *RANKINGS)
        ],
    )
