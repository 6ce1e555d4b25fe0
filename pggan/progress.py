"""Distances to validation patients' images on the way, and when they end a training.

A training ends where the distance does not fall any more: where for a given number of
images it has not been below the best so far by more than its noise.
"""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from dataset.errors import UserError
from dataset.shards import ShardSet
from features.wasserstein import PATCH
from pggan import distances
from pggan.growth import alpha_at, steps_every
from training import input as training_input


class Memory(NamedTuple):
    """What a training remembers of the distances of its last phase.

    Attributes:
      distance: the latest.
      images: number of images shown by then.
      best_distance: the last one that was a fall.
      best_images: number of images shown by then.
    """

    distance: float = math.inf
    images: int = 0
    best_distance: float = math.inf
    best_images: int = 0

    def after(self, distance, images, noise):
        """The memory after the next measurement.

        A distance is a fall if it is below the best by more than `noise`: a slow fall
        adds up to one, chance does not.
        """
        if distance < self.best_distance - noise:
            return Memory(distance, images, distance, images)
        return self._replace(distance=distance, images=images)

    def is_flat(self, patience):
        """Whether by the latest measurement `patience` images brought no fall.

        Args:
          patience: number of images; 0 for never.
        """
        return bool(patience) and self.images - self.best_images >= patience


class Progress:
    """The distances of one training; its memory is a part of the model's checkpoint.

    Args:
      run: the `training.run.Run`.
      training_set, validation_set: `ShardSet`s of real images.
      resolution: the final resolution, in pixels.
      distance_kimg, distance_images, stop_when_flat: the flags.
    """

    def __init__(
        self,
        run,
        training_set,
        validation_set,
        *,
        resolution,
        distance_kimg,
        distance_images,
        stop_when_flat,
    ):
        self.run = run
        self.validation_set = validation_set
        self.resolution = resolution
        self.kimg = distance_kimg
        self.patience = round(1000 * stop_when_flat)
        sets = {"data_dir": training_set, "validation_dir": validation_set}
        self.num_images = min(distance_images, *map(len, sets.values()))
        self._chosen = [
            training_input.ChosenImages(images, self.num_images, run.seed, flag)
            for flag, images in sets.items()
        ]
        with run.strategy.scope():
            self.variable = tf.Variable(Memory(), trainable=False, dtype=tf.float64)

    @property
    def memory(self):
        return Memory(*self.variable.numpy().tolist())

    @property
    def ended(self):
        """Whether the training has ended before its time."""
        return self.memory.is_flat(self.patience)

    def remember(self, memory):
        self.variable.assign(memory)

    def describe(self):
        """What is measured and when, for a person."""
        text = f"of {self.num_images} images every {self.kimg:g} thousand"
        if self.patience:
            text += f"; ends after {self.patience:,} without a fall"
        return text

    def reason(self):
        """Why the training has ended before its time, for a person."""
        memory = self.memory
        return (
            f"  ended by --stop_when_flat: no fall since {memory.best_images:,.0f}"
            f" images; the distance was {memory.best_distance:.1f} then, is"
            f" {memory.distance:.1f} now."
        )

    def references(self, size):
        """The `distances.References` of `size` px."""
        images = [
            distances.real_images(
                chosen, resolution=self.resolution, size=size, seed=self.run.seed
            )
            for chosen in self._chosen
        ]
        return distances.References(*images, self.run.seed)

    def callbacks(self, phase):
        """What measures in a phase, a list; smaller images than a patch are not."""
        return [Measurement(self, phase)] if phase.resolution >= PATCH else []

    def results(self):
        """What `finished.json` says of the last phase's distances."""
        memory = self.memory
        return {
            "distance": memory.distance,
            "best_distance": memory.best_distance,
            "best_distance_at_image": int(memory.best_images),
            "stopped_when_flat": self.ended,
        }


class Measurement(keras.callbacks.Callback):
    """Logs the distances in one phase, and ends the training when they are flat.

    Must be called before the checkpoint is made: it holds the memory.
    """

    _supports_tf_logs = True  # Keras then leaves the losses on the device.

    def __init__(self, progress, phase):
        super().__init__()
        self.progress, self.run, self.phase = progress, progress.run, phase
        self.steps = steps_every(progress.kimg, self.run.batch_size, phase)
        self.references = progress.references(phase.resolution)
        self.is_last = phase.resolution == progress.resolution and not phase.fading
        # Without a decision to make, the best is the lowest.
        decides = self.is_last and progress.patience
        self.noise = self.references.noise() if decides else 0.0

    def on_train_batch_end(self, batch, logs=None):
        if self.run.step in self.steps:
            self.measure(self.run.step * self.run.batch_size)

    def measure(self, images_shown):
        """Compares images of now; in the last phase remembers, and may decide."""
        images = distances.generated_images(
            self.model,
            len(self.references),
            alpha=min(1.0, alpha_at(self.phase, images_shown)),
            seed=self.run.seed,
        )
        values = self.references.compare(images)
        facts = {"step": self.run.step, "resolution": self.phase.resolution}
        self.run.display.log({**facts, **values, "swd_noise": self.noise})
        if self.is_last:
            former = self.progress.memory
            memory = former.after(values["swd"], images_shown, self.noise)
            self.progress.remember(memory)
            self.end_if(memory.is_flat(self.progress.patience))

    def end_if(self, flat):
        """Ends the training where the chief, whose memory is saved, finds it flat."""
        if not self.progress.patience:
            return
        (ends,) = self.run.any_worker(flat and self.run.workers.is_chief)
        if ends:
            self.run.num_steps = self.run.step  # So that a checkpoint is made of it.
            self.model.stop_training = True


def open_progress(run, training_set, validation_dir, *, resolution, **flags):
    """The `Progress` of a training; None where nothing is to be measured.

    Args:
      run, training_set, resolution, **flags: see `Progress`.
      validation_dir: the flag.

    Raises:
      UserError: the images are no other patients' of the same class and size.
    """
    measured = validation_dir and flags["distance_kimg"]
    if not measured:
        if flags["stop_when_flat"]:
            raise UserError(
                f"--stop_when_flat={flags['stop_when_flat']:g}: expects"
                " --validation_dir, and --distance_kimg above 0; it is by the distance"
                " to these images that a training stops."
            )
        return None
    validation_set = ShardSet(validation_dir)
    label = training_input.check_labels(training_set, None, "data_dir")
    training_input.check_labels(validation_set, label, "validation_dir")
    if validation_set.image_size != training_set.image_size:
        raise UserError(
            f"--validation_dir={validation_dir}: images are"
            f" {validation_set.image_size} px; expected {training_set.image_size} px"
            " as in --data_dir."
        )
    training_input.check_patients(
        {"data_dir": [training_set]}, {"validation_dir": [validation_set]}
    )
    return Progress(run, training_set, validation_set, resolution=resolution, **flags)
