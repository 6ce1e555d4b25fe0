"""Real images as PGGAN takes them: shifted, at the current resolution, faded."""

import tensorflow as tf

from dataset.errors import UserError
from dataset.records import pad, to_float
from gan.layers import upsample
from pggan.growth import alpha_at
from pggan.layers import downsample
from training import input as training_input

CROP = 1


def check_size(image_size, resolution, flag):
    """Refuses images that do not fit into `resolution`, or would leave most of it."""
    if not resolution // 2 < image_size <= resolution:
        smaller = resolution - resolution // 16
        raise UserError(
            f"--{flag}: images are {image_size} px, --resolution={resolution} needs"
            f" {resolution // 2 + 1} to {resolution} px; prepare them with"
            f" --image_size={smaller} (240 in 256, as in the paper)."
        )


def place(image, resolution, seed=None):
    """Zero-pads an image to `resolution`, at a random place if there is a seed.

    Args:
      image: float32 [size, size, 1] in [-1, 1].
      resolution: height and width of the result.
      seed: int32 [2], or None for the middle. The offset of the top left corner is
        uniform in 0 ... resolution - size - 1, both ways: 0-15 px for 240 in 256
        (Han et al., 2019, section III-B).
    """
    offsets = (None, None)
    if seed is not None:
        most = tf.maximum(resolution - tf.shape(image)[0], 1)
        offsets = tf.random.stateless_uniform([2], seed, maxval=most, dtype=tf.int32)
    return pad(image + 1.0, resolution, offsets[0], offsets[1]) - 1.0


def at_size(image, resolution, size, seed):
    """An image as a phase of `size` px sees it: placed in `resolution`, then averaged.

    Args:
      image, resolution, seed: see `place`.
      size: height and width of the result, a divisor of `resolution`.
    """
    image = place(image, resolution, seed)
    factor = resolution // size
    if factor > 1:
        image = tf.nn.avg_pool2d(image[None], factor, factor, "VALID")[0]
    return image


def fade(images, alpha):
    """The reals of a fade: alpha * x + (1 - alpha) * up2(avgpool2(x)).

    Args:
      images: float32 [batch, resolution, resolution, 1].
      alpha: float32 [batch].
    """
    alpha = alpha[:, None, None, None]
    return alpha * images + (1.0 - alpha) * upsample(downsample(images))


def phase_batches(
    shard_set, phase, *, resolution, batch_size, seed, first_image, last_image
):
    """The batches of images number `first_image` to `last_image` - 1 of the training.

    Args:
      shard_set: the real images, `ShardSet`.
      phase: the `growth.Phase` that has these images.
      resolution: final resolution, in pixels.
      batch_size: global batch size.
      seed: seed of order and crops.
      first_image, last_image: number of images shown before, and at their end.

    Returns:
      `tf.data.Dataset` of dicts: `real_images` float32 [batch, phase.resolution,
      phase.resolution, 1] in [-1, 1], `alpha` float32 [batch].
    """

    def prepare(example):
        n = example["n"]
        crop_seed = training_input.image_seed(seed, n, CROP)
        image = to_float(example["image"])
        image = at_size(image, resolution, phase.resolution, crop_seed)
        alpha = tf.cast(alpha_at(phase, n), tf.float32)
        return {"real_images": image, "alpha": alpha}

    def blend(batch):
        real_images, alpha = batch["real_images"], batch["alpha"]
        return {"real_images": fade(real_images, alpha), "alpha": alpha}

    images = training_input.shuffled_examples(
        [shard_set], start=first_image, stop=last_image, seed=seed
    )
    images = images.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    batches = images.batch(batch_size, drop_remainder=True)
    if phase.fading:
        batches = batches.map(blend, num_parallel_calls=tf.data.AUTOTUNE)
    return training_input.finish(batches)
