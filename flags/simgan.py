"""Flags of `simgan.train` and `simgan.refine`."""

from absl import flags

from flags import refining, training

flags.disclaim_key_flags()


def define_train():
    """Flags of `simgan.train`."""
    return [
        *training.define_training(batch_size=10),
        *refining.define_domains(),
        *_define_steps(),
        *_define_networks(),
        *_define_losses(),
    ]


def _define_steps():
    return [
        flags.DEFINE_integer(
            "num_steps",
            20000,
            "Steps in all, pre-training among them (Han et al., 2019: 20,000).",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "pretrain_refiner_steps",
            500,
            "First steps, in which the refiner alone learns to change nothing: one"
            " update each, on the regularization term.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "pretrain_discriminator_steps",
            200,
            "Steps after those, in which the discriminator alone learns: one update"
            " each (Shrivastava et al., 2017: 200).",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "refiner_updates",
            2,
            "Updates of the refiner per step of the main part, each on a new batch.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "discriminator_updates",
            1,
            "Updates of the discriminator per step of the main part, after those.",
            lower_bound=1,
        ),
        flags.DEFINE_list(
            "keep_steps",
            ["20000"],
            "Steps, by commas, whose weights are kept for simgan.refine --step.",
        ),
        flags.DEFINE_integer(
            "sample_steps",
            1000,
            "Steps between two pictures of images before and after refining.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "learning_rate", 1e-4, "Of SGD, at the beginning.", lower_bound=0.0
        ),
        flags.DEFINE_integer(
            "halving_steps",
            15000,
            "Steps after which the learning rate is halved.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "num_halvings",
            1,
            "Times at most that it is halved (Han et al., 2019: once); 0 for again and"
            " again, every --halving_steps.",
            lower_bound=0,
        ),
    ]


def _define_networks():
    return [
        flags.DEFINE_integer(
            "num_blocks", 10, "Residual blocks of the refiner.", lower_bound=0
        ),
        flags.DEFINE_integer(
            "base_maps",
            64,
            "Feature maps of the refiner's convolutions; the discriminator has 3/2, 1,"
            " 1/2 and 1/2 times as many. Half of it makes a step about three times"
            " cheaper.",
            lower_bound=2,
        ),
        flags.DEFINE_integer(
            "block_kernel_size",
            3,
            "Height and width of the residual blocks' filters, in pixels. The appendix"
            " of Shrivastava et al. (2017) can be read as 7 in all of them: five times"
            " the weights and the work.",
            lower_bound=1,
        ),
        flags.DEFINE_float(
            "batch_norm_momentum",
            0.99,
            "Part of batch norm's moving averages that stays in each update; they are"
            " what refines. Give 0.9 to a training of few hundred steps.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
    ]


def _define_losses():
    return [
        flags.DEFINE_enum(
            "loss_reduction",
            "sum",
            ["sum", "mean"],
            "What an image's losses are of its patches and pixels: their sums"
            " (Shrivastava et al., 2017) or means. Of sums, one --learning_rate makes"
            " steps as many times larger as there are patches: 64 at 256 px.",
        ),
        flags.DEFINE_float(
            "regularization_weight",
            None,
            "Weight of |refined - synthetic| beside the adversarial loss: more keeps"
            " images as they are, less lets them change. By default 0.01 of sums or 10"
            " of means. 0.01 of sums is 10.24 of means: a patch has 32x32 pixels.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer(
            "history_size",
            500,
            "Refined images of earlier steps that are kept for the discriminator"
            " (Shrivastava et al., 2017, give no number). They lie in memory and in the"
            " checkpoint, 4 bytes a pixel.",
            lower_bound=1,
        ),
    ]


def define_refine():
    """Flags of `simgan.refine`."""
    return refining.define_refine("simgan.train")
