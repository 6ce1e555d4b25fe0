"""Flags that every trainer has."""

from absl import flags

flags.disclaim_key_flags()

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def define_training(batch_size):
    """Defines them; `batch_size` is the default that the model's paper gives."""
    return [
        flags.DEFINE_string(
            "model_dir",
            None,
            "Folder of the training and its whole state: flags, checkpoints, logs,"
            " samples. Run the same command again to continue a stopped training.",
            required=True,
        ),
        flags.DEFINE_integer(
            "seed",
            0,
            "Seed of every draw: weights, order, augmentation, latents.",
            lower_bound=0,
            upper_bound=2**20,
        ),
        flags.DEFINE_integer(
            "batch_size",
            batch_size,
            "Images per step over all replicas together.",
            lower_bound=1,
        ),
        flags.DEFINE_enum(
            "strategy",
            "auto",
            STRATEGIES,
            "Where to train: auto mirrors over as many local GPUs as the batch"
            " divides among;"
            " multi_worker trains on several machines, which TF_CONFIG names (docs/"
            "several_machines.md).",
        ),
        flags.DEFINE_enum(
            "precision",
            "float32",
            PRECISIONS,
            "Arithmetic of convolutions; losses, norms and penalties stay float32."
            " bfloat16 for recent GPUs and CPUs, float16 for older GPUs.",
        ),
        flags.DEFINE_bool("jit_compile", False, "Compile the step with XLA."),
        flags.DEFINE_bool(
            "deterministic",
            False,
            "Only bit-reproducible operations: the same command gives the same weights"
            " to the last bit, stopped in between or not (CPU). Somewhat slower.",
        ),
        flags.DEFINE_bool(
            "dry_run", False, "Check inputs and flags, print the plan, and stop."
        ),
        flags.DEFINE_bool(
            "start_over",
            False,
            "Where model_dir holds a training by other flags or on other images, put"
            " it aside as model_dir.1 (.2, ...) and train anew. Without this flag such"
            " a training is refused. One by the same flags goes on as ever.",
        ),
        flags.DEFINE_float(
            "checkpoint_minutes",
            10.0,
            "Minutes between checkpoints: the most work that a crash can cost. 0 saves"
            " after every step.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer(
            "log_steps",
            100,
            "Steps between two lines of log.jsonl and points in TensorBoard.",
            lower_bound=1,
        ),
    ]
