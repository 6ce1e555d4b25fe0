"""Flags of `filtering.review`."""

from absl import flags

from flags.pages import define_port

flags.disclaim_key_flags()


def define_review():
    """Flags of `filtering.review`."""
    return [
        flags.DEFINE_string(
            "clusters_dir",
            None,
            "Review clusters of images: folder that filtering.cluster wrote.",
        ),
        flags.DEFINE_string(
            "prepared_dir",
            None,
            "Review slices of patients instead: folder that dataset.prepare wrote with"
            " --keep_borderline.",
        ),
        flags.DEFINE_string(
            "decisions",
            None,
            "File of the decisions; each is in it as soon as the page says so. If it is"
            " there, the review goes on. filtering.discard reads that of clusters.",
            required=True,
        ),
        flags.DEFINE_string(
            "verdicts_csv",
            None,
            "With --prepared_dir: where the verdicts are written, too, as"
            " dataset.prepare --exclude_csv reads them.",
        ),
        flags.DEFINE_string(
            "reviewer",
            None,
            "Who decides, kept with each decision. By default the name of the account.",
        ),
        define_port(),
    ]
