"""Trains PGGAN on the images of one class.

python -m pggan.train --data_dir=real/train/tumor --model_dir=models/pggan_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("pggan.train")

from typing import Any

import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import variables_sha256
from dataset.record_faults import record_errors
from dataset.shards import ShardSet
from pggan import growth, input_pipeline
from pggan.guide import open_guide
from pggan.model import PGGAN
from pggan.progress import Progress, open_progress
from training import callbacks as training_callbacks
from training.input import check_labels
from training.model import unique
from training.phases import phase_at
from training.run import Run

GRID_IMAGES = 36


def train(
    run,
    *,
    data_dir,
    validation_dir,
    resolution,
    num_epochs,
    stabilize_kimg,
    fade_kimg,
    sample_kimg,
    distance_kimg,
    distance_images,
    stop_when_flat,
    **model_settings,
):
    """Trains in the folder of `run`; the arguments are the flags of the same names."""
    shard_set = ShardSet(data_dir)
    label = check_labels(shard_set, None, "data_dir")
    input_pipeline.check_size(shard_set.image_size, resolution, "data_dir")
    if num_epochs:
        kimg = growth.kimg_of_epochs(resolution, num_epochs, len(shard_set))
        stabilize_kimg = fade_kimg = [kimg]
    phases = growth.schedule(
        resolution,
        stabilize_kimg=stabilize_kimg,
        fade_kimg=fade_kimg,
        batch_size=run.batch_size,
    )
    check_group(model_settings["stddev_group"], run)
    progress = open_progress(
        run,
        shard_set,
        validation_dir,
        resolution=resolution,
        distance_kimg=distance_kimg,
        distance_images=distance_images,
        stop_when_flat=stop_when_flat,
    )
    model = build(run, resolution, progress, label, **model_settings)
    facts = {"class": label, **describe(model, phases, shard_set)}
    num_steps = phases[-1].stop // run.batch_size
    inputs = {"data_dir": [shard_set]}
    if progress:
        inputs["validation_dir"] = [progress.validation_set]
        facts["distance"] = progress.describe()
    guide_dir, digests = model_settings["guide_dir"], {}
    if model_settings["guide_weight"]:
        digests["guide_dir"] = variables_sha256(guide_dir)
    if not run.start(
        model, num_steps=num_steps, inputs=inputs, facts=facts, digests=digests
    ):
        return
    if progress and progress.ended:
        run.num_steps = run.step
    while run.step < run.num_steps:
        phase = phase_at(phases, run.step * run.batch_size)
        train_phase(run, model, phase, shard_set, resolution, sample_kimg, progress)
    results = progress.results() if progress else {}
    run.finish(images=run.step * run.batch_size, label=label, **results)
    if progress and progress.ended:
        print(progress.reason())


def build(
    run: Run,
    resolution: int,
    progress: Progress | None,
    label: str,
    *,
    guide_dir: str | None,
    guide_weight: float,
    **model_settings: Any,
) -> PGGAN:
    """The model on all replicas."""
    with run.strategy.scope():
        model = PGGAN(
            resolution=resolution,
            seed=run.seed,
            batch_size=run.batch_size,
            guide=open_guide(guide_dir, guide_weight, label),
            guide_weight=guide_weight,
            **model_settings,
        )
    model.memory = progress and progress.variable
    return model


def describe(model, phases, shard_set):
    """What is printed before the training starts."""
    num_images = phases[-1].stop
    return {
        "parameters of G": f"{count_weights(model.generators):,}",
        "parameters of D": f"{count_weights(model.discriminators):,}",
        "phases": ", ".join(f"{p.name} to {p.stop:,}" for p in phases),
        "length": f"{num_images:,} images, {num_images / len(shard_set):.1f} epochs",
    }


def train_phase(run, model, phase, shard_set, resolution, sample_kimg, progress):
    """Trains from the current step to the end of `phase`."""
    shown = run.step * run.batch_size
    first_step = shown == phase.start
    with run.strategy.scope():
        model.start_phase(
            phase, first_step=first_step, jit_compile=run.settings["jit_compile"]
        )

    def batches_of(start, stop):
        return input_pipeline.phase_batches(
            shard_set,
            phase,
            resolution=resolution,
            batch_size=run.batch_size,
            seed=run.seed,
            first_image=start * run.batch_size,
            last_image=stop * run.batch_size,
        )

    stop = phase.stop // run.batch_size
    if first_step and not phase.fading:
        with record_errors([shard_set]):
            real = real_grid(batches_of(run.step, stop))
        run.display.log_image(f"real-{phase.resolution:03d}px", real, run.step)

    def alpha(step):
        return min(1.0, growth.alpha_at(phase, step * run.batch_size))

    def draw():
        latents = tf.random.stateless_normal(
            [GRID_IMAGES, model.latent_size], seed=[run.seed, -1]
        )
        alphas = tf.fill([GRID_IMAGES], alpha(run.step))
        average = model.averaged_generators[model.resolution_key]
        return average([latents, alphas], training=False)

    grids = training_callbacks.SampleGrid(
        run,
        draw,
        steps=growth.steps_every(sample_kimg, run.batch_size, phase),
        name=lambda step: f"{phase.name}-step-{step:07d}",
    )
    measurements = progress.callbacks(phase) if progress else []
    run.fit(
        model,
        batches_of,
        stop,
        callbacks=[*measurements, grids],
        describe=lambda step: {"resolution": phase.resolution, "alpha": alpha(step)},
    )


def real_grid(batches):
    """Some of the real images as the discriminator sees them."""
    images = batches.unbatch().batch(GRID_IMAGES)
    return next(iter(images))["real_images"]


def count_weights(models):
    """Number of weights of models that share layers."""
    return sum(int(tf.size(w)) for w in unique(m.weights for m in models.values()))


def check_group(stddev_group, run):
    """Refuses a group of the minibatch stddev that would cross replicas."""
    images = run.batch_size // run.strategy.num_replicas_in_sync
    if images % stddev_group:
        raise UserError(
            f"--stddev_group={stddev_group} does not divide the {images} images that"
            f" each replica has of --batch_size={run.batch_size}; give a divisor of"
            f" {images}."
        )


def main(settings):
    if not (settings["validation_dir"] and settings["distance_kimg"]):
        # Nothing is measured: a flagfile may say how, a workflow with which images.
        settings |= {"validation_dir": None, "distance_kimg": 0.0}
    run = Run("pggan.train", settings, group=settings["stddev_group"])
    train(run, **run.model_flags)
