"""Writes a shard set of classic data augmentation: flipped and warped images.

python -m classifier.augment --data_dirs=real/train/tumor,real/train/non_tumor
 --output_dir=classic
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("classifier.augment", writes_shard_set=True)

import tensorflow as tf
import tqdm

from classifier import classic
from dataset.errors import UserError
from dataset.record_faults import record_errors
from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from training.input import finish, shuffled_examples


def augment(
    *,
    data_dirs,
    output_dir,
    num_images,
    seed,
    images_per_shard,
    overwrite,
    **ranges,
):
    """Writes the shard set; the arguments are the flags of the same names."""
    shard_sets = [ShardSet(directory) for directory in data_dirs]
    image_size = check_sizes(shard_sets)

    def transform(image, n):
        warp = classic.parameters(seed, int(n), image_size, **ranges)
        return classic.transform(image[..., 0], **warp)

    def transform_example(example):
        inputs = [example["image"], example["n"]]
        image = tf.numpy_function(transform, inputs, tf.uint8, stateful=False)
        return {**example, "image": image}

    def read_records(start, stop):
        # Parents come in shuffled epochs, so each is used as often as any other, give
        # or take one, and the balance of the classes is that of the parents.
        examples = shuffled_examples(shard_sets, start=start, stop=stop, seed=seed)
        examples = examples.map(transform_example, num_parallel_calls=tf.data.AUTOTUNE)
        with record_errors(shard_sets):
            for example in finish(examples).as_numpy_iterator():
                parent = example["id"].decode()
                yield Record(
                    image=example["image"],
                    label=int(example["label"]),
                    id=f"classic/{example['n']:07d}/{parent}",
                    patient=example["patient"].decode(),
                )

    settings = {"data_dirs": data_dirs, "num_images": num_images, "seed": seed}
    shard_set = write_shard_set(
        output_dir,
        read_records,
        num_images,
        binary="classifier.augment",
        settings={**settings, **ranges},
        inputs=shard_sets,
        images_per_shard=images_per_shard,
        overwrite=overwrite,
        progress=lambda records: tqdm.tqdm(
            records, total=num_images, desc="classifier.augment", unit="img"
        ),
    )
    counts = ", ".join(f"{n} {name}" for name, n in shard_set.label_counts.items())
    print(f"{output_dir}: {counts}.")


def check_sizes(shard_sets):
    """The one image size of all sets; refuses several."""
    sizes = {shards.image_size: shards.directory for shards in shard_sets}
    if len(sizes) > 1:
        listed = ", ".join(f"{path} {size} px" for size, path in sizes.items())
        raise UserError(f"--data_dirs: {listed}; expected one size.")
    return next(iter(sizes))


def main(settings):
    augment(**settings)
