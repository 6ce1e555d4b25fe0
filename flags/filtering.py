"""Flags of `filtering.cluster` and `filtering.discard`."""

from absl import flags

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
    """Flags of `filtering.cluster`."""
    return [
        *_define_images(),
        *_define_features(),
        flags.DEFINE_integer(
            "num_clusters",
            200,
            "Number of clusters (Han et al., 2019: 200 of 200,000 images). A person"
            " looks at each, so for fewer images take fewer: 50 or more per cluster.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "max_suspicion",
            1.25,
            "Images above this suspicion are proposed for discarding. 1 is where real"
            " images end: 95 % of the images of nine in ten patients are below. Lower"
            " finds more, and loses more good images.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer(
            "seed", 0, "Seed of the first centres, and of random weights.", 0
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace clusters that stand in --output_dir."
        ),
    ]


def _define_images():
    return [
        flags.DEFINE_list(
            "data_dir",
            None,
            "Shard sets of the images to sort, by commas, all of one size.",
            required=True,
        ),
        flags.DEFINE_list(
            "reference_dir",
            [],
            "Shard sets of real images of at least two patients, by commas: those that"
            " the GAN was trained on. With them each image and cluster gets a suspicion"
            " and a proposal. Smaller ones are zero-padded to the size of --data_dir.",
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder of clusters.json, clusters.csv and a contact sheet per cluster. Run"
            " the same command again to go on with a stopped run.",
            required=True,
        ),
    ]


def _define_features():
    return [
        flags.DEFINE_enum(
            "backbone",
            "auto",
            BACKBONES,
            "What images are compared by: a network of Keras (Han et al., 2019:"
            " densenet169) or descriptors, measures of layout, edges, detail and"
            " symmetry made by hand. auto: densenet169; descriptors if --weights=none,"
            " which find far more than a network with random weights.",
        ),
        flags.DEFINE_string(
            "weights",
            "imagenet",
            "Weights of the network: imagenet (Keras' own file, from its cache or"
            " downloaded), the path of a file of Keras' layout, or none.",
        ),
        flags.DEFINE_integer(
            "feature_size",
            0,
            "Height and width at which the network sees an image, in pixels; 0 for what"
            " it was trained on, 224 or 299.",
            lower_bound=0,
        ),
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
            "clusters_dir", None, "Folder of filtering.cluster.", required=True
        ),
        flags.DEFINE_string(
            "decisions",
            None,
            "What to discard: a file of filtering.review about these clusters, or"
            " proposal: what filtering.cluster proposed, image by image.",
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
            "What becomes of images that nobody has decided about. refuse: nothing is"
            " written until all are decided.",
        ),
        flags.DEFINE_integer("seed", 0, "Seed of the choice for the figure.", 0),
        flags.DEFINE_integer(
            "images_per_shard", 1024, "Images per TFRecord file.", lower_bound=1
        ),
        flags.DEFINE_bool("overwrite", False, "Replace a set that is there already."),
    ]
