"""Trains UNIT to translate synthetic images of one class to real ones and back.

python -m unit.train --real_dir=real/train/tumor --synthetic_dir=pggan/tumor \
    --model_dir=models/unit_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("unit.train")

import tensorflow as tf

from training import callbacks as training_callbacks
from training import domains
from training.run import Run
from unit import input_pipeline, networks
from unit.model import UNIT

GRID_IMAGES = 8


def train(
    run,
    *,
    real_dir,
    synthetic_dir,
    num_images,
    num_steps,
    keep_steps,
    sample_steps,
    **model_settings,
):
    """Trains in `run.model_dir`; the arguments are the flags of the same names."""
    synthetic, real, label = domains.open_domains(synthetic_dir, real_dir)
    size = synthetic.image_size
    networks.check_size(size, model_settings["discriminator_scales"])
    keep_steps = domains.check_steps(keep_steps, num_steps)
    chosen = domains.choose(
        synthetic,
        real,
        num_images=num_images,
        batch_size=run.batch_size,
        seed=run.seed,
    )
    model = build(run, size, **model_settings)
    inputs = {"synthetic_dir": [synthetic], "real_dir": [real]}
    facts = {"class": label, "image size": size, **describe(model, *chosen)}
    if not run.start(
        model, num_steps=num_steps, inputs=inputs, facts=facts, keep_steps=keep_steps
    ):
        return
    run.restore(model)
    batches = input_pipeline.paired_batches(
        *chosen,
        size=size,
        batch_size=run.batch_size,
        seed=run.seed,
        first_step=run.step,
        num_steps=num_steps,
    )
    grids = training_callbacks.SampleGrid(
        run,
        grid_function(model, chosen, size),
        steps={num_steps, *range(0, num_steps, sample_steps)},
        columns=GRID_IMAGES,
    )
    run.fit(
        model,
        batches,
        callbacks=[grids],
        describe=lambda step: {"learning_rate": float(model.schedule(step - 1))},
        keep_steps=keep_steps,
    )
    run.finish(label=label, kept_steps=keep_steps)


def build(run, image_size, **model_settings):
    """The model on all replicas."""
    with run.strategy.scope():
        model = UNIT(
            image_size=image_size,
            seed=run.seed,
            batch_size=run.batch_size,
            **model_settings,
        )
        model.compile(jit_compile=run.settings["jit_compile"])
    return model


def describe(model, synthetic, real):
    """What a person wants to know before the training starts."""
    return {
        "synthetic images": len(synthetic),
        "real images": len(real),
        "parameters of an encoder": f"{model.encoder_a.count_params():,}",
        "parameters of a decoder": f"{model.decoder_a.count_params():,}",
        "parameters of a discriminator": f"{model.discriminator_a.count_params():,}",
    }


def grid_function(model, chosen, size):
    """A function that draws x_a, x_ab, x_b and x_ba, a row each, without noise."""
    x_a, x_b = (domains.some_images(images, size, GRID_IMAGES) for images in chosen)

    @tf.function
    def draw():
        h_a, h_b = model.encoder_a(x_a), model.encoder_b(x_b)
        return tf.concat([x_a, model.decoder_b(h_a), x_b, model.decoder_a(h_b)], axis=0)

    return draw


def main(settings):
    run = Run("unit.train", settings)
    train(run, **run.own)
