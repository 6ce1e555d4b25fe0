"""Trains SimGAN to make synthetic images of one class look like real ones.

python -m simgan.train --real_dir=real/train/tumor --synthetic_dir=pggan/tumor \
    --model_dir=models/simgan_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("simgan.train")

import tensorflow as tf

from simgan import input_pipeline, networks, schedule
from simgan.model import SimGAN
from training import callbacks as training_callbacks
from training import domains
from training.run import Run

GRID_IMAGES = 8
PHASE_FLAGS = (
    "pretrain_refiner_steps",
    "pretrain_discriminator_steps",
    "refiner_updates",
    "discriminator_updates",
)


def train(
    run,
    *,
    real_dir,
    synthetic_dir,
    num_images,
    num_steps,
    keep_steps,
    sample_steps,
    **settings,
):
    """Trains in `run.model_dir`; the arguments are the flags of the same names."""
    synthetic, real, label = domains.open_domains(synthetic_dir, real_dir)
    size = synthetic.image_size
    networks.check_size(size)
    keep_steps = domains.check_steps(keep_steps, num_steps)
    phases = schedule.phases(
        num_steps, **{flag: settings.pop(flag) for flag in PHASE_FLAGS}
    )
    chosen = domains.choose(
        synthetic,
        real,
        num_images=num_images,
        batch_size=run.batch_size,
        seed=run.seed,
    )
    model = build(run, size, **settings)
    inputs = {"synthetic_dir": [synthetic], "real_dir": [real]}
    facts = {"class": label, "image size": size, **describe(model, phases, *chosen)}
    if not run.start(
        model, num_steps=num_steps, inputs=inputs, facts=facts, keep_steps=keep_steps
    ):
        return
    run.restore(model)
    grids = training_callbacks.SampleGrid(
        run,
        grid_function(model, chosen, size),
        steps={
            num_steps,
            *(p.stop for p in phases),
            *range(0, num_steps, sample_steps),
        },
        columns=GRID_IMAGES,
    )
    while run.step < num_steps:
        phase = schedule.phase_at(phases, run.step)
        train_phase(run, model, phase, chosen, grids, keep_steps)
    run.finish(label=label, kept_steps=keep_steps)


def build(run, image_size, **model_settings):
    """The model on all replicas."""
    with run.strategy.scope():
        return SimGAN(
            image_size=image_size,
            # One replica has the whole batch; the stock layer is then faster.
            synchronized=run.strategy.num_replicas_in_sync > 1,
            seed=run.seed,
            batch_size=run.batch_size,
            **model_settings,
        )


def train_phase(run, model, phase, chosen, grids, keep_steps):
    """Trains from the current step to the end of `phase`."""
    with run.strategy.scope():
        model.start_phase(phase, jit_compile=run.settings["jit_compile"])
    batches = input_pipeline.phase_batches(
        *chosen,
        phase,
        size=model.refiner.input_shape[1],
        batch_size=run.batch_size,
        seed=run.seed,
        first_step=run.step,
    )

    def state(step):
        return {
            "phase": phase.name,
            "learning_rate": float(model.schedule.at(step - 1)),
        }

    run.fit(model, batches, callbacks=[grids], describe=state, keep_steps=keep_steps)


def describe(model, phases, synthetic, real):
    """What a person wants to know before the training starts."""
    patches = model.discriminator.output_shape[1]
    return {
        "synthetic images": len(synthetic),
        "real images": len(real),
        "parameters of the refiner": f"{model.refiner.count_params():,}",
        "parameters of the discriminator": f"{model.discriminator.count_params():,}",
        "patches": f"{patches}x{patches}",
        "regularization weight": f"{model.regularization_weight:g}",
        "phases": ", ".join(f"{p.name} to {p.stop:,}" for p in phases),
    }


def grid_function(model, chosen, size):
    """A function that draws synthetic, refined and real images, a row each."""
    synthetic_images, real_images = (
        domains.some_images(images, size, GRID_IMAGES) for images in chosen
    )

    @tf.function
    def draw():
        refined_images = model.refiner(synthetic_images, training=False)
        return tf.concat([synthetic_images, refined_images, real_images], axis=0)

    return draw


def main(settings):
    run = Run("simgan.train", settings)
    train(run, **run.own)
