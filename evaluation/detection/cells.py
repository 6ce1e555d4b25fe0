"""Cells of the table: a value, its interval over patients, and that over images."""


def percent_cell(values):
    """`81.20`, `{75.00, 86.20}` and `[78.10, 84.00]`, the last one unless a ranking."""
    cell = (f"{100 * values['value']:.2f}", *over_patients(values, 100, ".2f"))
    if "low" in values:
        cell += (f"[{100 * values['low']:.2f}, {100 * values['high']:.2f}]",)
    return cell


def area_cell(auc):
    """`0.904` and `{0.850, 0.950}`."""
    return (f"{auc['value']:.3f}", *over_patients(auc, 1, ".3f"))


def difference_cell(values, metric):
    """`+1.30` and `{-0.80, +3.50}` in points; of the AUC as it is."""
    scale, form = (1, "+.3f") if metric == "auc" else (100, "+.2f")
    difference = signed(values["difference"], metric)
    return (difference, *over_patients(values, scale, form))


def signed(difference, metric):
    """`+1.30` points, or `+0.013` of the AUC."""
    return f"{difference:+.3f}" if metric == "auc" else f"{100 * difference:+.2f}"


def over_patients(values, scale, form):
    """`{75.00, 86.20}` in a tuple, which is empty where no draw has a value."""
    low, high = values["patients_low"], values["patients_high"]
    if low is None:
        return ()
    return (f"{{{scale * low:{form}}, {scale * high:{form}}}}",)


def explain_constant(row):
    """Why a row has no numbers."""
    constant, num_runs = row["constant_runs"], row["num_runs"]
    labels = " or ".join(sorted(set(constant))).replace("_", "-")
    if row.get("num_folds", 1) > 1:
        where = ", ".join(
            f"fold {detector['fold']}"
            + (f" of run {detector['run']}" if num_runs > 1 else "")
            for detector in row["constant_folds"]
        )
        return f"no result: calls every image of {where} {labels}"
    which = "" if num_runs == 1 else f"{len(constant)} of {num_runs} runs "
    return f"no result: {which}calls every image {labels}"
