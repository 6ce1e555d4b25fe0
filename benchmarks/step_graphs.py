"""The graphs of every step of the experiment that runs a network, as it runs them.

Networks, training steps and schedules are the programs' own, their settings those of a
flagfile as the program reads it.
"""

import collections
import functools
import importlib
import inspect
import pathlib

import tensorflow as tf

from benchmarks.graphs import Calls, trace
from classifier import networks as classifier_networks
from classifier import train as classifier_train
from features.extraction import BATCH_SIZE as BATCH_FEATURES
from features.extraction import build_extractor
from flags import binary
from pggan import growth
from pggan import networks as pggan_networks
from pggan.generate import GROUP as BATCH_GENERATE
from pggan.model import PGGAN
from refiners.model import RefinerModel
from refiners.refining import GROUP as BATCH_REFINE
from refiners.training import build as build_refiner_model
from training.run import Run

ROOT = pathlib.Path(__file__).parents[1]
# Packages of this project that train a refiner and refine.
REFINERS = sorted(path.parent.name for path in ROOT.glob("*/refine.py"))
NOWHERE = "no_folder"  # Where a `Run` finds no earlier training.


def read_settings(flagfile, *arguments):
    """The flags of a program as it reads them from its flagfile.

    Args:
      flagfile: path of a `<package>_<binary>[_<variant>].cfg`.
      *arguments: further flags, such as `--batch_size=2`.

    Returns:
      Dict of name to value; None for paths, which have no part in what is computed.
    """
    package, name, *_ = pathlib.Path(flagfile).stem.split("_")
    arguments = [f"--flagfile={flagfile}", *arguments]
    settings = binary.parse(f"{package}.{name}", arguments, complete=False)
    return {**settings, "model_dir": NOWHERE} if "model_dir" in settings else settings


def _own(function, settings):
    """Those settings that `function` takes by name."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in settings.items() if name in names}


def _images(*shape, dtype=tf.float32):
    """Spec of square grey images; the last number of `shape` is their size."""
    return tf.TensorSpec([*shape, shape[-1], 1], dtype)


def pggan_training(settings, class_sizes):
    """`Calls` per resolution, whose fade and stabilise phases are the same graph.

    Args:
      settings: of `pggan.train`.
      class_sizes: numbers of images, of a training each; the calls are of all.
    """
    run = Run("pggan.train", settings)
    batch = run.batch_size
    with run.strategy.scope():
        model = PGGAN(**_own(PGGAN, run.model_flags), seed=run.seed, batch_size=batch)
    steps = collections.Counter()
    for num_images in class_sizes:
        for phase in pggan_phases(settings, num_images):
            steps[phase.resolution] += (phase.stop - phase.start) // batch

    def trace_at(size):
        model.start_phase(growth.Phase(size, False, 0, 0), first_step=False)
        alpha = tf.TensorSpec([batch])
        specs = {"real_images": _images(batch, size), "alpha": alpha}
        return trace(model.train_step, specs)

    return [
        Calls(f"{size} px", batch, number, functools.partial(trace_at, size), model)
        for size, number in steps.items()
    ]


def pggan_phases(settings, num_images):
    """The schedule of a training on `num_images` images."""
    keys = ("stabilize_kimg", "fade_kimg")
    lengths = {key: settings[key] for key in keys}
    if epochs := settings["num_epochs"]:
        kimg = growth.kimg_of_epochs(settings["resolution"], epochs, num_images)
        lengths = dict.fromkeys(keys, [kimg])
    batch = settings["batch_size"]
    return growth.schedule(settings["resolution"], batch_size=batch, **lengths)


def refiner_training(refiner, settings, image_size, trainings=1):
    """`Calls` per phase of some trainings of a refiner on images of `image_size` px."""
    run = Run(f"{refiner}.train", settings)
    model_class = importlib.import_module(f"{refiner}.train").MODEL
    flags = {**_own(RefinerModel, settings), **_own(model_class, settings)}
    model = build_refiner_model(model_class, run, image_size, **flags)

    def trace_in(phase):
        model.start_phase(phase)
        images = tf.zeros([run.batch_size, image_size, image_size, 1])
        pair = {"synthetic_images": images, "real_images": images}
        batches = tf.data.Dataset.from_tensors(pair)
        return trace(model.train_step, model.step_batches(batches, phase).element_spec)

    return [
        Calls(
            phase.name,
            run.batch_size,
            trainings * (phase.stop - phase.start),
            functools.partial(trace_in, phase),
            model,
        )
        for phase in model.phases
    ]


def classifier_training(settings):
    """The `Calls` of one step, and of the validation of one batch."""
    # What weights are read, and how long an epoch is, changes no operation; nor, to
    # speak of, do the weights of classes.
    changes = {"weights": "none", "steps_per_epoch": 1, "class_weights": None}
    settings = settings | changes
    run = Run("classifier.train", settings)
    build = classifier_train.build
    model = build(run, **_own(build, settings))
    batch = run.batch_size
    specs = {
        "image": _images(batch, settings["image_size"]),
        "label": tf.TensorSpec([batch]),
    }
    trace_step = functools.partial(trace, model.train_step, specs)
    trace_validation = functools.partial(trace, model.predict_step, specs)
    return [
        Calls("step", batch, 1, trace_step, model),
        Calls("validation", batch, 1, trace_validation),
    ]


def generation(settings, num_images):
    """The `Calls` that generate images, of a `pggan.train` with these settings."""
    build = pggan_networks.build_generators
    generator = build(**_own(build, settings))[f"{settings['resolution']}px"]
    specs = tf.TensorSpec([BATCH_GENERATE, settings["latent_size"]])
    alpha = tf.TensorSpec([BATCH_GENERATE])
    return _inference(generator, num_images, BATCH_GENERATE, [specs, alpha])


def refining(refiner, settings, image_size, num_images):
    """The `Calls` that refine images, of a refiner's training with these settings."""
    build = importlib.import_module(f"{refiner}.refine").build_refiner
    network, _ = build(settings, image_size)
    specs = [tf.TensorSpec([BATCH_REFINE, *x.shape[1:]]) for x in network.inputs]
    return _inference(network, num_images, BATCH_REFINE, specs)


def prediction(settings, training, image_size, num_images):
    """The `Calls` of `classifier.predict` on images of `image_size` pixels.

    Args:
      settings: of `classifier.predict`.
      training: settings of the detector's training.
    """
    batch = settings["batch_size"]
    size = {name: training[name] for name in classifier_networks.SIZE_SETTINGS}
    detector = classifier_networks.build_detector(**size)
    network = functools.partial(classifier_networks.tumor_probability, detector)
    return _inference(network, num_images, batch, _images(batch, image_size))


def description(settings, image_size, num_images):
    """The `Calls` of the network that filtering or evaluation compares images by."""
    network = build_extractor(
        settings["backbone"], "none", image_size=settings["feature_size"]
    )
    images = _images(BATCH_FEATURES, image_size, dtype=tf.uint8)
    return _inference(network, num_images, BATCH_FEATURES, images)


def _inference(network, num_images, batch, specs):
    number = -(-num_images // batch)
    return [Calls("batch", batch, number, functools.partial(trace, network, specs))]
