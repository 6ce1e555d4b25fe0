"""Flags of the binaries of `evaluation/`."""

from absl import flags

flags.disclaim_key_flags()

PROTOCOLS = ("full", "paper")


def define_table():
    return [
        flags.DEFINE_multi_string(
            "rows",
            None,
            "A row of the table as NAME=PATH: what the classifier was trained on, and"
            " its predictions.csv. Give the flag once per row. Rows of one name are"
            " runs of one setup, such as other seeds, and become one row: their mean.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for table.md, table.csv and table.json.",
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
        flags.DEFINE_float(
            "threshold",
            0.5,
            "An image is called tumor if its probability is at least this.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace a table that stands in --output_dir."
        ),
    ]
