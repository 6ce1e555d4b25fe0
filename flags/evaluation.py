"""Flags of `evaluation.quality` and `evaluation.tsne`."""

from absl import flags

flags.disclaim_key_flags()

MEASURES = ("swd", "ms_ssim", "kid", "fid", "precision_recall")
BACKBONES = ("inception_v3", "densenet121", "densenet169", "densenet201", "resnet50")
BACKBONES += ("descriptors",)


def define_features():
    """Flags of what images are compared by, other than pixels."""
    return [
        flags.DEFINE_enum(
            "backbone",
            "inception_v3",
            BACKBONES,
            "Network whose pooled features images are compared by, or descriptors:"
            " measures made by hand, which need no weights.",
        ),
        flags.DEFINE_string(
            "weights",
            "imagenet",
            "Weights of the network: imagenet (Keras' own, from its cache or the net),"
            " none (random, a weak measure) or the path of a file of Keras' layout.",
        ),
        flags.DEFINE_integer(
            "feature_size",
            0,
            "Height and width, in pixels, at which the network sees images; 0 for its"
            " own, 299 or 224.",
            lower_bound=0,
        ),
    ]


def define_quality():
    """Flags of `evaluation.quality` and `evaluation.tsne`."""
    return [
        flags.DEFINE_list(
            "real_dirs",
            None,
            "Shard sets of real images, by commas; for the memorisation report those"
            " that the generators were trained on.",
            required=True,
        ),
        flags.DEFINE_list(
            "held_out_dirs",
            [],
            "Shard sets of real images of other patients than --real_dirs, by commas."
            " With them the memorisation report is made: whether synthetic images are"
            " nearer to training images than those of unseen patients.",
        ),
        flags.DEFINE_multi_string(
            "synthetic_dirs",
            None,
            "A row of the results as NAME=FOLDER,FOLDER...: shard sets of the images to"
            " measure. Give the flag once per row. It has to have the classes of"
            " --real_dirs; smaller images are zero-padded to the size of the largest.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for quality.md, .csv and .json, and memorisation.*.",
            required=True,
        ),
        flags.DEFINE_list(
            "measures",
            list(MEASURES),
            f"What to measure, by commas, of {', '.join(MEASURES)}.",
        ),
        flags.DEFINE_integer(
            "num_splits",
            3,
            "How many times the real images are divided into halves; results are means"
            " over these divisions, with their spread.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "num_images",
            0,
            "Images on either side of every comparison; 0 for as many as the smallest"
            " half or set has. Values of other numbers of images do not compare.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "memorisation_images",
            0,
            "Images of each synthetic set whose nearest training images are sought; 0"
            " for all.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "seed", 0, "Seed of halves, draws, patches and directions.", lower_bound=0
        ),
        flags.DEFINE_bool("overwrite", False, "Replace the results in --output_dir."),
        *define_features(),
    ]


def define_tsne():
    """Flags of `evaluation.tsne`."""
    return [
        flags.DEFINE_list(
            "real_dirs", None, "Shard sets of real images, by commas.", required=True
        ),
        flags.DEFINE_multi_string(
            "synthetic_dirs",
            None,
            "A panel as NAME=FOLDER,FOLDER...: its title, and shard sets of the classes"
            " of --real_dirs. Give the flag once per panel (Han et al., 2019:"
            " geometrically-transformed, PGGAN, UNIT, SimGAN).",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for tsne.png, .svg, .csv (coordinates) and .json.",
            required=True,
        ),
        flags.DEFINE_integer(
            "num_images",
            300,
            "Images of each class of each set, chosen by --seed (Han et al., 2019: 300"
            " per category).",
            lower_bound=2,
        ),
        flags.DEFINE_float(
            "perplexity",
            100.0,
            "How many neighbours an image has, roughly (Han et al., 2019: 100); less"
            " than the images of a plane.",
            lower_bound=1.0,
        ),
        flags.DEFINE_integer(
            "num_iterations",
            1000,
            "Steps of t-SNE (Han et al., 2019: 1,000), the first 250 exaggerated.",
            lower_bound=250,
        ),
        flags.DEFINE_enum(
            "space",
            "pixels",
            ("pixels", "features"),
            "Whether images are alike by their pixels, as in the paper, or by features"
            " of --backbone.",
        ),
        flags.DEFINE_bool(
            "joint",
            False,
            "One plane for all sets, with the real images at the same places in every"
            " panel, instead of a plane of its own for each (Han et al., 2019).",
        ),
        flags.DEFINE_integer(
            "seed", 0, "Seed of the choice of images and of t-SNE.", lower_bound=0
        ),
        flags.DEFINE_bool("overwrite", False, "Replace the figure in --output_dir."),
        *define_features(),
    ]
