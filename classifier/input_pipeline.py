"""Shards to batches of the detector, and what must hold between the sets."""

import tensorflow as tf

from classifier.layers import resize
from dataset.errors import UserError
from dataset.records import LABEL_NAMES, to_float
from training import input as training_input

# Those that a volume's slices, and an image file, must share with what was trained on.
SLICE_SETTINGS = ("first_slice", "last_slice", "lower_percentile", "upper_percentile")
IMAGE_SETTINGS = ("intensities", "window", "channel", "mask_pattern")


def training_batches(
    shard_sets, *, image_size, batch_size, first_step, last_step, seed
):
    """The batches of steps `first_step` + 1 to `last_step` of a training.

    The union of the sets is shuffled again in every epoch. Images of different sizes
    meet in a batch (240 px real, 256 px synthetic), so each is resized before.

    Returns:
      `tf.data.Dataset` of dicts: `image` float32 [batch, image_size, image_size, 1] in
      [-1, 1], `label` float32 [batch].
    """
    examples = training_input.shuffled_examples(
        shard_sets,
        start=first_step * batch_size,
        stop=last_step * batch_size,
        seed=seed,
    )
    images = _prepare(examples, image_size)
    return training_input.finish(images.batch(batch_size, drop_remainder=True))


def evaluation_batches(shard_sets, *, image_size, batch_size):
    """Every image of some sets once, in order; the last batch may be smaller."""
    examples = training_input.shuffled_examples(
        shard_sets, start=0, stop=sum(map(len, shard_sets)), seed=0, shuffle=False
    )
    return training_input.finish(_prepare(examples, image_size).batch(batch_size))


def _prepare(examples, image_size):
    def prepare(example):
        return {
            "image": resize(to_float(example["image"]), image_size),
            "label": tf.cast(example["label"], tf.float32),
        }

    return examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)


def check_sets(train_sets, validation_sets):
    """Refuses sets from which nothing can be learnt, or nothing validated.

    Raises:
      UserError: a side lacks one of the two labels, or a patient is on both sides.
    """
    _check_both_labels(train_sets, "train_dirs")
    _check_both_labels(validation_sets, "validation_dirs")
    training_input.check_patients(
        {"train_dirs": train_sets}, {"validation_dirs": validation_sets}
    )


def choose_images(train_sets, numbers, seed):
    """Sets to train on, of which so many images each are chosen at random.

    Args:
      train_sets: list of `ShardSet`s.
      numbers: of images, a text for each set, 0 for all; or None for all of all.
      seed: of the choice.

    Raises:
      UserError: these are no such numbers, or a set has fewer images.
    """
    if numbers is None:
        return train_sets
    if len(numbers) != len(train_sets) or not all(n.isdecimal() for n in numbers):
        raise UserError(
            f"--train_images={','.join(numbers)}: expected {len(train_sets)} whole"
            " numbers by commas, one for each of --train_dirs."
        )
    return [
        training_input.ChosenImages(
            shard_set, int(number), seed, "train_dirs", "train_images"
        )
        for shard_set, number in zip(train_sets, numbers)
    ]


def slice_settings(shard_set):
    """How a set was made of volumes or image files, as far as its manifest says."""
    settings = shard_set.manifest.get("settings", {})
    # Of volumes, --mask_pattern has another meaning, and is no part of an image.
    of_files = "intensities" in settings
    keys = (*SLICE_SETTINGS, *(IMAGE_SETTINGS if of_files else ()))
    known = {key: settings[key] for key in keys if key in settings}
    return {**known, "image_size": shard_set.image_size}


def count_labels(shard_sets):
    """Numbers of images of sets: non-tumor, tumor."""
    return [sum(s.label_counts[name] for s in shard_sets) for name in LABEL_NAMES]


def _check_both_labels(shard_sets, flag):
    for shards in shard_sets:
        unlabeled = shards.label_counts.get("unlabeled")
        if unlabeled:
            raise UserError(
                f"--{flag}: {shards.directory}: {unlabeled} images without a label;"
                " expected labels only."
            )
    counts = count_labels(shard_sets)
    if not all(counts):
        present = ", ".join(f"{n} {name}" for n, name in zip(counts, LABEL_NAMES))
        raise UserError(
            f"--{flag}={_names(shard_sets)}: {present}; expected images of both labels."
        )


def _names(shard_sets):
    return ",".join(shards.directory for shards in shard_sets)
