"""What differs between the two lanes; nothing else asks which one it is in.

The faithful lane is Python 3.10 or 3.11 with TensorFlow 2.15, Keras 2 and TensorFlow
Addons, the stack of the paper's time and the last with Addons. The newest lane is any
newer Python with the newest TensorFlow and Keras 3. `setup.py` has their versions.
"""

import functools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from dataset.errors import UserError

FAITHFUL, NEWEST = "faithful", "newest"
LANE = FAITHFUL if keras.__version__.startswith("2.") else NEWEST
PYTHONS = {FAITHFUL: "3.10 or 3.11", NEWEST: "3.12 or newer"}


def instance_norm(epsilon: float) -> keras.layers.Layer:
    """Each map of each image to mean 0 and variance 1, in float32; no weights.

    Addons' layer where there are Addons. It is itself a group norm of one group a map,
    which Keras has had since.
    """
    options = {"center": False, "scale": False, "epsilon": epsilon, "dtype": "float32"}
    if LANE == NEWEST:
        return keras.layers.GroupNormalization(groups=-1, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That Addons is no longer developed.
        import tensorflow_addons as tfa
    return tfa.layers.InstanceNormalization(**options)


def compile_options(model: keras.Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """What `compile` of a model gets that brings its own optimizers and variables.

    Left to itself, Keras 3 adds an optimizer of all variables, asks for XLA where there
    is a GPU, and calls the model on the first batch to find out what it consists of.
    """
    if LANE == FAITHFUL:
        return dict(options)
    model.built = True
    return {"optimizer": None, "jit_compile": False, **options}


def multi_worker_strategy() -> tf.distribute.Strategy:
    """The strategy for several machines, which `fit` of Keras 3 does not support.

    It averages what a step returns over the workers along a first axis, and scalar
    losses have none.

    Raises:
      UserError: this is the newest lane.
    """
    if LANE == NEWEST:
        raise UserError(
            "--strategy=multi_worker needs the faithful lane, Python 3.10 or 3.11"
            " (docs/install.md): Keras 3 does not train on several machines."
        )
    return tf.distribute.MultiWorkerMirroredStrategy()


def state(optimizer: keras.optimizers.Optimizer) -> list[tf.Variable]:
    """An optimizer's counters and moments, without learning rate and scale of losses.

    Keras 3 counts these among the variables.
    """
    if LANE == FAITHFUL:
        return optimizer.variables
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = optimizer._learning_rate
    return [v.value for v in optimizer.variables if v is not rate]


def apply_scaled(
    optimizer: keras.mixed_precision.LossScaleOptimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[tf.Variable],
) -> None:
    """One step of an optimizer that scales the loss, as float16 needs it.

    Keras 3 divides the gradients by the scale itself, of Keras 2 the caller has to.
    """
    scale = optimizer.scale_loss if LANE == NEWEST else optimizer.get_scaled_loss
    with tape:
        loss = scale(loss)
    gradients = tape.gradient(loss, variables)
    if LANE == FAITHFUL:
        gradients = optimizer.get_unscaled_gradients(gradients)
    optimizer.apply_gradients(zip(gradients, variables))


def tensorflow_variables(variables: Iterable[Any]) -> list[tf.Variable]:
    """TensorFlow's variables of Keras', which in Keras 3 only hold one."""
    return [v if isinstance(v, tf.Variable) else v.value for v in variables]


def checkpoint(**parts: Any) -> tf.train.Checkpoint:
    """TensorFlow's checkpoint of models, layers, variables, or dicts of them, by name.

    Of Keras 3's objects TensorFlow sees attributes alone: not the layers of a network,
    nor a dict of networks; a training would be continued without them, and no error.
    They are laid out here as those of Keras 2 are by themselves. So what one lane has
    trained can be read in the other.
    """
    if LANE == NEWEST:
        parts = {name: _laid_out(part) for name, part in parts.items()}
    return tf.train.Checkpoint(**parts)


def _laid_out(value):
    """What TensorFlow can save of `value`, None if nothing."""
    if isinstance(value, keras.Variable):
        return value.value
    if isinstance(value, (tf.Variable, tf.Module, tf.train.Checkpoint)):
        return value
    nodes = {name: _laid_out(child) for name, child in _children(value)}
    nodes = {name: node for name, node in nodes.items() if node is not None}
    return tf.train.Checkpoint(**nodes) if nodes else None


def _children(value):
    """Names and values of what hangs on `value`, with the names of Keras 2."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, keras.optimizers.Optimizer):
        return ((str(n), v) for n, v in enumerate(value.variables))
    if isinstance(value, keras.metrics.Metric):
        return ((v.name, v) for v in value.variables)
    if not isinstance(value, keras.layers.Layer):
        return ()
    if _is_network(value):
        layers = [layer for layer in value.layers if layer.weights]
        return ((f"layer_with_weights-{n}", layer) for n, layer in enumerate(layers))
    return (
        (child.name if isinstance(child, keras.Variable) else name, child)
        for name, child in vars(value).items()
        if name not in _names_of_keras() and not name.startswith("_self_")
    )


def _is_network(value):
    """Whether it is a model that Keras has made of layers, of no class of ours."""
    own = type(value)
    of_keras = own is not keras.Model and own.__module__.startswith("keras.")
    return isinstance(value, keras.Model) and of_keras


@functools.cache
def _names_of_keras():
    """The attributes of every model, which only repeat what a class of ours has."""
    return vars(keras.Model()).keys()
