"""Flags of `workflow.run`."""

from absl import flags

flags.disclaim_key_flags()


def define_run():
    return [
        flags.DEFINE_string(
            "configuration",
            None,
            "YAML file that says what the experiment consists of, such as"
            " workflow/demo.yaml.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for everything that the experiment makes. Run the same command"
            " again to continue a stopped one; what is finished is not done again.",
            required=True,
        ),
        flags.DEFINE_string(
            "brats_dir",
            None,
            "Folder of BraTS cases, any year's, in place of the configuration's;"
            " phantom for artificial cases.",
        ),
        flags.DEFINE_string(
            "images_dir",
            None,
            "Folder of 2-D images by patient, as dataset.import_images reads it, in"
            " place of the configuration's cases.",
        ),
        flags.DEFINE_string(
            "snakemake",
            None,
            "Command that starts Snakemake, which has to live in an environment of its"
            " own: it wants a newer wrapt than TensorFlow 2.15. Default: that of"
            " .venv-workflow, which `make demo` brings, or else the one on the PATH.",
        ),
        flags.DEFINE_integer(
            "cores", 2, "CPU cores that steps may occupy together.", lower_bound=1
        ),
        flags.DEFINE_string(
            "profile",
            None,
            "Where steps run: a folder with Snakemake's settings for it, such as"
            " workflow/profiles/slurm (docs/cluster.md).",
        ),
        flags.DEFINE_list(
            "gpus",
            [],
            "GPUs of this machine to share out among steps at work at the same time,"
            " as in CUDA_VISIBLE_DEVICES: 0,1,2,3. Without it every step sees all.",
        ),
        flags.DEFINE_bool(
            "retrain",
            False,
            "Where a training's settings or images have changed since it was made, put"
            " it aside (model.1, ...) and train anew. Without this flag such a training"
            " is refused, so that an edit does not cost days of work.",
        ),
        flags.DEFINE_bool(
            "dry_run",
            False,
            "Show what would be done, check flags, files and sizes of every step"
            " without running any, and stop. Takes minutes: networks are built.",
        ),
    ]
