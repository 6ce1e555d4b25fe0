"""What the table can say, and what it does say, in a sentence each, from `table.json`.

Both go by the differences between rows and their uncertainty over patients. What
another seed would change is not in it: that is the spread.
"""

import numpy as np
from scipy import stats

from evaluation.bootstrap import MIN_PATIENTS
from evaluation.scores import RANKINGS
from evaluation.table_document import (
    difference_cell,
    explain_constant,
    number,
    sensitivity_name,
    value_cell,
)

PRIMARY = "real+classic+unit"  # The mix that Han et al. (2019) conclude on.
POWER, LEVEL = 0.8, 0.05
ROUNDING = 1e-9  # Of a mean of runs: no difference.


def resolution(table):
    """The smallest differences that the experiment's patients would show.

    A difference d with standard error e is found by a two-sided test at level 5 % with
    probability 80 % if d = (z(0.975) + z(0.8)) e = 2.80 e.

    Returns:
      A dict of `power`, `level`, by name of a ranking the smallest difference, a
      fraction, from the median standard error of all comparisons, and `text`, a
      sentence; None and empty without comparisons.
    """
    factor = stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER)
    smallest = {}
    for name in RANKINGS:
        errors = [pair[name]["patients_se"] for pair in table["comparisons"]]
        known = [error for error in errors if error is not None]
        smallest[name] = float(factor * np.median(known)) if known else None
    text = _resolution_text(table, smallest)
    return {"power": POWER, "level": LEVEL, **smallest, "text": text}


def _resolution_text(table, smallest):
    patients = table["num_patients"]
    if not table["comparisons"]:
        return ""
    if patients < MIN_PATIENTS:
        return (
            f"With {patients} patients this experiment cannot show any difference"
            f" between rows: of fewer than {MIN_PATIENTS} nothing about others follows."
        )
    area, sensitivity = (smallest[name] for name in RANKINGS)
    return (
        f"With its {patients} patients this experiment would show a difference in"
        f" sensitivity of about {100 * sensitivity:.1f} points or more"
        f" ({sensitivity_name(table)}), and one in AUC of about {area:.3f}"
        f" ({100 * POWER:.0f} % power, {100 * LEVEL:.0f} % level); smaller ones it"
        " cannot tell from none."
    )


def conclusion(table):
    """What the table says of `PRIMARY`, or else of all rows, in words.

    A sentence per initialisation that has the mix, or one on all comparisons.
    """
    primary = [row for row in table["rows"] if row["mix"] == PRIMARY]
    if primary:
        return " ".join(_of_row(table, row) for row in primary)
    pairs = table["comparisons"]
    if not pairs:
        return "No two rows are compared, so none is said to be better."
    if table["num_patients"] < MIN_PATIENTS:
        return f"No row is told apart from another: {_too_few(table)}."
    parts = []
    for name, words in _ranking_names(table).items():
        apart = [
            f"{pair['row']} {verdict} than {pair['against']}"
            for pair in pairs
            for verdict in [told_apart(pair[name])]
            if verdict
        ]
        parts.append(f"in {words} {', '.join(apart) or 'none'}")
    return (
        f"Of {len(pairs)} differences these are told apart from none by their own 95 %"
        f" intervals over patients: {'; '.join(parts)}."
    )


def _ranking_names(table):
    sensitivity = f"sensitivity {sensitivity_name(table)} (in %)"
    return dict(zip(RANKINGS, ("AUC", sensitivity)))


def _of_row(table, row):
    """A sentence on a row: against its control or, if it has none, the baseline."""
    if row["constant_runs"]:
        return f"{row['name']} has {explain_constant(row)}."
    pairs = {
        pair["kind"]: pair
        for pair in table["comparisons"]
        if pair["row"] == row["name"]
    }
    pair = pairs.get("control") or pairs.get("baseline")
    if not pair:
        return f"{row['name']} is compared with no other row."
    other = "its control" if pair["kind"] == "control" else pair["against"]
    parts = []
    for name, words in _ranking_names(table).items():
        difference = f"{' '.join(difference_cell(pair[name], name))} against {other}"
        chains = pair[name]["chains"]
        if len(chains) > 1:
            each = [number(value, name, "+") for value in chains.values()]
            difference += f" (by chain {', '.join(each)})"
        verdict = told_apart(pair[name]) or "not told apart from none"
        if table["num_patients"] < MIN_PATIENTS:
            verdict = _too_few(table)
        value = " ".join(value_cell(row[name], name))
        parts.append(f"{words} {value}, {difference}: {verdict}")
    return f"{row['name']} has {'; '.join(parts)}."


def _too_few(table):
    return f"{table['num_patients']} patients are too few to tell"


def told_apart(values):
    """`better` or `worse` if the interval over patients leaves out 0, else empty."""
    low, high = values["patients_low"], values["patients_high"]
    if low is not None and low > ROUNDING:
        return "better"
    return "worse" if low is not None and high < -ROUNDING else ""
