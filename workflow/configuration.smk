"""Refuses configurations whose names do not fit each other; see `Snakefile`."""

def check_configuration():
    check_cases()
    if 1 not in TRAINING_SHARES:
        raise ConfigurationError(
            f"training_shares: {TRAINING_SHARES}, expected 1, all training patients,"
            " among them."
        )
    check_names()
    check_refiners()
    check_numbers()
    for mix, sources in MIXES.items():
        for source in set(sources) - set(SOURCES):
            raise ConfigurationError(
                f"mixes: {mix}: no source {source!r}; {expected_of(source, SOURCES)}."
            )
    check_guide()
    check_known("export", config["export"], MIXES, "mixes")
    check_known("controls", CONTROLS, MIXES, "mixes")
    check_known("controls", CONTROLS.values(), MIXES, "mixes")
    check_known("steps", STEPS, REFINERS, "refiners")
    if STEPS and config.get("selection_classifier") not in CLASSIFIERS:
        name = config.get("selection_classifier")
        raise ConfigurationError(
            f"selection_classifier: {name!r} is none of the classifiers;"
            f" {expected_of(name, CLASSIFIERS)}."
        )
    check_decisions()
    check_files()
    if len(CHAINS) > 1 and max(SEEDS) >= SEEDS_OF_A_CHAIN:
        raise ConfigurationError(
            f"seeds: {max(SEEDS)}, expected less than {SEEDS_OF_A_CHAIN} beside several"
            " chain_seeds."
        )


def check_known(key, names, known, what):
    for name in set(names) - set(known):
        raise ConfigurationError(
            f"{key}: {name!r} is none of the {what}; {expected_of(name, known)}."
        )


def check_guide():
    """A row whose detectors do not wait for the images that they guide."""
    if not any("guided" in sources for sources in MIXES.values()):
        return
    rows = [
        f"{classifier}/{mix}"
        for classifier in CLASSIFIERS
        for mix, sources in MIXES.items()
        if "guided" not in sources
    ]
    if GUIDE not in rows:
        raise ConfigurationError(
            f"guide: {GUIDE}: a mix has `guided`, PGGAN's images with a detector as"
            f" guide; expected the row of that detector, one of {', '.join(rows)}."
        )


def check_cases():
    if BRATS_DIR and IMAGES_DIR:
        raise ConfigurationError(
            f"brats_dir: {BRATS_DIR} and images_dir: {IMAGES_DIR}: expected one of"
            " them."
        )
    if not BRATS_DIR and not IMAGES_DIR:
        raise ConfigurationError(
            "no cases: give --brats_dir=FOLDER, or --brats_dir=phantom for artificial"
            " ones, or --images_dir=FOLDER for a folder of 2-D images."
        )


def check_names():
    for name in [*MIXES, *CLASSIFIERS, *SOURCES]:
        if not re.fullmatch(r"[\w+.-]+", name):
            raise ConfigurationError(
                f"{name!r}: expected letters, digits, '_', '+', '-' or '.'."
            )
    for name in SOURCES:
        if "+" in name:  # It stands between the sources in a candidate's name.
            raise ConfigurationError(
                f"{name!r}: a refiner or shard set has no '+' in its name."
            )
        if PREFIX.match(name + "/")[0]:
            raise ConfigurationError(
                f"{name!r}: a fold's, share's or chain's folder has that name."
            )
    for name in MIXES:
        if name.endswith(CONTROL):
            raise ConfigurationError(
                f"mixes: {name!r}: only a control ends with '{CONTROL}'."
            )
    for name, number in collections.Counter([*BUILT_IN, *REFINED, *SHARD_SETS]).items():
        if number > 1:
            raise ConfigurationError(
                f"{name!r} is a source of its own; give yours another name."
            )


def check_numbers():
    for mix, sources in config["mixes"].items():
        for source in sources:
            if not re.fullmatch("[^:]+(:[1-9][0-9]*)?", source):
                raise ConfigurationError(
                    f"mixes: {mix}: {source!r}, expected a source, or one with a number"
                    " of images such as pggan:750."
                )


def check_refiners():
    for name, commands in REFINERS.items():
        if set(commands) != {"train", "refine"}:
            raise ConfigurationError(
                f"refiners: {name} has {', '.join(commands)}; expected the two command"
                " lines `train` and `refine`."
            )


def check_files():
    """Flagfiles, and shard sets that were made elsewhere."""
    if not os.path.isdir(FLAGS):
        entries = os.scandir(f"{ROOT}/flags")
        folders = [entry.name for entry in entries if entry.is_dir()]
        folders = [name for name in folders if not name.startswith("_")]
        raise ConfigurationError(
            f"flags: {config['flags']}: no such folder;"
            f" {expected_of(config['flags'], sorted(folders))}, or an absolute"
            " path."
        )
    for name, own in CLASSIFIERS.items():
        if not os.path.exists(flagfile(own)):
            known = [f[:-4] for f in sorted(os.listdir(FLAGS)) if f.endswith(".cfg")]
            raise ConfigurationError(
                f"classifiers: {name}: no flagfile {own!r} in {FLAGS};"
                f" {expected_of(own, known)}."
            )
    for name, folders in SHARD_SETS.items():
        filled = {path for prefix in PREFIXES for path in fill(folders, prefix)}
        for folder in sorted(filter(os.path.isabs, filled)):
            if not os.path.exists(f"{folder}/manifest.json"):
                raise ConfigurationError(
                    f"shard_sets: {name}: {folder}: no shard set; expected a folder"
                    " with a manifest.json."
                )


def check_decisions():
    """A word, or a file per label that no two folds or chains would share."""
    if not isinstance(DECISIONS, dict):
        if DECISIONS not in ("proposal", "none"):
            raise ConfigurationError(
                f"decisions: {DECISIONS!r}, expected proposal, none, or a file per"
                " label."
            )
        return
    if set(DECISIONS) != set(LABELS):
        raise ConfigurationError(
            f"decisions: expected a file for {' and '.join(LABELS)} each."
        )
    for label, path in DECISIONS.items():
        paths = {fill([path], prefix)[0] for prefix in PREFIXES}
        if len(paths) < len(PREFIXES):
            raise ConfigurationError(
                f"decisions: {label}: {path}: expected {{prefix}} in it, such as"
                f" /path/{{prefix}}{label}.jsonl for /path/{PREFIXES[-1]}{label}.jsonl:"
                " every fold and every chain has images of its own."
            )


check_configuration()
