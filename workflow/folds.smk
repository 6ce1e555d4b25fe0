"""Where folds, shares and chains of the experiment lie; see docs/workflow.md."""

import snakemake

# Folder of a share of the training patients; "" of all of them.
SHARES = {f"share-{100 * n:.10g}/" if n != 1 else "": n for n in TRAINING_SHARES}
# Folder of a fold, and within it that of a share: both have real images of their own.
# Within these is that of a further seed of the whole chain; "" where there is one only.
# Together they are a rule's wildcard `prefix`.
DIVISIONS = [f"fold-{n}/" for n in range(NUM_FOLDS)] if NUM_FOLDS > 1 else [""]
FOLDS = [division + share for division in DIVISIONS for share in SHARES]
CHAINS = {f"chain-{seed}/" if seed else "": seed for seed in CHAIN_SEEDS}
PREFIXES = [fold + chain for fold in FOLDS for chain in CHAINS]
# Those of all training patients: other shares have detectors and a table alone.
WHOLE = [division + chain for division in DIVISIONS for chain in CHAINS]
PREFIX = re.compile(r"((?:fold-(\d+)/)?(share-[\d.]+/)?)(?:chain-(\d+)/)?")
# Detectors of another chain draw otherwise, too.
SEEDS_OF_A_CHAIN = 1000
SNAKEMAKE = int(snakemake.__version__.partition(".")[0])


def fold_of(prefix):
    """With the share in it."""
    return PREFIX.match(prefix)[1]


def chain_of(prefix):
    """The seed of the whole chain."""
    return int(PREFIX.match(prefix)[4] or 0)


def in_turn(importance):
    """The priority of a rule: an earlier fold's steps come before those of a later one.

    So that the first outcomes come early. Within a fold, the more important come first.
    Snakemake 7, of Python 3.10, takes a number alone; there all folds advance at once.
    """

    def priority(wildcards):
        prefix = wildcards.get("prefix", wildcards.get("fold"))
        return importance + 2 * (len(FOLDS) - FOLDS.index(fold_of(prefix)))

    return importance if SNAKEMAKE == 7 else priority


def fill(patterns, prefix):
    """Paths of patterns that have `{prefix}`, or `{fold}` alone."""
    fold = fold_of(prefix)
    return [p.replace("{prefix}", prefix).replace("{fold}", fold) for p in patterns]


class Unnoted:
    """A part of a command that follows from the path of what the step writes.

    It is of no type that Snakemake notes and compares with the last run's, so that steps
    that were done before there was such a part are not done again.
    """

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


def seed_flag(wildcards):
    """Nothing for chain 0, whose seeds stand in the flagfiles."""
    seed = chain_of(wildcards.prefix)
    return Unnoted(f" --seed={seed}" if seed else "")


def real(patterns):
    """A function of wildcards to the shard sets of a fold's part."""
    return lambda wildcards: fill(patterns, wildcards.prefix)


def real_of_label(wildcards, part="train"):
    """A label's real images of a part; `Unnoted` for the path says which."""
    (folder,) = fill([f"{{fold}}real/{part}/{wildcards.label}"], wildcards.prefix)
    return Unnoted(folder)


def real_manifests(patterns):
    """A function of wildcards to the file that says that they are complete."""
    return lambda wildcards: manifests(fill(patterns, wildcards.prefix))
