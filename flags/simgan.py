"""Flags of `simgan.train` and `simgan.refine`."""

from flags import training
from flags.kinds import choice, count, fraction, integer, items, number


def define_train():
    """Flags of `simgan.train`."""
    return dict(
        **training.define_training(batch_size=10),
        **training.define_domains(),
        **_define_steps(),
        **_define_networks(),
        **_define_losses(),
    )


def _define_steps():
    return dict(
        num_steps=count(
            20000, "Steps in all, pre-training among them (Han et al., 2019: 20,000)."
        ),
        pretrain_refiner_steps=integer(
            500,
            "First steps, in which the refiner alone learns to change nothing: one"
            " update each, on the regularization term.",
        ),
        pretrain_discriminator_steps=integer(
            200,
            "Steps after those, in which the discriminator alone learns: one update"
            " each (Shrivastava et al., 2017: 200).",
        ),
        refiner_updates=count(
            2, "Updates of the refiner per step of the main part, each on a new batch."
        ),
        discriminator_updates=count(
            1, "Updates of the discriminator per step of the main part, after those."
        ),
        keep_steps=items(
            ["20000"],
            "Steps, by commas, whose weights are kept for simgan.refine --step.",
        ),
        sample_steps=count(
            1000, "Steps between two pictures of images before and after refining."
        ),
        learning_rate=number(1e-4, "Of SGD, at the beginning."),
        halving_steps=count(15000, "Steps after which the learning rate is halved."),
        num_halvings=integer(
            1,
            "Times at most that it is halved (Han et al., 2019: once); 0 for again and"
            " again, every --halving_steps.",
        ),
        refiner_rate_factor=number(
            1.0,
            "What the refiner's learning rate is multiplied by after pre-training. Less"
            " than 1 lets the discriminator follow a refiner that changes slowly.",
        ),
    )


def _define_networks():
    return dict(
        architecture=choice(
            ["hands", "eyes"],
            "Which networks of Shrivastava et al. (2017), appendix. Those for hands are"
            " for images of 224 px: first filters of 7x7; the discriminator scores a"
            " patch every 32 px, which sees 71 px. Those for eyes are for 55x35 px:"
            " filters of 3x3; a patch every 4 px, which sees 23 px. Residual blocks are"
            " --num_blocks (10 for hands, 4 for eyes).",
        ),
        num_blocks=integer(10, "Residual blocks of the refiner."),
        base_maps=integer(
            64,
            "Feature maps of the refiner's convolutions; the discriminator has 3/2, 1,"
            " 1/2 and 1/2 times as many. Half of it makes a step about three times"
            " cheaper.",
            least=2,
        ),
        block_kernel_size=count(
            3,
            "Height and width of the residual blocks' filters, in pixels. The appendix"
            " of Shrivastava et al. (2017) can be read as 7 in all of them: five times"
            " the weights and the work.",
        ),
        output_activation=choice(
            ["tanh", "linear"],
            "What follows the refiner's last convolution. Shrivastava et al. (2017)"
            " name nothing, which is linear; tanh keeps images within their range, but"
            " never reaches its ends.",
        ),
        block_scale=number(
            1.0,
            "Scale of the last batch norm of each residual block, before training. With"
            " 0 a block changes nothing at first, and the refiner is soon the identity;"
            " with 1 each adds noise of variance 1 to its input.",
        ),
        batch_norm_momentum=fraction(
            0.99,
            "Part of batch norm's moving averages that stays in each update; they are"
            " what refines. Give 0.9 to a training of few hundred steps.",
        ),
    )


def _define_losses():
    return dict(
        loss_reduction=choice(
            ["sum", "mean"],
            "What an image's losses are of its patches and pixels: their sums"
            " (Shrivastava et al., 2017) or means. Of sums, one --learning_rate makes"
            " steps as many times larger as there are patches: 64 at 256 px.",
        ),
        regularization_weight=number(
            None,
            "Weight of |refined - synthetic| beside the adversarial loss: more keeps"
            " images as they are, less lets them change. By default 0.01 of sums or 10"
            " of means. 0.01 of sums is 10.24 of means: a patch has 32x32 pixels.",
        ),
        history_size=count(
            500,
            "Refined images of earlier steps that are kept for the discriminator"
            " (Shrivastava et al., 2017, give no number). They lie in memory and in the"
            " checkpoint, 4 bytes a pixel.",
        ),
    )


def define_refine():
    """Flags of `simgan.refine`."""
    return training.define_refine("simgan.train")
