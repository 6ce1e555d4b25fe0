"""The styles that images are refined with, functions of the seed and the image's id.

Of the prior, or among those of real images. So an image gets the same one in any
shard, on any number of GPUs, and whenever a stopped program is started again.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dataset.errors import UserError
from dataset.record_faults import record_errors
from dataset.records import pad, to_float
from dataset.shards import ShardSet
from refiners.refining import GROUP, Condition
from training import input as training_input
from training.checkpoints import weights_digest


def build_condition(
    training: Mapping[str, Any],
    parts: dict[str, keras.Model],
    *,
    seed: int,
    real_dir: str | None,
) -> Condition:
    """The styles of the prior N(0, I), or those of real images, one for each id.

    Args:
      training: what `training.checkpoints.read_run` says of the training.
      parts: its networks, by name.
      seed: seed of the draws.
      real_dir: folder of a shard set with real images; None for the prior.

    Raises:
      UserError: the real images are of another class than the training's, or of a size
        that it does not know.
    """
    settings = {"seed": seed, "real_dir": real_dir}
    if not real_dir:
        draw = drawn_styles(seed, training["settings"]["style_size"])
        return Condition(draw, settings=settings)
    facts = training["facts"]
    real = ShardSet(real_dir)
    training_input.check_labels(real, facts["class"], "real_dir")
    size = facts["image size"]
    if not size // 2 < real.image_size <= size:
        raise UserError(
            f"--real_dir={real_dir}: images are {real.image_size} px; expected"
            f" {size // 2 + 1} to {size} px, as in the training, which zero-pads them."
        )
    styles = encode_styles(parts["style_encoder_b"], real, size)
    digest = weights_digest(parts["style_encoder_b"])
    settings |= {"style_weights_sha256": digest}
    return Condition(chosen_styles(seed, styles), [real], settings)


def drawn_styles(seed: int, style_size: int) -> Callable[[Sequence[str]], np.ndarray]:
    """A function of ids to styles of N(0, I), float32 [images, style_size]."""

    def draw(ids):
        seeds = [_digest(seed, name) for name in ids]
        # Of two numbers of 31 bits each, which any integer type holds.
        halves = [[n % 2**31, n // 2**31 % 2**31] for n in seeds]
        styles = [tf.random.stateless_normal([style_size], half) for half in halves]
        return np.stack(styles)

    return draw


def chosen_styles(
    seed: int, styles: np.ndarray
) -> Callable[[Sequence[str]], np.ndarray]:
    """A function of ids to some of `styles`, each drawn evenly from all."""
    return lambda ids: styles[[_digest(seed, name) % len(styles) for name in ids]]


def _digest(seed, image_id):
    """A number of 64 bits for an image."""
    digest = hashlib.sha256(f"{seed} {image_id}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def encode_styles(
    style_encoder: keras.Model, real: ShardSet, image_size: int
) -> np.ndarray:
    """The styles of a whole set, float32 [images, style_size], in its order."""
    examples = training_input.shuffled_examples(
        [real], start=0, stop=len(real), seed=0, shuffle=False
    )
    images = examples.map(lambda example: to_float(pad(example["image"], image_size)))
    batches = training_input.finish(images.batch(GROUP))
    encode = tf.function(style_encoder, reduce_retracing=True)
    with record_errors([real]):
        return np.concatenate([encode(batch, training=False) for batch in batches])
