"""Generates a shard set of synthetic images with a trained PGGAN.

python -m pggan.generate --model_dir=models/pggan_tumor --output_dir=pggan/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("pggan.generate", writes_shard_set=True)

import os

import tensorflow as tf
import tqdm

from dataset import pictures
from dataset.errors import UserError
from dataset.records import LABEL_NAMES, Record, to_uint8
from dataset.shard_writer import write_shard_set
from pggan import networks
from training.checkpoints import (
    checkpoint_path,
    is_finished,
    read_run,
    restore_parts,
    weights_digest,
)
from training.strategy import create_strategy, on_replicas

# A convolution may round differently for another number of images at once. Groups of
# a fixed size make image n the same, whatever else is generated with it.
GROUP = 16
PREVIEW_IMAGES = 64


def load_generator(model_dir, use_ema):
    """The generator of a finished training, at its final resolution.

    Raises:
      UserError: there is no training in `model_dir`, or it is not finished.
    """
    settings = read_run(model_dir)["settings"]
    if not is_finished(model_dir):
        raise UserError(
            f"--model_dir={model_dir}: its training is not finished; run pggan.train"
            " with the same flags again to continue it."
        )
    keys = ("latent_size", "fmap_base", "fmap_max")
    generators = networks.build_generators(
        settings["resolution"], **{key: settings[key] for key in keys}
    )
    part = "averaged_generators" if use_ema else "generators"
    restore_parts(checkpoint_path(model_dir), **{part: generators})
    return generators[f"{settings['resolution']}px"]


def latents_of(seed, first, size):
    """The latents of images first ... first + GROUP - 1, float32 [GROUP, size].

    Latent n is a function of (seed, n).
    """
    numbers = first + tf.range(GROUP)
    return tf.map_fn(
        lambda n: tf.random.stateless_normal([size], tf.stack([seed, n])),
        numbers,
        fn_output_signature=tf.float32,
    )


def image_groups(generator, seed, strategy):
    """A function of a group's number to the images of as many groups as replicas.

    Returns:
      Function of int to uint8 [replicas * GROUP, resolution, resolution, 1].
    """
    replicas = strategy.num_replicas_in_sync
    latent_size = generator.input_shape[0][-1]

    @tf.function
    def draw(group):
        latents = latents_of(seed, group * GROUP, latent_size)
        return to_uint8(generator([latents, tf.ones([GROUP])], training=False))

    joined = on_replicas(strategy, lambda replica, group: draw(group + replica))

    def images_from(group):
        return joined(tf.constant(group, tf.int32)).numpy(), replicas

    return images_from


def generate(*, model_dir, output_dir, num_images, seed, use_ema, **writing):
    """Writes the shard set; the arguments are the flags of the same names."""
    strategy = create_strategy("auto", 0)
    with strategy.scope():
        generator = load_generator(model_dir, use_ema)
    label = read_run(model_dir)["facts"]["class"]
    run_name = f"{os.path.basename(os.path.normpath(model_dir))}-{label}"
    images_from = image_groups(generator, seed, strategy)

    def read_records(start, stop):
        group = start // GROUP
        while group * GROUP < stop:
            images, groups = images_from(group)
            for n, image in enumerate(images[..., 0], group * GROUP):
                if start <= n < stop:
                    name = f"pggan/{run_name}/{n:07d}"
                    yield Record(image, LABEL_NAMES.index(label), name)
            group += groups

    settings = {
        "model_dir": model_dir,
        "num_images": num_images,
        "seed": seed,
        "use_ema": use_ema,
        "weights_sha256": weights_digest(generator),
    }
    shard_set = write_shard_set(
        output_dir,
        read_records,
        num_images,
        binary="pggan.generate",
        settings=settings,
        progress=lambda records: tqdm.tqdm(
            records, total=num_images, desc="pggan.generate", unit="img"
        ),
        **writing,
    )
    groups = -(-min(PREVIEW_IMAGES, num_images) // GROUP)
    images = [image for g in range(groups) for image in images_from(g)[0][:GROUP]]
    preview = os.path.join(output_dir, "preview.png")
    pictures.write_png(preview, pictures.grid(images[:num_images]))
    print(f"{output_dir}: {len(shard_set)} {label} images; look at {preview}.")


def main(settings):
    generate(**settings)
