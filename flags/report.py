"""Flags of `evaluation.report`."""

from absl import flags

flags.disclaim_key_flags()


def define_report():
    """Flags of `evaluation.report`."""
    return [
        flags.DEFINE_string(
            "experiment_dir",
            None,
            "Folder of the experiment, --output_dir of workflow.run. Trainings, shard"
            " sets and results are found wherever they lie in it.",
            required=True,
        ),
        flags.DEFINE_string("output_html", None, "File for the page.", required=True),
        flags.DEFINE_string("title", "Brain MR augmentation", "Heading of the page."),
        define_source("table_dir", "evaluation.table"),
        define_source("turing_dir", "evaluation.turing_table"),
        define_source("tsne_dir", "evaluation.tsne"),
        define_source("quality_dir", "evaluation.quality"),
        flags.DEFINE_float(
            "max_megabytes",
            9.0,
            "Size that the page is to have at most; pictures are made smaller to fit.",
            lower_bound=0.1,
        ),
        flags.DEFINE_bool("overwrite", False, "Replace --output_html."),
    ]


def define_source(name, binary):
    """The flag of a program's output in another folder."""
    return flags.DEFINE_string(
        name,
        None,
        f"--output_dir of {binary}; by default every one in --experiment_dir.",
    )
