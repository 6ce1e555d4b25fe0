"""Small UNIT and MUNIT, and what to train them on, for their tests."""

import tensorflow as tf

from munit.model import MUNIT
from unit.model import UNIT

SHARED = {
    "image_size": 32,
    "num_steps": 4,
    "base_maps": 2,
    "norm_scale": "ones",
    "discriminator_scales": 2,
    "gan_loss": "lsgan",
    "gan_weight": 1.0,
    "reconstruction_weight": 10.0,
    "cycle_weight": 10.0,
    "learning_rate": 1e-3,
    "halving_steps": 20,
    "weight_decay": 1e-4,
    "seed": 0,
    "batch_size": 2,
}
OWN = {
    UNIT: {"shared_blocks": 1, "kl_weight": 0.01, "cycle_kl_weight": 0.01},
    MUNIT: {
        "style_size": 3,
        "mlp_units": 4,
        "content_weight": 1.0,
        "style_weight": 1.0,
        "perceptual_weight": 0.0,
        "weights": "none",
    },
}


def weights(model_class):
    """Names of the flags that weight the terms of the objective."""
    return [name for name in SHARED | OWN[model_class] if name.endswith("_weight")]


def build(model_class, strategy=None, precision="float32", optimizer=None, **changes):
    """A model to be trained eagerly; `optimizer` makes one in place of Adam."""
    tf.keras.mixed_precision.set_global_policy(precision)
    tf.keras.utils.set_random_seed(1)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = model_class(**{**SHARED, **OWN[model_class], **changes})
        for side in ("generator", "discriminator") if optimizer else ():
            made = optimizer()
            made.build(getattr(model, f"{side}_variables"))
            setattr(model, f"{side}_optimizer", made)
        # A step or two are done before their graph would have been made.
        model.compile(run_eagerly=True)
    return model


def pairs(count):
    """`count` synthetic and real images of coarse noise."""

    def images(seed):
        coarse = tf.random.stateless_uniform([count, 4, 4, 1], [seed, 0], -1, 1)
        return tf.repeat(tf.repeat(coarse, 8, axis=1), 8, axis=2)

    return {"synthetic_images": images(1), "real_images": images(2)}


def train_steps(model, steps=2):
    """The means of the losses of some steps on `pairs`."""
    batches = tf.data.Dataset.from_tensor_slices(pairs(2 * steps)).batch(2)
    losses = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
    tf.keras.mixed_precision.set_global_policy("float32")
    return {name: values[0] for name, values in losses.items()}
