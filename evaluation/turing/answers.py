"""The answers of a Visual Turing Test beside the truth."""

import dataclasses
import os

import numpy as np

from dataset.errors import UserError
from dataset.folders import file_sha256, read_json
from evaluation.turing.scores import QUESTIONS
from evaluation.turing.selection import ANSWERS, SOURCES, TEST
from pages.journal import read_entries


@dataclasses.dataclass(frozen=True)
class Answers:
    """What all readers of one test said.

    Attributes:
      truth: `real` and `tumor`, bool [images].
      readers: by name, those who answered all images: `real` and `tumor`, bool
        [images], and `seconds`, float [images], in all that they looked at each.
      unfinished: by name, how many images the others answered.
      inputs: SHA-256 of the files by path.
    """

    truth: dict
    readers: dict
    unfinished: dict
    inputs: dict


def read_answers(test_dirs):
    """Reads one test, or copies of it that readers elsewhere answered.

    Returns:
      `Answers`.

    Raises:
      UserError: a folder holds no test, they hold different ones, one reader is in two
        of them, an answer is to no image of the test, or nobody answered all.
    """
    tests, inputs, entries = [], {}, {}
    for folder in test_dirs:
        test_path, path = os.path.join(folder, TEST), os.path.join(folder, ANSWERS)
        if not os.path.exists(test_path) or not os.path.exists(path):
            raise UserError(
                f"--test_dirs={folder}: no {TEST} and {ANSWERS}, so nobody was tested"
                " here; expected an --output_dir of evaluation.turing_test."
            )
        tests.append(read_json(test_path))
        if _images(tests[-1]) != _images(tests[0]):
            raise UserError(
                f"--test_dirs: {folder} is not of the same images as {test_dirs[0]}."
            )
        inputs |= {p: file_sha256(p) for p in (test_path, path)}
        for name, own in _by_reader(path, len(tests[0]["images"])).items():
            if name in entries:
                raise UserError(
                    f"--test_dirs: {name!r} is in {folder} and in another one; rename"
                    " one of the two readers."
                )
            entries[name] = own
    images = tests[0]["images"]
    whole, unfinished = {}, {}
    for name, own in sorted(entries.items()):
        answered = len({entry["image"] for entry in own})
        if answered == len(images):
            whole[name] = _table(own, len(images))
        else:
            unfinished[name] = answered
    if not whole:
        raise UserError(
            f"--test_dirs={','.join(test_dirs)}: no reader has answered all"
            f" {len(images)} images; {unfinished or 'nobody has begun'}."
        )
    truth = {
        "real": np.array([image["source"] == SOURCES[0] for image in images]),
        "tumor": np.array([image["label"] == 1 for image in images]),
    }
    return Answers(truth, whole, unfinished, inputs)


def _images(test):
    """What makes two tests the same, wherever their shard sets lie."""
    return [(i["source"], i["label"], i["id"]) for i in test["images"]]


def _by_reader(path, num_images):
    """The journal's entries by reader, checked."""
    entries = {}
    for number, entry in enumerate(read_entries(path), start=1):
        try:
            image, seconds = entry["image"], float(entry["seconds"])
            answers = [entry[question] for question in QUESTIONS]
            own = entries.setdefault(str(entry["reader"]), [])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}, line {number}: no answer: {error!r}.") from error
        is_known = isinstance(image, int) and 0 <= image < num_images
        is_said = all(isinstance(answer, bool) for answer in answers)
        if not is_known or not is_said or not seconds >= 0:
            raise UserError(
                f"{path}, line {number}: no answer to one of the {num_images} images."
            )
        own.append(entry)
    return entries


def _table(entries, num_images):
    """The last answer to each image, and the time of all of them."""
    said = {question: np.zeros(num_images, bool) for question in QUESTIONS}
    seconds = np.zeros(num_images)
    for entry in entries:
        for question in QUESTIONS:
            said[question][entry["image"]] = entry[question]
        seconds[entry["image"]] += entry["seconds"]
    return {**said, "seconds": seconds}
