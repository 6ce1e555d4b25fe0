"""Flags that every refiner has."""

from absl import flags

flags.disclaim_key_flags()


def define_domains():
    """Flags of what a refiner is trained on."""
    return [
        flags.DEFINE_string(
            "real_dir", None, "Shard set with real images of one class.", required=True
        ),
        flags.DEFINE_string(
            "synthetic_dir",
            None,
            "Shard set with synthetic images of the same class. Real images may be"
            " smaller; they are zero-padded to this set's size.",
            required=True,
        ),
        flags.DEFINE_integer(
            "num_images",
            3000,
            "Images of either set to train on, chosen at random by --seed (Han et al.,"
            " 2019: 3,000); 0 for all.",
            lower_bound=0,
        ),
    ]


def define_refine(trainer):
    """Flags of the binary that refines with what `trainer` has trained."""
    return [
        flags.DEFINE_string(
            "model_dir", None, f"Folder of a {trainer}.", required=True
        ),
        flags.DEFINE_string(
            "data_dir",
            None,
            "Shard set with the synthetic images to refine, of the class and size that"
            " --model_dir was trained on.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir", None, "Folder of the refined shard set.", required=True
        ),
        flags.DEFINE_integer(
            "step",
            0,
            "Step whose weights refine, one of the training's --keep_steps; 0 for the"
            " last.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "images_per_shard", 1024, "Images per TFRecord file.", lower_bound=1
        ),
        flags.DEFINE_bool("overwrite", False, "Replace a set that is there already."),
    ]
