"""What others call has types, checked by `make lint`: shards, trainings, `build_*`."""

import ast

import pytest
from layering_test import FLOOR, MODULES

INTERFACES = ("refiners", "training")


def is_public(name):
    return not name.startswith("_") or name in ("__init__", "__len__")


def public_functions(module):
    """The functions and methods that others call: of interfaces all, else `build_*`."""
    everything = module.name in FLOOR or module.package in INTERFACES
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef):
            if node.name.startswith("build_") or everything and is_public(node.name):
                yield node
        elif isinstance(node, ast.ClassDef) and everything and is_public(node.name):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            yield from (method for method in methods if is_public(method.name))


def untyped(function):
    """The parameters without a type, and `return` where what is returned has none."""
    given = function.args
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    parameters += [each for each in (given.vararg, given.kwarg) if each]
    names = [each.arg for each in parameters if not each.annotation]
    names += [] if function.returns else ["return"]
    return [name for name in names if name != "self"]


FUNCTIONS = {module.name: [*public_functions(module)] for module in MODULES}


@pytest.mark.parametrize("name", [name for name, found in FUNCTIONS.items() if found])
def test_public_functions_have_types(name):
    missing = {each.name: untyped(each) for each in FUNCTIONS[name] if untyped(each)}
    assert not missing


def test_interfaces_are_found():
    named = {f"{name}.{each.name}" for name in FUNCTIONS for each in FUNCTIONS[name]}
    assert named >= {
        "dataset.shard_writer.write_shard_set",
        "dataset.records.to_float",
        "training.run.fit",
        "pggan.networks.build_generators",
        "features.extraction.build_extractor",
    }
