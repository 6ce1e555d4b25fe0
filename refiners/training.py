"""The training of every refiner; what differs is in its `RefinerModel`."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from dataset.shards import ShardSet
from refiners import domains
from refiners.model import RefinerModel
from training import input as training_input
from training.callbacks import SampleGrid
from training.phases import Phase, phase_at
from training.run import Run

GRID_IMAGES = 8


def train(
    model_class: type[RefinerModel],
    run: Run,
    *,
    real_dir: str,
    synthetic_dir: str,
    num_images: int,
    num_steps: int,
    keep_steps: Iterable[str | int],
    sample_steps: int,
    **model_flags: Any,
) -> None:
    """Trains in the folder of `run`.

    Args:
      model_class: a subclass of `RefinerModel`.
      run: the `training.run.Run`.
      real_dir, synthetic_dir, num_images, num_steps, keep_steps, sample_steps: the
        flags, which every refiner has.
      **model_flags: those of this refiner.
    """
    synthetic, real, label = domains.open_domains(synthetic_dir, real_dir)
    size = synthetic.image_size
    keep_steps = domains.check_steps(keep_steps, num_steps)
    chosen = domains.choose_images(
        synthetic,
        real,
        num_images=num_images,
        batch_size=run.batch_size,
        seed=run.seed,
    )
    model = build(model_class, run, size, num_steps=num_steps, **model_flags)
    facts = {
        "class": label,
        "image size": size,
        "synthetic images": len(chosen[0]),
        "real images": len(chosen[1]),
        **model.describe(),
    }
    inputs = {"synthetic_dir": [synthetic], "real_dir": [real]}
    if not run.start(
        model, num_steps=num_steps, inputs=inputs, facts=facts, keep_steps=keep_steps
    ):
        return
    grids = SampleGrid(
        run,
        picture_function(model, chosen, size),
        steps={*(p.stop for p in model.phases), *range(0, num_steps, sample_steps)},
        columns=GRID_IMAGES,
    )
    while run.step < num_steps:
        phase = phase_at(model.phases, run.step)
        train_phase(run, model, phase, chosen, size, [grids], keep_steps)
    run.finish(label=label, kept_steps=keep_steps)


def build(
    model_class: type[RefinerModel], run: Run, image_size: int, **model_flags: Any
) -> RefinerModel:
    """The model on all replicas; `RefinerModel.start_phase` compiles it."""
    with run.strategy.scope():
        return model_class(
            image_size=image_size,
            seed=run.seed,
            batch_size=run.batch_size,
            **model_flags,
        )


def train_phase(
    run: Run,
    model: RefinerModel,
    phase: Phase,
    chosen: Sequence[training_input.ChosenImages],
    size: int,
    callbacks: Iterable[keras.callbacks.Callback],
    keep_steps: Collection[int],
) -> None:
    """Trains from the current step to the end of `phase`."""
    with run.strategy.scope():
        model.start_phase(phase, jit_compile=run.settings["jit_compile"])

    def batches_of(start, stop):
        return phase_batches(
            model,
            phase,
            *chosen,
            size=size,
            batch_size=run.batch_size,
            seed=run.seed,
            first_step=start,
            last_step=stop,
        )

    run.fit(
        model,
        batches_of,
        phase.stop,
        callbacks=callbacks,
        describe=model.describe_step,
        keep_steps=keep_steps,
    )


def phase_batches(
    model: RefinerModel,
    phase: Phase,
    synthetic: training_input.ChosenImages | ShardSet,
    real: training_input.ChosenImages | ShardSet,
    *,
    size: int,
    batch_size: int,
    seed: int,
    first_step: int,
    last_step: int,
) -> tf.data.Dataset:
    """The batches of steps `first_step` + 1 to `last_step` of the training.

    Args:
      model: the `RefinerModel`.
      phase: the one of its phases that has these steps.
      synthetic, real: `ChosenImages` or `ShardSet`s.
      size: height and width of the images, in pixels.
      batch_size: global batch size.
      seed: seed of order and flips.
      first_step, last_step: number of steps done before, and at their end.

    Returns:
      `tf.data.Dataset` of what the model's `train_step` takes.
    """
    pairs = domains.paired_series(
        synthetic,
        real,
        size=size,
        start=phase.batches_before(first_step) * batch_size,
        stop=phase.batches_before(last_step) * batch_size,
        seed=seed,
    )
    batches = pairs.batch(batch_size, drop_remainder=True)
    return training_input.finish(model.step_batches(batches, phase))


def picture_function(
    model: RefinerModel, chosen: Sequence[training_input.ChosenImages], size: int
) -> Callable[[], tf.Tensor]:
    """A function that draws the model's `picture_rows` of some of the images."""
    images = [domains.some_images(each, size, GRID_IMAGES) for each in chosen]

    @tf.function
    def draw():
        return tf.concat(model.picture_rows(*images), axis=0)

    return draw
