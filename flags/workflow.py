"""Flags of `workflow.run`."""

from flags.kinds import count, path, paths, switch


def define_run():
    return dict(
        configuration=path(
            "YAML file that says what the experiment consists of, such as"
            " workflow/demo.yaml."
        ),
        output_dir=path(
            "Folder for everything that the experiment makes. Run the same command"
            " again to continue a stopped one; what is finished is not done again."
        ),
        brats_dir=path(
            "Folder of BraTS cases, any year's, in place of the configuration's;"
            " phantom for artificial cases.",
            required=False,
        ),
        images_dir=path(
            "Folder of 2-D images by patient, as dataset.import_images reads it, in"
            " place of the configuration's cases.",
            required=False,
        ),
        snakemake=path(
            "Command that starts Snakemake, which has to live in an environment of its"
            " own: it needs a newer wrapt than TensorFlow 2.15 has. Default: that of"
            " .venv-workflow, which `make demo` brings, or else the one on the PATH.",
            required=False,
        ),
        cores=count(2, "CPU cores that steps may occupy together."),
        profile=path(
            "Where steps run: a folder with Snakemake's settings for it, such as"
            " workflow/profiles/slurm (docs/cluster.md).",
            required=False,
        ),
        gpus=paths(
            "GPUs of this machine to share out among steps at work at the same time,"
            " as in CUDA_VISIBLE_DEVICES: 0,1,2,3. Without it every step sees all.",
            required=False,
        ),
        retrain=switch(
            "Where a training's settings or images have changed since it was made, put"
            " it aside (model.1, ...) and train from the beginning. Without this flag"
            " such a training is refused, so that an edit does not cost days of work."
        ),
        dry_run=switch(
            "Show what would be done, check flags, files and sizes of every step"
            " without running any, and stop. Takes minutes: networks are built."
        ),
    )
