"""What a training saw when it met NaN or infinity: `diverged.json` in its folder.

Nothing of it is computed before. Then the batch of the step is read again and its
gradients are taken again, step by step and without a graph, with the weights as the
step left them and with those of the last checkpoint that is finite.
"""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import keras
import numpy as np
import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import write_json
from dataset.records import parse_origins
from dataset.shards import ShardSet
from training import lanes
from training.checkpoints import checkpoint_paths, find_fault, step_of
from training.model import SteppedModel

if TYPE_CHECKING:
    from training.run import Run

REPORT = "diverged.json"


def check_losses(
    run: "Run", model: SteppedModel, values: Mapping[str, float], since: int
) -> None:
    """Stops a training of which a loss is not finite.

    Args:
      run: the `Run`, at the end of a step.
      model: its model.
      values: means of the losses by name, float.
      since: the step after which these were taken.

    Raises:
      UserError: names the loss and `diverged.json`.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            stop(run, f"{name} is {value}", describe(run, model, values, since))


def check_state(run: "Run", model: SteppedModel, since: int) -> None:
    """Stops a training before it saves what is not finite; see `check_losses`."""
    if not model.losses_are_finite():
        check_losses(run, model, model.take_means(), since)
    for name, number in non_finite_weights(model).items():
        if number:
            report = describe(run, model, model.take_means(), since)
            stop(run, f"{number} weights of {name} are NaN or infinite", report)


def stop(run: "Run", what: str, report: Mapping[str, Any]) -> NoReturn:
    """Writes the report and ends the training with a `UserError`."""
    path = run.folder.own_path(REPORT)
    write_json(path, report)
    last = report["last_finite_checkpoint"]
    kept = f"The checkpoint of step {last} is" if last else "No checkpoint is"
    raise UserError(
        f"{what} at step {run.step}: training diverged. {path} has its losses, gradient"
        f" norms and images. {kept} kept in {run.folder.path}; try a smaller"
        " --learning_rate or --precision=float32 in a new --model_dir."
    )


def describe(
    run: "Run", model: SteppedModel, values: Mapping[str, float], since: int
) -> dict[str, Any]:
    """The content of `diverged.json`; `values` and `since` as of `check_losses`."""
    report = {
        "step": run.step,
        "losses": {name: plain(value) for name, value in values.items()},
        "losses_are_means_of_steps": [since + 1, run.step],
        "non_finite_weights": non_finite_weights(model),
        "records": None,
        "gradient_norms": None,
        "last_finite_checkpoint": None,
        "gradient_norms_with_that_checkpoint": None,
    }
    if run.workers.number > 1:  # One that fails here would leave the others waiting.
        return report
    try:
        complete(report, run, model)
    except (tf.errors.OpError, UserError) as error:  # Out of memory, images gone.
        report["incomplete"] = str(error).splitlines()[0]
    return report


def complete(report: dict[str, Any], run: "Run", model: SteppedModel) -> None:
    """Adds what takes reading and computing, what is surest first."""
    path = last_finite_checkpoint(run.folder.shared_path("checkpoints"))
    report["last_finite_checkpoint"] = step_of(path) if path else None
    batch, report["records"] = read_batch(run)
    report["gradient_norms"] = gradient_norms(run, model, batch)
    if path:
        status = lanes.checkpoint(model=model).read(path)
        status.assert_existing_objects_matched().expect_partial()
        norms = gradient_norms(run, model, batch)
        report["gradient_norms_with_that_checkpoint"] = norms


def plain(value: float) -> float | str:
    """A number as JSON has it: NaN and infinity are texts."""
    return float(value) if math.isfinite(value) else str(float(value))


def networks(model: SteppedModel) -> dict[str, keras.layers.Layer]:
    """The networks of a model by the attribute that they are, with a key if several."""
    found = {}
    for name, value in vars(model).items():
        if name.startswith("_"):  # Keras' and TensorFlow's own lists of them.
            continue
        members = value.items() if isinstance(value, Mapping) else [(None, value)]
        for key, member in members:
            is_metric = isinstance(member, keras.metrics.Metric)
            if isinstance(member, keras.layers.Layer) and not is_metric:
                found[name if key is None else f"{name}/{key}"] = member
    return found


def non_finite_weights(model: SteppedModel) -> dict[str, int]:
    """How many weights of each network are NaN or infinite."""
    return {
        name: sum(
            int(tf.math.count_nonzero(~tf.math.is_finite(weight)))
            for weight in lanes.tensorflow_variables(network.weights)
            if weight.dtype.is_floating
        )
        for name, network in networks(model).items()
    }


def read_batch(run: "Run") -> tuple[Any, list[dict[str, Any]]]:
    """The batch of the step that was just done, and the records that it was made of."""
    records: list[dict[str, str]] = []
    with noting(run.sets, records):
        (batch,) = run.batches_of(run.step - 1, run.step)
    return batch, sorted(records, key=lambda record: (record["set"], record["id"]))


@contextlib.contextmanager
def noting(sets: Iterable[ShardSet], records: list[dict[str, str]]) -> Iterator[None]:
    """Adds set and id of all records that some sets are asked for within."""

    def noted(own, read):
        def serialized(position):
            content = read(position)
            (name,) = parse_origins(tf.constant([content]))["id"].numpy()
            records.append({"set": own.directory, "id": name.decode(errors="replace")})
            return content

        return serialized

    for own in sets:
        vars(own)["serialized"] = noted(own, own.serialized)
    try:
        yield
    finally:
        for own in sets:
            vars(own).pop("serialized", None)


def gradient_norms(run: "Run", model: SteppedModel, batch: Any) -> dict[str, Any]:
    """The largest norm of each network's gradients in the step's updates.

    The step is done once more without a graph and without changing what it trains.

    Returns:
      By network, the square root of the gradients' sum of squares, float or text.
    """
    model.step.assign(run.step - 1)
    sums = collect_gradients(run, model, batch)
    norms: dict[str, float] = {}
    for name, network in networks(model).items():
        refs = references(network.trainable_variables)
        for update in sums:
            if refs and all(ref in update for ref in refs):
                norm = math.sqrt(sum(update[ref] for ref in refs))
                # Of NaN and a number, NaN is the larger one, in either order.
                norms[name] = float(np.maximum(norms.get(name, 0.0), norm))
    return {name: plain(norm) for name, norm in norms.items()}


def collect_gradients(run: "Run", model: SteppedModel, batch: Any) -> list[dict]:
    """Of each update of the step, {reference of a variable: sum of squares}."""
    updates = []

    def note(gradients, variables):
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if context.replica_id_in_sync_group == 0:
            sums = map(sum_of_squares, gradients)
            updates.append(dict(zip(references(variables), sums)))

    model.on_gradients = note
    try:
        for part in run.strategy.experimental_distribute_dataset(
            tf.data.Dataset.from_tensors(batch)
        ):
            run.strategy.run(model.train_step, args=(part,))
    finally:
        model.on_gradients = None
    return updates


def references(variables: Iterable[Any]) -> list[Any]:
    """What tells variables apart, as keys of a dict."""
    return [v.ref() for v in lanes.tensorflow_variables(variables)]


def sum_of_squares(gradient: Any) -> float:
    """0 for a variable that the loss does not depend on."""
    if gradient is None:
        return 0.0
    return float(tf.reduce_sum(tf.square(tf.cast(gradient, tf.float64))))


def last_finite_checkpoint(folder: str) -> str | None:
    """The path of the latest checkpoint that can be read and has no NaN or infinity.

    PGGAN's memory of distances begins with infinity, and is no weight.
    """
    for path in reversed(checkpoint_paths(folder)):
        if not find_fault(path) and all(map(is_finite, tensors(path))):
            return path
    return None


def tensors(path: str) -> Iterator[np.ndarray]:
    """The values of a checkpoint's variables."""
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
        if "OBJECT_GRAPH" not in name and "/memory/" not in name:
            yield reader.get_tensor(name)


def is_finite(values: np.ndarray) -> bool:
    kind = np.asarray(values).dtype.kind
    return kind not in "fc" or bool(np.isfinite(values).all())
