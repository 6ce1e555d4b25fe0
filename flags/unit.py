"""Flags of `unit.train` and `unit.refine`."""

from absl import flags

from flags import refining, training

flags.disclaim_key_flags()


def define_train():
    """Flags of `unit.train`."""
    return [
        *training.define_training(batch_size=1),
        *refining.define_domains(),
        *_define_steps(),
        *_define_networks(),
        *_define_losses(),
    ]


def _define_steps():
    return [
        flags.DEFINE_integer(
            "num_steps",
            100000,
            "Steps in all; one updates the discriminators, then encoders and decoders"
            " (Han et al., 2019: 100,000).",
            lower_bound=1,
        ),
        flags.DEFINE_list(
            "keep_steps",
            ["20000", "50000", "100000"],
            "Steps, by commas, whose weights are kept for unit.refine --step. (Han et"
            " al., 2019, choose among these three by validation accuracy.)",
        ),
        flags.DEFINE_integer(
            "sample_steps",
            1000,
            "Steps between two pictures of images and their translations.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "learning_rate", 1e-4, "Of Adam, at the beginning.", lower_bound=0.0
        ),
        flags.DEFINE_integer(
            "halving_steps",
            20000,
            "Steps after which the learning rate is halved, again and again.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "weight_decay",
            1e-4,
            "Times the weight is added to its gradient (re-release of 2018: 1e-4).",
            lower_bound=0.0,
        ),
    ]


def _define_networks():
    return [
        flags.DEFINE_integer(
            "base_maps",
            64,
            "Feature maps after the first convolution; others are up to 8 times that."
            " Half of it makes a step about three times cheaper.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "shared_blocks",
            1,
            "Residual blocks, the last of the encoders and the first of the decoders,"
            " that both domains share (Liu et al., 2017: 1; re-release of 2018: 0).",
            lower_bound=0,
            upper_bound=4,
        ),
        flags.DEFINE_enum(
            "norm_scale",
            "ones",
            ["ones", "uniform"],
            "What the scales of the decoders' layer norms begin with: 1, as usual, or"
            " draws from U(0, 1) (re-release of 2018).",
        ),
        flags.DEFINE_integer(
            "discriminator_scales",
            3,
            "Scales at which images are judged, each half as large as the one before."
            " Three need 64 px, two 32 px.",
            lower_bound=1,
        ),
    ]


def _define_losses():
    weights = [
        ("gan_weight", 1.0, "the adversarial loss", "10"),
        ("reconstruction_weight", 10.0, "|x - x'| within a domain", "100"),
        ("kl_weight", 0.01, "the latents' divergence from N(0, I)", "0.1"),
        ("cycle_weight", 10.0, "|x - x''|, there and back", "100"),
        ("cycle_kl_weight", 0.01, "the translations' latents' divergence", "0.1"),
    ]
    return [
        flags.DEFINE_enum(
            "gan_loss",
            "lsgan",
            ["lsgan", "cross_entropy"],
            "Adversarial loss: least squares (re-release of 2018) or cross-entropy (Liu"
            " et al., 2017).",
        ),
        *(
            flags.DEFINE_float(
                name, default, f"Weight of {term} (Liu et al., 2017: {first})."
            )
            for name, default, term, first in weights
        ),
    ]


def define_refine():
    """Flags of `unit.refine`."""
    return refining.define_refine("unit.train")
