"""What the steps of a plan will write: how many images of which size.

Every function here takes the `preflight.Preflight` and the `plan.Step`, adds the sets
that the step writes, and raises a `UserError` where it could not do its work.
"""

import dataclasses
import os

import numpy as np

from dataset import folds, layouts, preparation, splits
from dataset.errors import UserError
from dataset.image_files import read_image
from dataset.image_folders import Sources, find_images
from dataset.records import LABEL_NAMES
from dataset.shards import MANIFEST

# A record's, of ten BraTS cases at 240 px.
BYTES_PER_PIXEL = 0.18


@dataclasses.dataclass(frozen=True)
class PlannedSet:
    """A shard set that a step will write.

    Attributes:
      image_size: in pixels.
      counts: the number of images of each of `LABEL_NAMES`.
      at_most: whether these are upper bounds: before volumes are read, all of their
        slices could be of either class.
    """

    image_size: int
    counts: tuple
    at_most: bool = False

    @property
    def num_images(self):
        return sum(self.counts)

    def has(self, enough):
        """For each class, whether it has any images, and whether it has `enough`."""
        return tuple((count > 0, count >= enough) for count in self.counts)

    @property
    def num_bytes(self):
        return self.num_images * self.image_size**2 * BYTES_PER_PIXEL


def plan_cases(preflight, step):
    preflight.num_cases = step.settings["num_patients"]


def plan_slices(preflight, step):
    """At most all slices of all cases; which cases are there is known."""
    settings = step.settings
    number = preflight.num_cases
    if number is None:
        folder = os.path.join(preflight.output_dir, settings["brats_dir"])
        search = preparation.take(layouts.Search, settings)
        cases = layouts.find_cases(folder, search)
        check_files(cases, settings)
        number = len({case.patient for case in cases})
    num_slices = settings["last_slice"] - settings["first_slice"] + 1
    slices = dict.fromkeys(LABEL_NAMES, [num_slices] * number)
    plan_parts(preflight, settings, slices, settings["image_size"])


def plan_images(preflight, step):
    """At most all images that are not known to be of the other class."""
    settings = step.settings
    folder = os.path.join(preflight.output_dir, settings["images_dir"])
    options = {**settings, "class_folders": tuple(settings["class_folders"])}
    if table := settings["images_csv"]:
        options["images_csv"] = os.path.join(preflight.output_dir, table)
    found = find_images(folder, preparation.take(Sources, options))
    if found.faults and not settings["skip_bad_files"]:
        name, fault = next(iter(found.faults.items()))
        raise UserError(f"{len(found.faults)} bad files, such as {name}: {fault}")
    images = {
        name: [
            sum(file.label in (name, None) for file in patient.files)
            for patient in found.patients()
        ]
        for name in LABEL_NAMES
    }
    for name, counts in images.items():
        if not any(counts):
            raise UserError(f"--images_dir={settings['images_dir']}: no {name} images.")
    first = read_image(found.files[0].path, settings["channel"])
    size = settings["image_size"] or max(first.shape)
    plan_parts(preflight, settings, images, size)


def plan_parts(preflight, settings, images, image_size):
    """Every part's sets, if the patients with the most images were in it.

    Args:
      images: {class: list of its number of images in each patient}.
      image_size: in pixels.
    """
    sizes = part_sizes(settings, len(images[LABEL_NAMES[0]]))
    for part, size in zip(splits.PARTS, sizes):
        for label, name in enumerate(LABEL_NAMES):
            counts = [0] * len(LABEL_NAMES)
            counts[label] = sum(sorted(images[name], reverse=True)[:size])
            path = os.path.join(settings["output_dir"], part, name)
            preflight.add_set(path, image_size, counts, at_most=True)


def part_sizes(settings, number):
    """Patients of each part; of folds, that have as many or one fewer, the most."""
    num_folds = settings["num_folds"]
    if num_folds == 1:
        trained, *others = splits.part_sizes(settings["split"], number)
    else:
        train, validation, _ = splits.parse_split(settings["split"])
        trained, *others = folds.most_patients(
            number, train=train, validation=validation, num_folds=num_folds
        )
    return [folds.share_size(settings["training_share"], trained), *others]


def check_files(cases, settings):
    """Refuses cases without their one volume and one mask, unless they are skipped."""
    faults = []
    for case in cases:
        try:
            case.only_image()
            case.only_mask()
        except UserError as error:
            faults.append(str(error))
    if faults and not settings["skip_bad_cases"]:
        raise UserError(f"{len(faults)} of {len(cases)} cases, such as {faults[0]}")


def plan_classic(preflight, step):
    settings = step.settings
    parents = [preflight.find(path) for path in settings["data_dirs"]]
    if len({parent.image_size for parent in parents}) > 1:
        raise UserError(
            f"--data_dirs={','.join(settings['data_dirs'])}: of several sizes."
        )
    # Both classes; how many of each depends on the parents.
    half = settings["num_images"] // 2
    counts = [half, settings["num_images"] - half]
    preflight.add_set(settings["output_dir"], parents[0].image_size, counts)


def plan_generated(preflight, step):
    settings = step.settings
    training = preflight.training(settings["model_dir"])
    real = preflight.find(training["data_dir"])
    counts = [settings["num_images"] if count else 0 for count in real.counts]
    preflight.add_set(settings["output_dir"], training["resolution"], counts)


def plan_kept(preflight, step):
    """At most all."""
    data = preflight.find(step.settings["data_dir"])
    preflight.add_set(step.settings["output_dir"], data.image_size, data.counts)


def plan_refined(preflight, step):
    """As many as there were; whose program it is does not matter."""
    output = os.path.dirname(step.output[0])
    (data_dir,) = {os.path.dirname(path) for path in step.input if MANIFEST in path}
    data = preflight.find(data_dir)
    preflight.add_set(output, data.image_size, data.counts)
    number = (step.settings or {}).get("step")
    if number:
        training = preflight.training(step.settings["model_dir"])
        kept = [int(kept) for kept in training["keep_steps"]]
        if number not in kept:
            raise UserError(
                f"--step={number}: the training keeps the steps {kept} only; add it to"
                " its --keep_steps."
            )


def check_clusters(preflight, step):
    number = step.settings["num_clusters"]
    paths = step.settings["data_dir"]
    num_images = sum(preflight.find(path).num_images for path in paths)
    if number > num_images:
        raise UserError(
            f"--num_clusters={number} of {num_images} images in {paths[0]}."
        )


def check_points(preflight, step):
    settings = step.settings
    number = settings["num_images"]
    sets = counts_of_named(preflight, settings)
    for name, counts in sets.items():
        least = min(count for count in counts if count)
        if number > least:
            raise UserError(f"--num_images={number}: {name} has {least} of a class.")
    num_classes = np.count_nonzero(sets["real"])
    points = (len(sets) if settings["joint"] else 2) * num_classes * number
    if settings["perplexity"] >= points:
        raise UserError(
            f"--perplexity={settings['perplexity']:g}: expected less than the {points}"
            " images of a plane."
        )


def check_compared(preflight, step):
    """Every comparison is with half of the real images, class by class."""
    number = step.settings["num_images"]
    sets = counts_of_named(preflight, step.settings)
    counts = np.array([[c // 2 for c in sets.pop("real")], *sets.values()])
    most = sum(least for half, least in zip(counts[0], counts.min(axis=0)) if half)
    if number > most:
        raise UserError(
            f"--num_images={number}: no comparison can have more than {most}."
        )


def check_table(preflight, step):
    """The paper's counting knows one test part."""
    folds = max(row.count(",") + 1 for row in step.settings["rows"])
    if step.settings["protocol"] == "paper" and folds > 1:
        raise UserError(f"--protocol=paper: --rows have {folds} folds; expected full.")


def counts_of_named(preflight, settings):
    """Images of each class of `--real_dirs`, and of every row of `--synthetic_dirs`."""
    sets = {"real": settings["real_dirs"]}
    for named in settings["synthetic_dirs"]:
        name, _, paths = named.partition("=")
        sets[name] = paths.split(",")
    return {
        name: np.sum([preflight.find(path).counts for path in paths], axis=0)
        for name, paths in sets.items()
    }


# By binary, and by rule for steps whose program may be anyone's.
OF_BINARY = {
    "dataset.phantom": plan_cases,
    "dataset.prepare": plan_slices,
    "dataset.import_images": plan_images,
    "classifier.augment": plan_classic,
    "pggan.generate": plan_generated,
    "filtering.cluster": check_clusters,
    "filtering.discard": plan_kept,
    "evaluation.quality": check_compared,
    "evaluation.table": check_table,
    "evaluation.tsne": check_points,
}
OF_RULE = {"refiner_refine": plan_refined}
