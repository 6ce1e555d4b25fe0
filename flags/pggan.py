"""Flags of `pggan.train` and `pggan.generate`."""

from flags import training
from flags.kinds import (
    choice,
    count,
    fraction,
    integer,
    items,
    number,
    overwrite,
    path,
    switch,
)


def define_train():
    """Flags of `pggan.train`."""
    return dict(
        **training.define_training(batch_size=16),
        data_dir=path("Shard set with the training images of one class."),
        validation_dir=path(
            "Shard set with images of the same class of other patients. The distance of"
            " generated images to them is measured on the way; nothing is learnt from"
            " them.",
            required=False,
        ),
        resolution=integer(
            256,
            "Final height and width, in pixels: a power of 2. Smaller images are"
            " zero-padded to it, at a random place.",
            least=None,
        ),
        num_epochs=number(
            100.0,
            "Length of the training in passes over the images, shared equally by all"
            " phases (Han et al., 2019: 100). 0: --stabilize_kimg and --fade_kimg say"
            " it in images.",
        ),
        stabilize_kimg=items(
            ["600"],
            "With --num_epochs=0: thousands of images of a phase at one resolution, one"
            " number for all or one for each of 4, 8, ... px, by commas (Karras et al.,"
            " 2018: 600).",
        ),
        fade_kimg=items(
            ["600"], "The same for the phases in which 8, 16, ... px are faded in."
        ),
        latent_size=count(512, "Length of a latent."),
        fmap_base=integer(
            8192,
            "Feature maps at resolution R: 2 * fmap_base / R, at most --fmap_max."
            " Halving both makes a step about three times cheaper.",
            least=2,
        ),
        fmap_max=count(512, "Most feature maps."),
        stddev_group=count(
            16,
            "Images per group of D's minibatch standard deviation; divides the images"
            " that one replica has of a batch.",
        ),
        learning_rate=number(1e-3, "Of Adam, for G and D."),
        ema_decay=fraction(
            0.999,
            "Decay per step of the moving average of G's weights, which generates.",
        ),
        gradient_penalty_weight=number(
            10.0,
            "Weight of the gradient penalty (Gulrajani et al., 2017: 10).",
            least=None,
        ),
        penalty_size=choice(
            ["current", "final"],
            "Images with respect to which D's gradient has norm 1: those of the current"
            " resolution, or those enlarged to --resolution (the program of Karras et"
            " al., 2018). At half of it, final asks for norm 2 with a quarter of the"
            " weight, and so on downwards; at --resolution, both are the same.",
        ),
        drift_weight=number(
            0.001, "Weight of D(x)^2 (Karras et al., 2018: 0.001).", least=None
        ),
        sample_kimg=number(
            10.0,
            "Thousands of images between two grids of samples; there is one at the end"
            " of each phase in any case.",
            least=0.001,
        ),
        **_define_guide(),
        **_define_distances(),
    )


def _define_guide():
    return dict(
        guide_dir=path(
            "With --guide_weight: SavedModel of classifier.export, a detector that was"
            " trained on real images of the training part. G is rewarded for images of"
            " --resolution that are hard for it and yet of their class (future work of"
            " Han et al., 2019).",
            required=False,
        ),
        guide_weight=number(
            0.0, "Weight of that reward beside G's adversarial loss; 0: no guide."
        ),
        guide_probability=number(
            0.6,
            "Probability of an image's own class that the detector is to give it: the"
            " nearer to 0.5, the harder.",
            least=0.5,
            most=0.999,
        ),
    )


def _define_distances():
    return dict(
        distance_kimg=number(
            10.0,
            "With --validation_dir: thousands of images between two measurements of the"
            " sliced Wasserstein distance to its images, `swd` in the log; there is one"
            " at the end of each phase from 8 px on in any case. 0: none at all.",
        ),
        distance_images=count(
            500,
            "Images on either side of a measurement, at most: as many as the smaller of"
            " --data_dir and --validation_dir has. Half as many make a distance 1.4"
            " times as uncertain.",
        ),
        stop_when_flat=number(
            0.0,
            "With --validation_dir: thousands of images of the last phase after which"
            " the training ends if the distance has not fallen by more than its noise."
            " 0: it takes its full length.",
        ),
    )


def define_generate():
    """Flags of `pggan.generate`."""
    return dict(
        model_dir=path("Folder of a finished pggan.train."),
        output_dir=path("Folder of the new shard set."),
        num_images=count(
            100000,
            "Number of images (Han et al., 2019: 200,000 of both classes together).",
        ),
        seed=integer(
            0,
            "Seed of the latents: image n depends on it and n alone, not on how many"
            " images are made, by how many GPUs, or in which shard it lies.",
        ),
        use_ema=switch(
            "Generate with the moving average of G's weights.", default=True
        ),
        images_per_shard=count(1024, "Images per TFRecord file."),
        overwrite=overwrite("a set that is there already"),
    )
