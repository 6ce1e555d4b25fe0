"""Flags of `munit.train` and `munit.refine`."""

from flags import training
from flags.kinds import choice, count, integer, items, number, path


def define_train():
    """Flags of `munit.train`."""
    return dict(
        **training.define_training(batch_size=1),
        **training.define_domains(),
        **training.define_translation(),
        **_define_steps(),
        **_define_networks(),
        **_define_losses(),
    )


def _define_steps():
    return dict(
        num_steps=count(
            1000000,
            "Steps in all; one updates the discriminators, then encoders and decoders"
            " (re-release of Huang et al., 2018: 1,000,000).",
        ),
        keep_steps=items(
            [], "Steps, by commas, whose weights are kept for munit.refine --step."
        ),
        halving_steps=count(
            100000,
            "Steps after which the learning rate is halved, again and again (Huang et"
            " al., 2018: 100,000).",
        ),
    )


def _define_networks():
    return dict(
        style_size=count(8, "Length of a style (Huang et al., 2018: 8)."),
        mlp_units=count(
            256,
            "Units of the two hidden layers that make of a style the statistics of the"
            " decoder's norms (re-release: 256).",
        ),
    )


def _define_losses():
    return dict(
        gan_loss=choice(
            ["lsgan", "cross_entropy"],
            "Adversarial loss: least squares (Huang et al., 2018) or cross-entropy.",
        ),
        gan_weight=_weight(1.0, "the adversarial loss", "1"),
        reconstruction_weight=_weight(10.0, "|x - x'| within a domain", "10"),
        content_weight=_weight(1.0, "|c - c'| of an image and its translation", "1"),
        style_weight=_weight(
            1.0, "|s - s'| of a drawn style and that of the image made with it", "1"
        ),
        cycle_weight=_weight(
            0.0, "|x - x''|, there and back with the image's own style", "optional"
        ),
        perceptual_weight=_weight(
            0.0,
            "the difference between an image and its translation as VGG-16 sees them,"
            " instance norm after it",
            "1 for some data, else none",
        ),
        weights=path(
            "Of the VGG-16 for --perceptual_weight: imagenet (Keras' own file, from its"
            " cache or downloaded) or the path of a file of Keras' layout. none:"
            " random weights, which say little.",
            default="none",
            required=False,
        ),
    )


def _weight(default, term, original):
    return number(default, f"Weight of {term} (Huang et al., 2018: {original}).")


def define_refine():
    """Flags of `munit.refine`."""
    return dict(
        **training.define_refine("munit.train"),
        seed=integer(
            0,
            "Seed of the styles: an image's depends on it and the image's id alone.",
            most=2**20,
        ),
        real_dir=path(
            "Shard set with real images of the same class, of patients of the training"
            " part: every image gets the style of one of them. Without it, styles are"
            " drawn from N(0, I).",
            required=False,
        ),
    )
