"""Flags of `filtering.cluster`, `filtering.review` and `filtering.discard`."""

from absl import flags

from flags.pages import define_port

flags.disclaim_key_flags()

BACKBONES = (
    "auto",
    "descriptors",
    "densenet121",
    "densenet169",
    "densenet201",
    "inception_v3",
    "resnet50",
)
UNDECIDED = ("refuse", "keep", "discard")


def define_cluster():
    """Flags of `filtering.cluster`, in the order in which `clusters.json` has them."""
    return [
        *_define_folders(),
        *_define_features(),
        flags.DEFINE_integer(
            "num_clusters",
            200,
            "Number of clusters (Han et al., 2019: 200 of 200,000 images). A person"
            " looks at each, so take fewer for fewer images: 50 or more per cluster.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "max_suspicion",
            1.25,
            "Images with a higher outlier score are proposed for discarding. The score"
            " is the distance to the nearest real image; 1 is the limit of real images:"
            " in nine of ten patients, 95 % of the images score less. A lower value"
            " finds more outliers and loses more good images.",
            lower_bound=0.0,
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace other clusters in --output_dir."
        ),
    ]


def _define_folders():
    return [
        flags.DEFINE_list(
            "data_dir",
            None,
            "Shard sets to cluster, comma-separated, all of one image size.",
            required=True,
        ),
        flags.DEFINE_list(
            "reference_dir",
            [],
            "Shard sets of real images of at least two patients, comma-separated: those"
            " that the GAN was trained on. With them every image and cluster gets an"
            " outlier score and a proposal. Smaller ones are zero-padded to the size of"
            " --data_dir.",
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder of clusters.json, clusters.csv and a contact sheet per cluster. The"
            " same command continues a stopped run.",
            required=True,
        ),
    ]


def _define_features():
    return [
        flags.DEFINE_enum(
            "backbone",
            "auto",
            BACKBONES,
            "Features that images are compared by: a network of Keras (Han et al.,"
            " 2019: densenet169), or hand-made descriptors of layout, edges, detail and"
            " symmetry. auto: densenet169; with --weights=none the descriptors, which"
            " find far more than a network with random weights.",
        ),
        flags.DEFINE_string(
            "weights",
            "imagenet",
            "Weights of the network: imagenet (Keras' own file, from its cache or"
            " downloaded), the path of a weights file of Keras, or none.",
        ),
        flags.DEFINE_integer(
            "feature_size",
            0,
            "Height and width at which the network sees an image, in pixels; 0 for the"
            " size that it was trained at, 224 or 299.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "seed", 0, "Seed of the first cluster centres and of random weights.", 0
        ),
    ]


def define_review():
    """Flags of `filtering.review`."""
    return [
        flags.DEFINE_string(
            "clusters_dir",
            None,
            "To review clusters: folder that filtering.cluster wrote.",
        ),
        flags.DEFINE_string(
            "prepared_dir",
            None,
            "To review slices of patients: folder that dataset.prepare wrote with"
            " --keep_borderline.",
        ),
        flags.DEFINE_string(
            "decisions",
            None,
            "File of the decisions, new or to be continued. A decision is on the disk"
            " as soon as the page shows it. filtering.discard reads those on clusters.",
            required=True,
        ),
        flags.DEFINE_string(
            "verdicts_csv",
            None,
            "With --prepared_dir: table of the verdicts for dataset.prepare"
            " --exclude_csv.",
        ),
        flags.DEFINE_string(
            "reviewer",
            None,
            "Name of the person, kept with each decision; by default the account's.",
        ),
        define_port(),
    ]


def define_discard():
    """Flags of `filtering.discard`."""
    return [
        flags.DEFINE_string(
            "data_dir",
            None,
            "Shard set to discard images of, one of filtering.cluster's --data_dir.",
            required=True,
        ),
        flags.DEFINE_string(
            "clusters_dir",
            None,
            "Folder that filtering.cluster wrote.",
            required=True,
        ),
        flags.DEFINE_string(
            "decisions",
            None,
            "What to discard: a decisions file of filtering.review on these clusters,"
            " or proposal: the images that filtering.cluster proposed.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder of the new shard set and of the figure kept_and_discarded.png.",
            required=True,
        ),
        flags.DEFINE_enum(
            "undecided",
            "refuse",
            UNDECIDED,
            "What becomes of images without a decision. refuse: nothing is written"
            " until all are decided.",
        ),
        flags.DEFINE_integer("seed", 0, "Seed of the images in the figure.", 0),
        flags.DEFINE_integer(
            "images_per_shard", 1024, "Images per TFRecord file.", lower_bound=1
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace another shard set in --output_dir."
        ),
    ]
