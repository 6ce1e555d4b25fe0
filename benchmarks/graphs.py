"""Traces what a program would run, and counts its floating-point operations."""

import collections
import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf
from tensorflow.compat.v1.profiler import ProfileOptionBuilder, profile

HEAVY = ("Conv", "MatMul", "Einsum")  # In the names of operations' types.


@dataclasses.dataclass(frozen=True)
class Calls:
    """Calls of one graph.

    Attributes:
      name: of what is called, for people.
      batch: images per call.
      number: of calls.
      trace: function without arguments that gives the graph, a `ConcreteFunction`.
      model: what a checkpoint is made of; None outside training.
    """

    name: str
    batch: int
    number: int
    trace: Callable
    model: tf.Module | None = None

    @property
    def images(self):
        return self.batch * self.number

    @property
    def operations_per_image(self):
        return _count(self.trace) / self.batch

    @property
    def operations(self):
        """Floating-point operations of all calls."""
        return self.operations_per_image * self.images


@functools.cache
def _count(trace):
    return count_operations(trace())


def trace(function, *specs):
    """The graph of `function`, with the functions that it calls laid open.

    Args:
      function: Python function of tensors.
      *specs: nested `tf.TensorSpec`s of its arguments, all dimensions known.

    Returns:
      `ConcreteFunction`; nothing has been computed.
    """
    tf.config.run_functions_eagerly(True)
    try:
        return tf.function(function).get_concrete_function(*specs)
    finally:
        tf.config.run_functions_eagerly(False)


def count_operations(function):
    """Floating-point operations of a call, 2 of them per multiply-add.

    Args:
      function: `ConcreteFunction` with known shapes.

    Raises:
      ValueError: see `operations_by_type`.
    """
    return operations_by_type(function).total()


def operations_by_type(function):
    """Floating-point operations of a call by type: `Conv2D`, `MatMul`, `Mul`, ...

    TensorFlow's profiler counts convolutions, matrix products and their gradients,
    pooling, sums and arithmetic element by element. Of its numbers those count whose
    result is used: it takes gradients along that are never computed, such as those of
    the discriminator's weights while the generator is updated.

    Raises:
      ValueError: a convolution or matrix product cannot be counted.
    """
    graph = function.graph
    used = used_operations(graph)
    check_countable(graph, used)
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation())
    root = profile(graph, options=options.with_empty_output().build())
    numbers = {node.name: node.float_ops for node in _nodes(root)}
    counts = collections.Counter()
    for operation in used:
        counts[operation.type] += numbers.get(operation.name, 0)
    return counts


def _nodes(node):
    yield node
    for child in node.children:
        yield from _nodes(child)


def used_operations(graph):
    """The operations of a `FuncGraph` on which its outputs or side effects depend."""
    found = set()
    waiting = [*graph.control_outputs, *(output.op for output in graph.outputs)]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs]
            waiting += operation.control_inputs
    return found


def check_countable(graph, used):
    """Refuses graphs of whose heavy operations the profiler would leave some out."""

    def is_heavy(kind):
        return any(word in kind for word in HEAVY)

    for operation in used:
        tensors = [*operation.inputs, *operation.outputs]
        if is_heavy(operation.type) and not all(
            tensor.shape.is_fully_defined() for tensor in tensors
        ):
            raise ValueError(f"{operation.name}: expected known shapes.")
    for function in graph.as_graph_def().library.function:
        for node in function.node_def:
            if is_heavy(node.op):
                name = function.signature.name
                raise ValueError(
                    f"{node.name}: not counted within the function {name}."
                )
