"""Refuses configurations whose names do not fit each other; see `Snakefile`."""

def check_configuration():
    check_cases()
    check_names()
    check_refiners()
    for mix, sources in MIXES.items():
        for source in set(sources) - set(SOURCES):
            known = ", ".join(SOURCES)
            raise ValueError(f"mixes: {mix} has {source!r}, expected some of {known}.")
    check_known("export", config["export"], MIXES, "mixes")
    check_known("controls", CONTROLS, MIXES, "mixes")
    check_known("controls", CONTROLS.values(), MIXES, "mixes")
    check_known("steps", STEPS, REFINERS, "refiners")
    if STEPS and config.get("selection_classifier") not in CLASSIFIERS:
        raise ValueError("selection_classifier: expected one of the classifiers.")
    check_decisions()
    if len(CHAINS) > 1 and max(SEEDS) >= SEEDS_OF_A_CHAIN:
        raise ValueError(
            f"seeds: {max(SEEDS)}, expected less than {SEEDS_OF_A_CHAIN} beside several"
            " chain_seeds."
        )


def check_known(key, names, known, what):
    for name in set(names) - set(known):
        raise ValueError(f"{key}: {name!r} is none of the {what}.")


def check_cases():
    if BRATS_DIR and IMAGES_DIR:
        raise ValueError(
            f"brats_dir: {BRATS_DIR} and images_dir: {IMAGES_DIR}: expected one of them."
        )
    if not BRATS_DIR and not IMAGES_DIR:
        raise ValueError(
            "no cases: give --brats_dir=FOLDER, or --brats_dir=phantom for artificial"
            " ones, or --images_dir=FOLDER for a folder of 2-D images."
        )


def check_names():
    for name in [*MIXES, *CLASSIFIERS, *SOURCES]:
        if not re.fullmatch(r"[\w+.-]+", name):
            raise ValueError(
                f"{name!r}: expected letters, digits, '_', '+', '-' or '.'."
            )
    for name in SOURCES:
        if "+" in name:  # It stands between the sources in a candidate's name.
            raise ValueError(f"{name!r}: a refiner or shard set has no '+' in its name.")
        if PREFIX.match(name + "/")[0]:
            raise ValueError(f"{name!r}: a fold's or chain's folder has that name.")
    for name in MIXES:
        if name.endswith(CONTROL):
            raise ValueError(f"mixes: {name!r}: only a control ends with '{CONTROL}'.")
    for name, number in collections.Counter([*BUILT_IN, *REFINED, *SHARD_SETS]).items():
        if number > 1:
            raise ValueError(f"{name!r} is a source of its own; give yours another name.")


def check_refiners():
    for name, commands in REFINERS.items():
        if set(commands) != {"train", "refine"}:
            raise ValueError(
                f"refiners: {name} has {', '.join(commands)}; expected the two command"
                " lines `train` and `refine`."
            )


def check_decisions():
    """A word, or a file per label that no two folds or chains would share."""
    if not isinstance(DECISIONS, dict):
        if DECISIONS not in ("proposal", "none"):
            raise ValueError(
                f"decisions: {DECISIONS!r}, expected proposal, none, or a file per label."
            )
        return
    if set(DECISIONS) != set(LABELS):
        raise ValueError(f"decisions: expected a file for {' and '.join(LABELS)} each.")
    for label, path in DECISIONS.items():
        paths = {fill([path], prefix)[0] for prefix in PREFIXES}
        if len(paths) < len(PREFIXES):
            raise ValueError(
                f"decisions: {label}: {path}: expected {{prefix}} in it, such as"
                f" /path/{{prefix}}{label}.jsonl for /path/{PREFIXES[-1]}{label}.jsonl:"
                " every fold and every chain has images of its own."
            )


check_configuration()
