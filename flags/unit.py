"""Flags of `unit.train` and `unit.refine`."""

from flags import training
from flags.kinds import choice, count, integer, items, number, switch


def define_train():
    """Flags of `unit.train`."""
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
            100000,
            "Steps in all; one updates the discriminators, then encoders and decoders"
            " (Han et al., 2019: 100,000).",
        ),
        keep_steps=items(
            ["20000", "50000", "100000"],
            "Steps, by commas, whose weights are kept for unit.refine --step. (Han et"
            " al., 2019, choose among these three by validation accuracy.)",
        ),
        halving_steps=count(
            20000, "Steps after which the learning rate is halved, again and again."
        ),
        shared_translations=switch(
            "Show the discriminators the translations that encoders and decoders are"
            " updated on. Otherwise they have ones with noise of their own (re-release"
            " of 2018), which takes a fifteenth longer."
        ),
    )


def _define_networks():
    return dict(
        shared_blocks=integer(
            1,
            "Residual blocks, the last of the encoders and the first of the decoders,"
            " that both domains share (Liu et al., 2017: 1; re-release of 2018: 0).",
            most=4,
        ),
    )


def _define_losses():
    return dict(
        gan_loss=choice(
            ["lsgan", "cross_entropy"],
            "Adversarial loss: least squares (re-release of 2018) or cross-entropy (Liu"
            " et al., 2017).",
        ),
        gan_weight=_weight(1.0, "the adversarial loss", "10"),
        reconstruction_weight=_weight(10.0, "|x - x'| within a domain", "100"),
        kl_weight=_weight(0.01, "the latents' divergence from N(0, I)", "0.1"),
        cycle_weight=_weight(10.0, "|x - x''|, there and back", "100"),
        cycle_kl_weight=_weight(0.01, "the translations' latents' divergence", "0.1"),
    )


def _weight(default, term, first):
    text = f"Weight of {term} (Liu et al., 2017: {first})."
    return number(default, text)


def define_refine():
    """Flags of `unit.refine`."""
    return training.define_refine("unit.train")
