"""Flags of `filtering.cluster`, `filtering.review` and `filtering.discard`."""

from flags import features
from flags.kinds import choice, count, integer, number, overwrite, path, paths, text
from flags.pages import define_port


def define_cluster():
    """Flags of `filtering.cluster`, in the order in which `clusters.json` has them."""
    return dict(
        **_define_folders(),
        **features.define_features(
            "auto: densenet169 (Han et al., 2019) or, with --weights=none, the"
            " descriptors, which find far more than a network with random weights."
        ),
        seed=integer(0, "Seed of the first cluster centres and of random weights."),
        num_clusters=count(
            200,
            "Number of clusters (Han et al., 2019: 200 of 200,000 images). A person"
            " looks at each, so take fewer for fewer images: 50 or more per cluster.",
        ),
        max_suspicion=number(
            1.25,
            "Images with a higher outlier score are proposed for discarding. The score"
            " is the distance to the nearest real image; 1 is the limit of real images:"
            " in nine of ten patients, 95 % of the images score less. A lower value"
            " finds more outliers and loses more good images.",
        ),
        overwrite=overwrite("other clusters in --output_dir"),
    )


def _define_folders():
    return dict(
        data_dir=paths(
            "Shard sets to cluster, comma-separated, all of one image size."
        ),
        reference_dir=paths(
            "Shard sets of real images of at least two patients, comma-separated: those"
            " that the GAN was trained on. With them every image and cluster gets an"
            " outlier score and a proposal. Smaller ones are zero-padded to the size of"
            " --data_dir.",
            required=False,
        ),
        output_dir=path(
            "Folder of clusters.json, clusters.csv and a contact sheet per cluster. The"
            " same command continues a stopped run."
        ),
    )


def define_review():
    """Flags of `filtering.review`."""
    return dict(
        clusters_dir=path(
            "To review clusters: folder that filtering.cluster wrote.", required=False
        ),
        prepared_dir=path(
            "To review slices of patients: folder that dataset.prepare wrote with"
            " --keep_borderline.",
            required=False,
        ),
        decisions=path(
            "File of the decisions, new or to be continued. A decision is on the disk"
            " as soon as the page shows it. filtering.discard reads those on clusters."
        ),
        verdicts_csv=path(
            "With --prepared_dir: table of the verdicts for dataset.prepare"
            " --exclude_csv.",
            required=False,
        ),
        reviewer=text(
            None,
            "Name of the person, kept with each decision; by default the account's.",
        ),
        **define_port(),
    )


def define_discard():
    """Flags of `filtering.discard`."""
    return dict(
        data_dir=path(
            "Shard set to discard images of, one of filtering.cluster's --data_dir."
        ),
        clusters_dir=path("Folder that filtering.cluster wrote."),
        decisions=path(
            "What to discard: a decisions file of filtering.review on these clusters,"
            " or proposal: the images that filtering.cluster proposed."
        ),
        output_dir=path(
            "Folder of the new shard set and of the figure kept_and_discarded.png."
        ),
        undecided=choice(
            ["refuse", "keep", "discard"],
            "What becomes of images without a decision. refuse: nothing is written"
            " until all are decided.",
        ),
        seed=integer(0, "Seed of the images in the figure."),
        images_per_shard=count(1024, "Images per TFRecord file."),
        overwrite=overwrite("another shard set in --output_dir"),
    )
