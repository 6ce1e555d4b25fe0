"""Flags that every trainer has, and those of every refiner."""

from flags.kinds import choice, count, integer, number, overwrite, path, switch


def define_training(batch_size):
    """Defines them; `batch_size` is the default that the model's paper gives."""
    return dict(
        model_dir=path(
            "Folder of the training and its whole state: flags, checkpoints, logs,"
            " samples. Run the same command again to continue a stopped training."
        ),
        seed=integer(
            0, "Seed of every draw: weights, order, augmentation, latents.", most=2**20
        ),
        batch_size=count(batch_size, "Images per step over all replicas together."),
        strategy=choice(
            ["auto", "one_device", "mirrored", "multi_worker"],
            "Where to train: auto mirrors over as many local GPUs as the batch"
            " divides among;"
            " multi_worker trains on several machines, which TF_CONFIG names (docs/"
            "several_machines.md).",
        ),
        precision=choice(
            ["float32", "mixed_bfloat16", "mixed_float16", "auto"],
            "Arithmetic of convolutions; losses, penalties and the statistics of norms"
            " stay float32."
            " bfloat16 for recent GPUs and CPUs, float16 for older GPUs; auto: bfloat16"
            " where the hardware computes in it, else float32. A training that is"
            " continued keeps its own. Not with --strategy=multi_worker.",
        ),
        jit_compile=switch("Compile the step with XLA."),
        deterministic=switch(
            "Only bit-reproducible operations: the same command gives the same weights"
            " to the last bit, stopped in between or not (CPU). Somewhat slower."
        ),
        dry_run=switch("Check inputs and flags, print the plan, and stop."),
        start_over=switch(
            "Where model_dir holds a training by other flags or on other images, put"
            " it aside as model_dir.1 (.2, ...) and train from the beginning. Without"
            " this flag such a training is refused. One with the same flags continues."
        ),
        checkpoint_minutes=number(
            10.0,
            "Minutes between checkpoints: the most work that a crash can cost. 0 saves"
            " after every step.",
        ),
        log_steps=count(
            100, "Steps between two lines of log.jsonl and points in TensorBoard."
        ),
    )


def define_domains():
    """Flags of what a refiner is trained on."""
    return dict(
        real_dir=path("Shard set with real images of one class."),
        synthetic_dir=path(
            "Shard set with synthetic images of the same class. Real images may be"
            " smaller; they are zero-padded to this set's size."
        ),
        num_images=integer(
            3000,
            "Images of either set to train on, chosen at random by --seed (Han et al.,"
            " 2019: 3,000); 0 for all.",
        ),
    )


def define_translation():
    """Flags of both refiners that translate between domains, UNIT and MUNIT."""
    return dict(
        sample_steps=count(
            1000, "Steps between two pictures of images and their translations."
        ),
        learning_rate=number(1e-4, "Learning rate of Adam in the first steps."),
        weight_decay=number(
            1e-4,
            "Times the weight is added to its gradient (re-release of 2018: 1e-4).",
        ),
        base_maps=count(
            64,
            "Feature maps after the first convolution; others are up to 8 times that."
            " Half of it makes a step about three times cheaper.",
        ),
        norm_scale=choice(
            ["ones", "uniform"],
            "What the scales of the decoders' layer norms begin with: 1, as usual, or"
            " draws from U(0, 1) (re-release of 2018).",
        ),
        discriminator_scales=count(
            3,
            "Scales at which images are judged, each half as large as the one before."
            " Three need 64 px, two 32 px.",
        ),
    )


def define_refine(trainer):
    """Flags of the binary that refines with what `trainer` has trained."""
    return dict(
        model_dir=path(f"Folder of a {trainer}."),
        data_dir=path(
            "Shard set with the synthetic images to refine, of the class and size that"
            " --model_dir was trained on."
        ),
        output_dir=path("Folder of the refined shard set."),
        step=integer(
            0,
            "Step whose weights refine, one of the training's --keep_steps; 0 for the"
            " last.",
        ),
        images_per_shard=count(1024, "Images per TFRecord file."),
        overwrite=overwrite("a set that is there already"),
    )
