"""The table of results, and the selection of a step, as documents for readers.

Tables are the content of `table.json`. A cell is a value, its interval over patients,
and that over images.
"""

from evaluation.bootstrap import MIN_PATIENTS
from evaluation.paper import beside_paper, like_with_like
from evaluation.scores import METRICS, RANKINGS
from evaluation.statistics import format_p
from evaluation.tables import Heading, Table, Text

SHOWN = (*RANKINGS, *METRICS)
SPREADS = ("sd_folds", "sd_detector_seeds", "sd_chain_seeds")


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
        parts += [Heading(table["paper"]["title"]), beside_paper(table)]
        parts.append(like_with_like(table["paper"]))
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
        rows = [_scores(row) for row in table["rows"] if row["group"] == group]
        parts.append(Table(["Trained on", "Runs", *_header(table, "%")], rows))
    return parts


def _scores(row):
    name = row["mix"]
    if row["control_of"]:
        of = ", ".join(name.rpartition("/")[2] for name in row["control_of"])
        name += f" (control of {of})"
    if row["constant_runs"]:
        cells = [explain_constant(row), *"-" * (len(SHOWN) - 1)]
    else:
        cells = [value_cell(row[metric], metric) for metric in SHOWN]
    return [name, row["num_runs"], *cells]


def _header(table, unit):
    names = [f"Sensitivity {sensitivity_name(table)}"]
    names += [metric.capitalize() for metric in METRICS]
    return ["AUC", *(f"{name} ({unit})" for name in names)]


def sensitivity_name(table):
    """`at 90 % specificity`."""
    return f"at {100 * table['settings']['at_specificity']:g} % specificity"


def _spreads(table):
    """Standard deviations over what a row has several of."""
    spreads = Table(["Trained on", "Over", *_header(table, "points")])
    for row in table["rows"]:
        words = (f"{table['num_folds']} folds", "detector seeds")
        words += (f"{row['num_chains']} chain seeds",)
        for key, over in zip(SPREADS, words):
            if row["auc"] and row["auc"][key] is not None:
                cells = [number(row[metric][key], metric) for metric in SHOWN]
                spreads.rows.append([row["name"], over, *cells])
    return spreads


def _pair(comparison):
    """The names of the rows that are compared."""
    control = " (control)" if comparison["kind"] == "control" else ""
    return [comparison["row"], comparison["against"] + control]


def _differences(table):
    rows = [
        [*_pair(pair), *(difference_cell(pair[metric], metric) for metric in SHOWN)]
        for pair in table["comparisons"]
    ]
    return Table(["Row", "Against", *_header(table, "points")], rows)


def _tests(comparisons, metric):
    tests = Table(["Row", "Against", "Better / worse on", "p", "p, Holm"])
    for comparison in comparisons:
        values = comparison[metric]
        images = f"{values['better']} / {values['worse']} images"
        p_values = [format_p(values[key]) for key in ("p_value", "p_holm")]
        tests.rows.append([*_pair(comparison), images, *p_values])
    return tests


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


def value_cell(values, metric):
    """`81.20`, `{75.00, 86.20}` and, unless it is a ranking, `[78.10, 84.00]`."""
    return _cell(values, values["value"], metric, "")


def difference_cell(values, metric):
    """`+1.30` points and `{-0.80, +3.50}`."""
    return _cell(values, values["difference"], metric, "+")


def _cell(values, value, metric, sign):
    cell = (number(value, metric, sign),)
    for key, brackets in (("patients_", "{}"), ("", "[]")):
        if values.get(f"{key}low") is not None:  # No draw may have a value.
            ends = (number(values[key + end], metric, sign) for end in ("low", "high"))
            cell += (brackets[0] + ", ".join(ends) + brackets[1],)
    return cell


def number(value, metric, sign=""):
    """A value in % or points, the AUC as it is; `sign` is "+" for differences."""
    return f"{value:{sign}.3f}" if metric == "auc" else f"{100 * value:{sign}.2f}"


def explain_constant(row):
    """Why a row has no numbers."""
    constant, num_runs = row["constant_runs"], row["num_runs"]
    labels = " or ".join(sorted(set(constant))).replace("_", "-")
    if row.get("num_folds", 1) > 1:
        detectors = ", ".join(
            f"fold {detector['fold']}"
            + (f" of run {detector['run']}" if num_runs > 1 else "")
            for detector in row["constant_folds"]
        )
        return f"no result: calls every image of {detectors} {labels}"
    which = "" if num_runs == 1 else f"{len(constant)} of {num_runs} runs "
    return f"no result: {which}calls every image {labels}"


def selection_document(content):
    """Every candidate's accuracy and which one is taken, from `selection.json`."""
    table = Table(["Step", "Runs", "Validation accuracy (%)", ""])
    for row in content["candidates"]:
        if row["constant_runs"]:
            cell = explain_constant(row)
        else:
            value, low, high = (
                100 * row["accuracy"][k] for k in ("value", "low", "high")
            )
            cell = (f"{value:.2f}", f"[{low:.2f}, {high:.2f}]")
        taken = "selected" if row["step"] == content["step"] else ""
        table.rows.append([row["step"], row["num_runs"], cell, taken])
    notes = (
        f"{content['images']} validation images; in brackets: 95 % Wilson intervals. Of"
        " equal accuracies the one of the fewest steps is selected."
    )
    return [table, Text(notes)]
