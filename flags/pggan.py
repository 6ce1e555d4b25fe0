"""Flags of `pggan.train` and `pggan.generate`."""

from absl import flags

from flags import training

flags.disclaim_key_flags()


def define_train():
    """Flags of `pggan.train`."""
    return training.define_training(batch_size=16) + [
        flags.DEFINE_string(
            "data_dir",
            None,
            "Shard set with the training images of one class.",
            required=True,
        ),
        flags.DEFINE_string(
            "validation_dir",
            None,
            "Shard set with images of the same class of other patients. The distance of"
            " generated images to them is measured on the way; nothing is learnt from"
            " them.",
        ),
        flags.DEFINE_integer(
            "resolution",
            256,
            "Final height and width, in pixels: a power of 2. Smaller images are"
            " zero-padded to it, at a random place.",
        ),
        flags.DEFINE_float(
            "num_epochs",
            100.0,
            "Length of the training in passes over the images, shared equally by all"
            " phases (Han et al., 2019: 100). 0: --stabilize_kimg and --fade_kimg say"
            " it in images.",
            lower_bound=0.0,
        ),
        flags.DEFINE_list(
            "stabilize_kimg",
            ["600"],
            "With --num_epochs=0: thousands of images of a phase at one resolution, one"
            " number for all or one for each of 4, 8, ... px, by commas (Karras et al.,"
            " 2018: 600).",
        ),
        flags.DEFINE_list(
            "fade_kimg",
            ["600"],
            "The same for the phases in which 8, 16, ... px are faded in.",
        ),
        flags.DEFINE_integer("latent_size", 512, "Length of a latent.", lower_bound=1),
        flags.DEFINE_integer(
            "fmap_base",
            8192,
            "Feature maps at resolution R: 2 * fmap_base / R, at most --fmap_max."
            " Halving both makes a step about three times cheaper.",
            lower_bound=2,
        ),
        flags.DEFINE_integer("fmap_max", 512, "Most feature maps.", lower_bound=1),
        flags.DEFINE_integer(
            "stddev_group",
            16,
            "Images per group of D's minibatch standard deviation; divides the images"
            " that one replica has of a batch.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "learning_rate", 1e-3, "Of Adam, for G and D.", lower_bound=0.0
        ),
        flags.DEFINE_float(
            "ema_decay",
            0.999,
            "Decay per step of the moving average of G's weights, which generates.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
        flags.DEFINE_float(
            "gradient_penalty_weight",
            10.0,
            "Weight of the gradient penalty (Gulrajani et al., 2017: 10).",
        ),
        flags.DEFINE_enum(
            "penalty_size",
            "current",
            ["current", "final"],
            "Images with respect to which D's gradient has norm 1: those of the current"
            " resolution, or those enlarged to --resolution (the program of Karras et"
            " al., 2018). At half of it, final asks for norm 2 with a quarter of the"
            " weight, and so on downwards; at --resolution, both are the same.",
        ),
        flags.DEFINE_float(
            "drift_weight",
            0.001,
            "Weight of D(x)^2 (Karras et al., 2018: 0.001).",
        ),
        flags.DEFINE_float(
            "sample_kimg",
            10.0,
            "Thousands of images between two grids of samples; there is one at the end"
            " of each phase in any case.",
            lower_bound=0.001,
        ),
        *_define_distances(),
    ]


def _define_distances():
    return [
        flags.DEFINE_float(
            "distance_kimg",
            10.0,
            "With --validation_dir: thousands of images between two measurements of the"
            " sliced Wasserstein distance to its images, `swd` in the log; there is one"
            " at the end of each phase from 8 px on in any case. 0: none at all.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer(
            "distance_images",
            500,
            "Images on either side of a measurement, at most: as many as the smaller of"
            " --data_dir and --validation_dir has. Half as many make a distance 1.4"
            " times as uncertain.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "stop_when_flat",
            0.0,
            "With --validation_dir: thousands of images of the last phase after which"
            " the training ends if the distance has not fallen by more than its noise."
            " 0: it takes its full length.",
            lower_bound=0.0,
        ),
    ]


def define_generate():
    """Flags of `pggan.generate`."""
    return [
        flags.DEFINE_string(
            "model_dir", None, "Folder of a finished pggan.train.", required=True
        ),
        flags.DEFINE_string(
            "output_dir", None, "Folder of the new shard set.", required=True
        ),
        flags.DEFINE_integer(
            "num_images",
            100000,
            "Number of images (Han et al., 2019: 200,000 of both classes together).",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "seed",
            0,
            "Seed of the latents: image n depends on it and n alone, not on how many"
            " images are made, by how many GPUs, or in which shard it lies.",
            lower_bound=0,
        ),
        flags.DEFINE_bool(
            "use_ema", True, "Generate with the moving average of G's weights."
        ),
        flags.DEFINE_integer(
            "images_per_shard", 1024, "Images per TFRecord file.", lower_bound=1
        ),
        flags.DEFINE_bool("overwrite", False, "Replace a set that is there already."),
    ]
