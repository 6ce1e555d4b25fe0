"""A refiner that matches histograms, and uses nothing of this project but its format.

python docs/refiner_example.py train --real_dir=real/train/tumor \
    --synthetic_dir=pggan/tumor --model_dir=models/histogram_tumor
python docs/refiner_example.py refine --model_dir=models/histogram_tumor \
    --data_dir=pggan/tumor --output_dir=histogram/tumor

Every grey level of a synthetic image is replaced by the one below which the same part
of the real images' pixels lies. See docs/refiners.md for what a refiner has to do and
docs/shards.md for the format of shard sets.
"""

import argparse
import hashlib
import itertools
import json
import os

import numpy as np
import tensorflow as tf

NAME = "histogram"  # Begins the ids of refined images.
IMAGES_PER_SHARD = 1024
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "id": tf.io.FixedLenFeature([], tf.string),
    "patient": tf.io.FixedLenFeature([], tf.string),
}


def read_manifest(directory):
    """The manifest of a shard set, without which it is unfinished."""
    with open(os.path.join(directory, "manifest.json")) as file:
        manifest = json.load(file)
    if manifest["contract_version"] != 1:
        raise SystemExit(f"{directory}: expected contract version 1.")
    return manifest


def read_images(directory):
    """Yields image (uint8 [size, size]), label, id, patient of a set, in its order."""
    names = [shard["name"] for shard in read_manifest(directory)["shards"]]
    paths = [os.path.join(directory, name) for name in names]
    for serialized in tf.data.TFRecordDataset(paths):
        features = tf.io.parse_single_example(serialized, FEATURES)
        image = tf.io.decode_png(features["image"], channels=1).numpy()[..., 0]
        name, patient = features["id"].numpy(), features["patient"].numpy()
        yield image, int(features["label"]), name, patient


def serialize(image, label, name, patient):
    """One image as the bytes of a `tf.train.Example`."""

    def feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    png = tf.io.encode_png(image[..., None]).numpy()
    numbers = tf.train.Int64List(value=[label])
    features = {
        "image": feature(png),
        "label": tf.train.Feature(int64_list=numbers),
        "id": feature(name),
        "patient": feature(patient),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


def write_shard(path, images):
    """Writes a shard under another name, renames it; returns its manifest entry."""
    with tf.io.TFRecordWriter(path + ".tmp") as writer:
        for image in images:
            writer.write(serialize(*image))
    os.replace(path + ".tmp", path)
    with open(path, "rb") as file:
        content = file.read()
    return {
        "name": os.path.basename(path),
        "num_images": len(images),
        "num_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def write_json(path, content):
    """Writes a file that is there whole or not at all."""
    with open(path + ".tmp", "w") as file:
        json.dump(content, file, indent=1)
    os.replace(path + ".tmp", path)


def grey_levels(directory):
    """The part of a set's pixels up to each grey level, background (0) left out."""
    counts = np.zeros(256)
    for image, *_ in read_images(directory):
        counts += np.bincount(image.ravel(), minlength=256)
    counts[0] = 0
    return np.cumsum(counts) / max(counts.sum(), 1)


def train(real_dir, synthetic_dir, model_dir):
    """Writes `table.json`, a grey level for each, and last of all `finished.json`."""
    real, synthetic = grey_levels(real_dir), grey_levels(synthetic_dir)
    table = np.searchsorted(real, synthetic, side="left").clip(0, 255)
    table[0] = 0
    os.makedirs(model_dir, exist_ok=True)
    write_json(os.path.join(model_dir, "table.json"), table.tolist())
    write_json(os.path.join(model_dir, "finished.json"), {})


def refine(model_dir, data_dir, output_dir):
    """Writes the refined set: same order, labels, patients; ids `histogram/<id>`."""
    with open(os.path.join(model_dir, "table.json")) as file:
        table = np.array(json.load(file), np.uint8)
    parent = read_manifest(data_dir)
    os.makedirs(output_dir, exist_ok=True)
    if os.path.exists(os.path.join(output_dir, "manifest.json")):
        os.remove(os.path.join(output_dir, "manifest.json"))  # Unfinished from now on.
    num_shards = -(-parent["num_images"] // IMAGES_PER_SHARD)
    images = read_images(data_dir)
    shards = []
    for number in range(num_shards):
        group = itertools.islice(images, IMAGES_PER_SHARD)
        refined = [
            (table[image], label, NAME.encode() + b"/" + name, patient)
            for image, label, name, patient in group
        ]
        name = f"shard-{number:05d}-of-{num_shards:05d}.tfrecord"
        shards.append(write_shard(os.path.join(output_dir, name), refined))
    manifest = {
        "contract_version": 1,
        "num_images": parent["num_images"],
        "image_size": parent["image_size"],
        "images_per_label": parent["images_per_label"],
        "shards": shards,
    }
    write_json(os.path.join(output_dir, "manifest.json"), manifest)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for function in (train, refine):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        for name in function.__code__.co_varnames[: function.__code__.co_argcount]:
            command.add_argument(f"--{name}", required=True)
    settings = vars(parser.parse_args(arguments))
    settings.pop("function")(**settings)


if __name__ == "__main__":
    main()
