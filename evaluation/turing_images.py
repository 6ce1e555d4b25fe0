"""The images of a Visual Turing Test: drawn by seed, alike in all but content."""

import os

import numpy as np

from dataset.errors import UserError
from dataset.folders import claim_folder, read_json, release_folder, write_json
from dataset.pictures import fit
from dataset.records import LABEL_NAMES, label_number, own_patients
from dataset.shards import PROJECT_VERSION, ShardSet

TEST = "test.json"
ANSWERS = "answers.jsonl"
SOURCES = ("real", "synthetic")
# GANs pad 240 px to 256. A set that is larger by no more than this was padded.
LARGEST_PADDING = 256 / 240


def write_test(output_dir, real_dirs, synthetic_dirs, *, num_images, seed):
    """Draws the images of a test, unless this was done before with the same flags.

    The arguments are the flags.

    Returns:
      The content of `test.json`, which knows the truth.

    Raises:
      UserError: there are too few images, one set is both real and synthetic, or
        `output_dir` holds something else.
    """
    folders = {"real": real_dirs, "synthetic": synthetic_dirs}
    sets = {source: [ShardSet(d) for d in folders[source]] for source in SOURCES}
    real = {shard_set.digest for shard_set in sets["real"]}
    for shard_set in sets["synthetic"]:
        if shard_set.digest in real:
            raise UserError(
                f"--synthetic_dirs: {shard_set.directory} is among --real_dirs, too."
            )
    job = {
        "binary": "evaluation.turing_test",
        "project_version": PROJECT_VERSION,
        "settings": {"num_images": num_images, "seed": seed},
        "inputs": {s: [shard_set.digest for shard_set in sets[s]] for s in SOURCES},
    }
    path = os.path.join(output_dir, TEST)
    if claim_folder(output_dir, job, final=TEST, is_own=lambda name: False):
        return read_json(path)
    draws = np.random.default_rng(seed)
    images = []
    for source in SOURCES:
        entries = [
            {"set_dir": shard_set.directory, "position": position}
            | {"id": identifier, "label": int(label), "patient": patient}
            for shard_set in sets[source]
            for position, (label, identifier, patient) in enumerate(
                zip(*shard_set.origins())
            )
        ]
        for name in LABEL_NAMES:
            chosen = draw_images(entries, name, num_images, draws, f"--{source}_dirs")
            images += [{"source": source, **entry} for entry in chosen]
    sizes = {shard_set.image_size for s in SOURCES for shard_set in sets[s]}
    test = {**job, "image_size": min(sizes), "images": images}
    write_json(path, test)
    release_folder(output_dir)
    return test


def draw_images(entries, label_name, count, draws, flag):
    """Draws images of a label, from as many patients as there are.

    Differs from the paper: it draws images, so that one patient may be shown in
    neighbouring slices; whoever notices knows that they are real. Here a patient is
    shown for the n-th time when all others that can be have been shown n - 1 times.

    Args:
      entries: list of dicts of `label` and `patient`.
      label_name: `tumor` or `non_tumor`.
      count: number of images.
      draws: a `np.random.Generator`.
      flag: that gave the entries, for the error.

    Returns:
      `count` of the entries.
    """
    candidates = [e for e in entries if e["label"] == label_number(label_name)]
    if len(candidates) < count:
        raise UserError(
            f"{flag}: {len(candidates)} images with label {label_name}, expected"
            f" --num_images={count}; give more images or a smaller number."
        )
    candidates = [candidates[n] for n in draws.permutation(len(candidates))]
    shown = {}
    rounds = []
    for patient in own_patients([entry["patient"] for entry in candidates]):
        rounds.append(shown.get(patient, 0))
        shown[patient] = rounds[-1] + 1
    order = np.argsort(rounds, kind="stable")
    return [candidates[n] for n in order[:count]]


def load_images(test):
    """The images of a test, of the content of `test.json`: uint8 [size, size].

    Raises:
      UserError: a set is missing, or is not the one of the test.
    """
    sets = {}
    images = []
    digests = {digest for source in SOURCES for digest in test["inputs"][source]}
    for chosen in test["images"]:
        folder = chosen["set_dir"]
        if folder not in sets:
            sets[folder] = ShardSet(folder)
            if sets[folder].digest not in digests:
                raise UserError(
                    f"{folder}: not the set that the test was made from; restore that"
                    " one, or make another test in another folder."
                )
        image = sets[folder].record(chosen["position"]).image
        images.append(equal_size(image, test["image_size"]))
    return images


def equal_size(image, size):
    """An image at the size of the smallest set, which is how much all of them show.

    The padding of a GAN's images is cut off; larger ones are reduced, areas averaged.
    """
    height = image.shape[0]
    if height <= size * LARGEST_PADDING:
        begin = (height - size) // 2
        return image[begin : begin + size, begin : begin + size]
    return fit(image, size)


def reader_order(seed, reader, num_images):
    """The order in which a reader sees the images, int [num_images].

    Every reader has a different one: late images meet tired readers, and readers who
    sit side by side cannot compare.
    """
    draws = np.random.default_rng([seed, *reader.encode()])
    return draws.permutation(num_images)
