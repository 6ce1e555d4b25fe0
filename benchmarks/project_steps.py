"""The project's own training steps, as its programs run them, on images of noise."""

import functools

import numpy as np
import tensorflow as tf

from benchmarks import step_graphs
from benchmarks.graphs import count_operations
from pggan import growth

MODELS = ("pggan", *step_graphs.REFINERS, "classifier")


class ProjectStep:
    """A step of one of `MODELS` with the settings of a flagfile.

    Args:
      name: one of `MODELS`.
      size: of the images, in pixels.
      batch: images per step.
      flags: folder of flagfiles.
      *arguments: further flags of the training.

    Attributes:
      settings: dict of the training's flags.
      images: dict of what a step takes to NumPy array, NHWC.
    """

    def __init__(self, name, size, batch, flags, *arguments):
        self.settings = step_graphs.read_settings(
            f"{flags}/{name}_train.cfg", f"--batch_size={batch}", *arguments
        )
        build = {"pggan": self._pggan, "classifier": self._classifier}.get(
            name, functools.partial(self._refiner, name)
        )
        self._calls, batches = build(size, batch)
        self.model = self._calls.model
        strategy = self.model.distribute_strategy
        self._iterator = iter(strategy.experimental_distribute_dataset(batches))
        with strategy.scope():
            self.model.make_train_function()
        self._step = self.model.train_function

    def _pggan(self, size, batch):
        self.settings |= {
            "resolution": size,
            "num_epochs": 1,  # Lengths of phases may be of another resolution.
            "stddev_group": min(batch, self.settings["stddev_group"]),
        }
        calls = step_graphs.pggan_training(self.settings, [10**6])[-1]
        self._compile(calls.model, growth.Phase(size, False, 0, 0), first_step=True)
        self.images = {"real_images": noise(batch, size)}
        alpha = np.ones([batch], np.float32)
        return calls, self._repeated({**self.images, "alpha": alpha})

    def _refiner(self, name, size, batch):
        calls = step_graphs.refiner_training(name, self.settings, size)[-1]
        phase = calls.model.phases[-1]
        self._compile(calls.model, phase)
        names = ("synthetic_images", "real_images")
        self.images = {name: noise(batch, size) for name in names}
        batches = self._repeated(self.images)
        return calls, calls.model.step_batches(batches, phase)

    def _classifier(self, size, batch):
        self.settings |= {"image_size": size}
        calls = step_graphs.classifier_training(self.settings)[0]
        labels = np.arange(batch, dtype=np.float32) % 2
        self.images = {"image": noise(batch, size), "label": labels}
        return calls, self._repeated(self.images)

    def _compile(self, model, phase, **options):
        with model.distribute_strategy.scope():
            jit_compile = self.settings["jit_compile"]
            model.start_phase(phase, jit_compile=jit_compile, **options)

    @staticmethod
    def _repeated(batch):
        return tf.data.Dataset.from_tensors(batch).repeat()

    def __call__(self):
        """Does a step and waits for its end."""
        return {k: float(value) for k, value in self._step(self._iterator).items()}

    def operations(self):
        """Floating-point operations of a step."""
        return count_operations(self._calls.trace())

    def parameters(self):
        """Numbers of trained parameters by the network's name, as in the peers."""
        model = self.model
        if hasattr(model, "discriminators"):
            networks = {
                "generator": model.generators[model.resolution_key],
                "discriminator": model.discriminators[model.resolution_key],
            }
            variables = {k: own.trainable_variables for k, own in networks.items()}
        elif hasattr(model, "generator_variables"):
            sides = ("generator", "discriminator")
            variables = {side: getattr(model, f"{side}_variables") for side in sides}
        else:
            names = ("refiner", "discriminator", "detector")
            variables = {
                name: getattr(model, name).trainable_variables
                for name in names
                if hasattr(model, name)
            }
        return {
            name: sum(v.shape.num_elements() for v in own)
            for name, own in variables.items()
        }


def noise(images, size):
    """Images of coarse noise, float32 [images, size, size, 1] in [-1, 1]."""
    generator = np.random.Generator(np.random.PCG64([images, size]))
    coarse = generator.uniform(-1, 1, [images, size // 4, size // 4, 1])
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


def parse_step(text):
    """`model:size:batch` as a tuple."""
    name, size, batch = text.split(":")
    if name not in MODELS:
        raise ValueError(name)
    return name, int(size), int(batch)
