"""What every refiner does with a trained network: a shard set in, a shard set out.

The refined set has the labels, the order and the patients of the synthetic one, and ids
`<refiner>/<parent id>`, as `docs/refiners.md` asks of any refiner. Images pass through
one group at a time, so that memory does not depend on their number.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

from dataset import pictures
from dataset.errors import UserError
from dataset.record_faults import record_errors
from dataset.records import Record, to_float, to_uint8
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from training import input as training_input
from training.checkpoints import (
    checkpoint_path,
    is_finished,
    read_run,
    restore_parts,
    weights_digest,
)
from training.strategy import create_strategy, on_replicas

# A convolution may round differently for another number of images at once. Groups of
# a fixed size and place make image n the same, whatever is asked for with it.
GROUP = 8
PREVIEW_IMAGES = 8


@dataclasses.dataclass
class Condition:
    """What a network takes beside images: a function of their ids, and of no others.

    Attributes:
      values: function of a list of ids to float32 [images, ...].
      inputs: the `ShardSet`s that it was made from.
      settings: what the manifest is to say of it.
    """

    values: Callable[[Sequence[str]], np.ndarray]
    inputs: Sequence[ShardSet] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def refine(
    build_refiner: Callable[
        [Mapping[str, Any], int], tuple[keras.Model, dict[str, keras.Model]]
    ],
    *,
    binary: str,
    model_dir: str,
    data_dir: str,
    output_dir: str,
    step: int,
    build_condition: (
        Callable[[Mapping[str, Any], dict[str, keras.Model]], Condition] | None
    ) = None,
    **writing: Any,
) -> None:
    """Writes the refined set; the arguments are the flags of the same names.

    Args:
      build_refiner: `build_refiner(settings, image_size)` gives the network of a
        training with these settings, from float32 [images, size, size, 1] in [-1, 1],
        and the values of a `Condition` if there is one, to such images; and a dict of
        its parts by the name they have in the trained model.
      binary: name of the program, `unit.refine`.
      build_condition: for a network of [images, values], `build_condition(training,
        parts)` gives the `Condition`; of what `read_run` says, and the restored parts.
      **writing: `images_per_shard` and `overwrite` of `write_shard_set`.
    """
    synthetic = ShardSet(data_dir)
    training = read_run(model_dir)
    checkpoint = trained_checkpoint(model_dir, training, binary, step, synthetic)
    strategy = create_strategy("auto", 0)
    with strategy.scope():
        network, parts = build_refiner(training["settings"], synthetic.image_size)
        restore_parts(checkpoint, **parts)
    condition = build_condition(training, parts) if build_condition else None
    settings = {
        "model_dir": model_dir,
        "data_dir": data_dir,
        "step": step,
        "weights_sha256": weights_digest(network),
        **(condition.settings if condition else {}),
    }
    write_refined_set(
        output_dir,
        synthetic,
        network,
        strategy,
        condition,
        binary=binary,
        settings=settings,
        **writing,
    )


def trained_checkpoint(
    model_dir: str,
    training: Mapping[str, Any],
    binary: str,
    step: int,
    synthetic: ShardSet,
) -> str:
    """The checkpoint to refine `synthetic` with, once it is known to fit.

    Args:
      model_dir: folder of a refiner's training.
      training: what `read_run` says of it.
      binary: name of the program that refines.
      step: a kept step; 0 for the last one of a finished training.
      synthetic: the `ShardSet` to be refined.

    Raises:
      UserError: there is no such checkpoint, or it was trained by another program, or
        on images of another class or size.
    """
    trainer = binary.replace(".refine", ".train")
    if training["binary"] != trainer:
        raise UserError(
            f"--model_dir={model_dir}: holds a training by {training['binary']},"
            f" expected one by {trainer}."
        )
    facts = training["facts"]
    if not step and not is_finished(model_dir):
        raise UserError(
            f"--model_dir={model_dir}: its training is not finished; run it again with"
            " the same flags to continue it, or give a kept --step."
        )
    training_input.check_labels(synthetic, facts["class"], "data_dir")
    if synthetic.image_size != facts["image size"]:
        raise UserError(
            f"--data_dir={synthetic.directory}: images are {synthetic.image_size} px,"
            f" {model_dir} was trained on {facts['image size']} px."
        )
    return checkpoint_path(model_dir, step)


def write_refined_set(
    output_dir: str,
    synthetic: ShardSet,
    network: keras.Model,
    strategy: tf.distribute.Strategy,
    condition: Condition | None = None,
    *,
    binary: str,
    **writing: Any,
) -> ShardSet:
    """Refines a shard set, and draws images before and after with their difference.

    Args:
      output_dir: folder of the refined set; `before_after.png` goes beside its shards.
      synthetic: the `ShardSet` to refine.
      network: see `build_refiner` of `refine`.
      strategy: the `tf.distribute.Strategy` in whose scope `network` was made.
      condition: what `network` takes beside images, if anything.
      binary: name of the program, `unit.refine`; its first part begins the ids.
      **writing: `settings`, `images_per_shard` and `overwrite` of `write_shard_set`.

    Returns:
      The finished `ShardSet`.
    """
    refiner = binary.partition(".")[0]
    refine = group_function(network, strategy)
    group = GROUP * strategy.num_replicas_in_sync

    def read_records(start, stop):
        begins = range(start // GROUP * GROUP, stop, group)
        # The series is endless: the last group is filled up from the set's beginning.
        examples = training_input.shuffled_examples(
            [synthetic],
            start=begins[0],
            stop=begins[-1] + group,
            seed=0,
            shuffle=False,
        )
        batches = training_input.finish(examples.batch(group)).as_numpy_iterator()
        with record_errors([synthetic]):
            for begin, batch in zip(begins, batches):
                ids = [name.decode() for name in batch["id"]]
                values = [condition.values(ids)] if condition else []
                images = refine(batch["image"], *values)
                for n in range(max(start, begin), min(stop, begin + group)):
                    k = n - begin
                    yield Record(
                        image=images[k, :, :, 0],
                        label=int(batch["label"][k]),
                        id=f"{refiner}/{ids[k]}",
                        patient=batch["patient"][k].decode(),
                    )

    refined = write_shard_set(
        output_dir,
        read_records,
        len(synthetic),
        binary=binary,
        inputs=[synthetic, *(condition.inputs if condition else ())],
        progress=lambda records: tqdm.tqdm(
            records, total=len(synthetic), desc=binary, unit="img"
        ),
        **writing,
    )
    path = os.path.join(output_dir, "before_after.png")
    pictures.write_png(path, before_after(synthetic, refined))
    print(f"{output_dir}: {len(refined)} images; look at {path}.")
    return refined


def group_function(
    network: keras.Model, strategy: tf.distribute.Strategy
) -> Callable[..., np.ndarray]:
    """A function of uint8 [replicas * GROUP, size, size, 1] to the same, refined.

    It takes as many values of a `Condition`, too, if the network does.
    """

    @tf.function
    def refine(images, *values):
        inputs = [to_float(images), *values] if values else to_float(images)
        return to_uint8(network(inputs, training=False))

    def refine_own(replica, *inputs):
        return refine(*(x[replica * GROUP : (replica + 1) * GROUP] for x in inputs))

    joined = on_replicas(strategy, refine_own)
    return lambda *inputs: joined(*map(tf.constant, inputs)).numpy()


def before_after(
    synthetic: ShardSet, refined: ShardSet, count: int = PREVIEW_IMAGES
) -> np.ndarray:
    """Some images, below each its refined version, and their difference (Figure 6).

    Returns:
      uint8 [3 * size, count * size, 1], small images enlarged; in the difference, grey
      is no change, brighter is brighter than before.
    """
    count = min(count, len(synthetic))
    positions = np.linspace(0, len(synthetic) - 1, count, dtype=int)
    before, after = (
        np.stack([shards.record(p).image[..., None] for p in positions])
        for shards in (synthetic, refined)
    )
    difference = np.clip(after.astype(int) - before + 128, 0, 255).astype(np.uint8)
    images = np.concatenate([before, after, difference])
    return pictures.grid(images, columns=count)
