"""Which steps an experiment has, how often they run, and on how many images.

As the workflow's rules say (`workflow/*.smk`), from a configuration of it and from its
flagfiles. What only the run itself can tell is taken as large as it can be: no image is
discarded, and no detector's training ends early.
"""

import dataclasses
import functools

from benchmarks import step_graphs
from benchmarks.graphs import Calls
from benchmarks.step_graphs import read_settings
from training.checkpoints import KEPT_CHECKPOINTS, num_bytes

LABELS = 2
MADE_FROM_REAL = {"real", "classic", "classic400k"}


@dataclasses.dataclass(frozen=True)
class Step:
    """All runs of a rule of the workflow, or of one kind of them.

    Attributes:
      name: of the rule, and what is special about these runs.
      runs: number of runs.
      calls: list of `Calls`, of all runs together.
      disk: bytes of all runs' results.
      least: part of the operations that are done in any case.
    """

    name: str
    runs: int
    calls: list[Calls]
    disk: float = 0.0
    least: float = 1.0

    def repeated(self, times):
        """The same, so many times."""
        calls = [dataclasses.replace(c, number=times * c.number) for c in self.calls]
        runs, disk = times * self.runs, times * self.disk
        return dataclasses.replace(self, runs=runs, calls=calls, disk=disk)

    @property
    def images(self):
        return sum(calls.images for calls in self.calls)

    @property
    def operations(self):
        return sum(calls.operations for calls in self.calls)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An experiment's configuration, and the images that it starts from.

    Attributes:
      configuration: content of a file such as `workflow/paper.yaml`.
      class_sizes: numbers of real training images, of each class.
      validation_images, test_images: numbers of real images.
      image_bytes: function of an image's height to its bytes in a shard.
    """

    configuration: dict
    class_sizes: list[int]
    validation_images: int
    test_images: int
    image_bytes: object

    def settings(self, flagfile):
        folder = f"flags/{self.configuration['flags']}"
        return read_settings(f"{folder}/{flagfile}.cfg")

    @functools.cached_property
    def real_size(self):
        return self.settings("dataset_prepare")["image_size"]

    @functools.cached_property
    def generated_size(self):
        return self.settings("pggan_train")["resolution"]

    @functools.cached_property
    def generated(self):
        """Number of generated images of both classes."""
        return LABELS * self.settings("pggan_generate")["num_images"]

    def images_of(self, source):
        """Number of images of a source of a mix."""
        if source == "real":
            return sum(self.class_sizes)
        if source.startswith("classic"):
            name = source.replace("classic", "classifier_augment_").rstrip("_")
            return self.settings(name)["num_images"]
        return self.generated

    @property
    def sources(self):
        """Names of all that a mix consists of."""
        return {name for mix in self.configuration["mixes"].values() for name in mix}

    def images_in(self, mix):
        """Number of images that a detector of a mix is trained on."""
        return sum(map(self.images_of, self.configuration["mixes"][mix]))

    def steps(self):
        """Every `Step` that computes or stores what is worth mentioning.

        Of all folds, which are taken to have the same numbers of images, and of all
        `chain_seeds`. What refiners of others cost cannot be told.
        """
        folds = self.configuration.get("folds", 1)
        chains = len(self.configuration.get("chain_seeds", [0]))
        yield self._prepare().repeated(folds)
        parts = (self._images, self._refiners, self._detectors, self._results)
        for part in parts:
            yield from (s.repeated(folds * chains) for s in part() if s.runs)

    def _prepare(self):
        real = sum(self.class_sizes) + self.validation_images + self.test_images
        return Step("prepare", 1, [], real * self.image_bytes(self.real_size))

    def _images(self):
        real_bytes = self.image_bytes(self.real_size)
        yield self.pggan_training("pggan_train")
        settings = self.settings("pggan_train")
        calls = step_graphs.generation(settings, self.generated)
        yield Step("pggan_generate", LABELS, calls, self._generated_bytes)
        settings = self.settings("filtering_cluster")
        described = self.generated + sum(self.class_sizes)
        calls = self._described(settings, described)
        yield Step("cluster", LABELS, calls)
        yield Step("discard", LABELS, [], self._generated_bytes)
        for source in sorted(self.sources & {"classic", "classic400k"}):
            yield Step(source, 1, [], self.images_of(source) * real_bytes)

    def pggan_training(self, flagfile):
        """The `Step` of both classes' trainings by a flagfile."""
        settings = self.settings(flagfile)
        calls = step_graphs.pggan_training(settings, self.class_sizes)
        return Step(flagfile, LABELS, calls, self._checkpoints(calls))

    def _described(self, settings, num_images):
        if settings["backbone"] in ("auto", "descriptors"):
            return []
        size = self.generated_size
        return step_graphs.description(settings, size, num_images)

    @property
    def _generated_bytes(self):
        return self.generated * self.image_bytes(self.generated_size)

    def _checkpoints(self, training, kept=0, trainings=LABELS):
        copies = trainings * (KEPT_CHECKPOINTS + kept)
        return copies * num_bytes(training[0].model)

    def _refiners(self):
        size = self.generated_size
        for refiner in sorted(self.sources & {*step_graphs.REFINERS}):
            settings = self.settings(f"{refiner}_train")
            training = step_graphs.refiner_training(refiner, settings, size, LABELS)
            kept = len(settings["keep_steps"])
            yield Step(
                f"refiner_train, {refiner}",
                LABELS,
                training,
                self._checkpoints(training, kept),
            )
            times = len(self.configuration["steps"].get(refiner, [None]))
            images = times * self.generated
            yield Step(
                f"refiner_refine, {refiner}",
                LABELS * times,
                step_graphs.refining(refiner, settings, size, images),
                times * self._generated_bytes,
            )

    def _detectors(self):
        names = self.configuration["classifiers"]
        seeds = len(self.configuration["seeds"])
        detectors = {name: Detector(self, names[name]) for name in names}
        mixes = self.configuration["mixes"]
        for mix in mixes:
            number = self.images_in(mix)
            yield self._trainings(mix, seeds, detectors.values(), number)
        for mix, control in self.configuration["controls"].items():
            yield self._trainings(
                f"{mix}.control",
                seeds,
                detectors.values(),
                self.images_in(control),
                match=self.images_in(mix),
            )
        selecting = detectors[self.configuration["selection_classifier"]]
        for refiner, steps in self.configuration["steps"].items():
            number = sum(map(self.images_of, ("real", "classic", refiner)))
            name = f"candidates of {refiner}"
            yield self._trainings(name, seeds * len(steps), [selecting], number)

    def _trainings(self, mix, seeds, detectors, num_images, match=None):
        """The `Step` of `seeds` trainings of each detector on a mix."""
        detectors = list(detectors)
        calls = [part for d in detectors for part in d.calls(seeds, num_images, match)]
        return Step(
            f"classifier_train, {mix}",
            seeds * len(detectors),
            calls,
            sum(seeds * d.disk for d in detectors),
            detectors[0].least,
        )

    def _results(self):
        configuration = self.configuration
        runs = len(configuration["seeds"]) * len(configuration["classifiers"])
        runs *= len(configuration["mixes"]) + len(configuration["controls"])
        yield self._predictions("predict", runs, self.test_images)
        steps = sum(map(len, self.configuration["steps"].values()))
        runs = len(configuration["seeds"]) * steps
        yield self._predictions("predict_validation", runs, self.validation_images)
        settings = self.settings("evaluation_quality")
        real = sum(self.class_sizes)
        per_set = settings["num_splits"] * real // 2
        described = real + len(self.sources - MADE_FROM_REAL) * per_set
        yield Step("quality", 1, self._described(settings, described))

    def _predictions(self, name, runs, num_images):
        settings = self.settings("classifier_predict")
        training = self.settings("classifier_train")
        calls = step_graphs.prediction(
            settings, training, self.real_size, runs * num_images
        )
        return Step(name, runs, calls)


class Detector:
    """The detector of one flagfile, whose trainings differ in images and length."""

    def __init__(self, experiment, flagfile):
        self.settings = experiment.settings(flagfile)
        self._validation_images = experiment.validation_images
        self._step, self._validation = step_graphs.classifier_training(self.settings)
        model = self._step.model
        best = num_bytes(model.detector)  # A file of its own.
        self.disk = KEPT_CHECKPOINTS * num_bytes(model) + best

    @property
    def least(self):
        """Part of the epochs that early stopping leaves if the first one is best."""
        return (self.settings["patience"] + 1) / self.settings["max_epochs"]

    def calls(self, trainings, num_images, match=None):
        """`Calls` of steps and of validations, if no training ends early.

        Args:
          trainings: number of trainings.
          num_images: that each learns from.
          match: of a control, the images of the training whose length it takes.
        """
        batch, epochs = self.settings["batch_size"], self.settings["max_epochs"]
        epoch = self.epoch(num_images)
        if match:
            epochs = -(-epochs * self.epoch(match) // epoch)
        validations = epochs * -(-self._validation_images // batch)
        return [
            dataclasses.replace(self._step, number=trainings * epochs * epoch),
            dataclasses.replace(self._validation, number=trainings * validations),
        ]

    def epoch(self, num_images):
        """Number of steps."""
        return self.settings["steps_per_epoch"] or max(
            1, num_images // self.settings["batch_size"]
        )
