"""Flags of `evaluation.table` and `evaluation.select`."""

from absl import flags

flags.disclaim_key_flags()

PROTOCOLS = ("full", "paper")


def define_table():
    """Flags of `evaluation.table`."""
    return [
        flags.DEFINE_multi_string(
            "rows",
            None,
            "A row of the table as NAME=PATH: what the classifier was trained on, and"
            " its predictions.csv. Give the flag once per row. NAME is a mix,"
            " real+classic, or initialisation and mix, imagenet/real+classic: a part of"
            " the table for each. Rows of one name are runs of one setup, such as other"
            " seeds of the detector, and become one row: their mean. NAME@chain-1=PATH"
            " is a run of NAME whose images are from another seed of the whole chain,"
            " any number; without, it is chain 0. NAME=PATH,PATH,... are the folds of"
            " one run: predictions by one detector per fold, of other patients each,"
            " the same folds in every row.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for table.md, .csv and .json, comparisons.csv, and roc and"
            " intervals as .png and .svg.",
            required=True,
        ),
        flags.DEFINE_enum(
            "protocol",
            "full",
            PROTOCOLS,
            "Which images count. full: all, once. paper: as the percentages of Han et"
            " al. (2019) must have been made: batches of 32 with the remainder dropped,"
            " in three separate passes over all images (accuracy), the tumor images"
            " (sensitivity) and the non-tumor images (specificity).",
        ),
        define_threshold(),
        flags.DEFINE_float(
            "at_specificity",
            0.9,
            "Specificity at which sensitivities are compared, a fraction: every"
            " detector gets the threshold that has it on the non-tumor images that it"
            " is tested on (docs/statistics.md). 0.9: high enough to be of use, and low"
            " enough that a threshold rests on several images even of a small fold; the"
            " paper's detectors have 0.72 to 0.99.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
        flags.DEFINE_string(
            "baseline",
            None,
            "Mix that the others of its initialisation are compared with (intervals"
            " over patients; image-wise exact McNemar test, Holm's correction). By"
            " default real+classic, where there is one.",
        ),
        flags.DEFINE_multi_string(
            "controls",
            [],
            "A compute-matched control as ROW=CONTROL, names of two rows: CONTROL is"
            " the baseline's mix trained for as many steps as ROW. It is shown below,"
            " and ROW is tested against it. Give the flag once per row.",
        ),
        flags.DEFINE_enum(
            "compare_to",
            None,
            ["paper"],
            "paper: put the printed values of Han et al. (2019) beside rows that have"
            " the names of workflow/paper.yaml.",
        ),
        flags.DEFINE_integer(
            "num_bootstrap",
            2000,
            "Draws of patients for the intervals over patients.",
            lower_bound=100,
        ),
        flags.DEFINE_integer("seed", 0, "Seed of these draws.", lower_bound=0),
        flags.DEFINE_bool("overwrite", False, "Replace the table in --output_dir."),
    ]


def define_select():
    """Flags of `evaluation.select`."""
    return [
        flags.DEFINE_multi_string(
            "candidates",
            None,
            "A candidate as STEP=PATH: the refiner's step, and the predictions.csv of"
            " the validation images by the pre-trained classifier that was trained with"
            " classic DA and that step's images. Give the flag once per candidate; one"
            " step several times for several runs: their mean counts.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_json",
            None,
            "File for the selected step, and every candidate's accuracy.",
            required=True,
        ),
        define_threshold(),
        flags.DEFINE_bool("overwrite", False, "Replace --output_json."),
    ]


def define_threshold():
    """The flag of what counts as tumor."""
    return flags.DEFINE_float(
        "threshold",
        0.5,
        "An image is called tumor if its probability is at least this.",
        lower_bound=0.0,
        upper_bound=1.0,
    )
