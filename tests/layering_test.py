"""Who may import whom: the rules of the architecture, read off the sources."""

import ast
import pathlib
import re
import sys

import project
import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOOR = {"dataset.errors", "dataset.file_systems", "dataset.folders"}
FLOOR |= {"dataset.record_faults", "dataset.records", "dataset.shards"}
FLOOR |= {"dataset.shard_writer"}
VIEW = {"dataset", *FLOOR, "dataset.image_sets", "dataset.pictures"}  # Of shard sets.
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
# What steps may share beside the shard contract.
SHARED = {"features", "gan", "pages", "refiners", "training"}
# What a part of that stands on: lanes are of Keras, a refiner is trained as a GAN.
FOUNDATIONS = {"gan": {"training"}, "refiners": {"gan", "training"}}
# All else is a step of the chain, as is any new package.
STEPS = {*PACKAGES} - {"dataset", "flags", "workflow"} - SHARED
EXCEPTIONS = {
    # To cut a patient's volume as its training's were.
    "classifier.predict": {"dataset.volume_rules", "dataset.volumes"},
    # To make an image of a file as its training's were.
    "classifier.image_predictions": {
        "dataset.image_files",
        "dataset.image_names",
        "dataset.images",
    },
    # To show the table as its own program does.
    "workflow.results": {
        "evaluation.experiment",
        "evaluation.table_document",
        "evaluation.tables",
    },
    # To tell how many slices there can be before they are made.
    "workflow.outputs": {
        "dataset.folds",
        "dataset.image_files",
        "dataset.image_folders",
        "dataset.layouts",
        "dataset.preparation",
        "dataset.splits",
    },
}


class Module:
    """A source file and what it imports, wherever in the file it does so."""

    def __init__(self, path):
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self.name = self.name.removesuffix(".__init__")
        self.tree = ast.parse(path.read_text())
        self.imports = set(self._imports())
        self.is_binary = any(
            isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
            for node in self.tree.body
        )

    def _imports(self):
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                # `from package import module` is an import of the module.
                for alias in node.names:
                    is_module = is_source(f"{base}.{alias.name}")
                    yield f"{base}.{alias.name}" if is_module else base

    @property
    def package(self):
        return self.name.partition(".")[0]

    def imports_of_project(self):
        return {name for name in self.imports if name.partition(".")[0] in PACKAGES}


def is_source(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


MODULES = [
    Module(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
]
BINARIES = {module.name for module in MODULES if module.is_binary}


def modules_of(*packages):
    return [module for module in MODULES if module.package in packages]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_imports_are_absolute(module):
    assert not [name for name in module.imports if name.startswith(".")]


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.name in FLOOR], ids=lambda m: m.name
)
def test_shard_contract_stands_on_tensorflow_and_numpy_alone(module):
    allowed = {"tensorflow", "numpy", *sys.stdlib_module_names}
    allowed |= {"google"}  # protobuf, of which TensorFlow's examples are made.
    assert {name.partition(".")[0] for name in module.imports - FLOOR} <= allowed


@pytest.mark.parametrize("module", modules_of(*SHARED), ids=lambda m: m.name)
def test_what_steps_share_knows_shards_and_no_step(module):
    own = {module.package, *FOUNDATIONS.get(module.package, ())}
    for name in module.imports_of_project():
        assert name.partition(".")[0] in own or name in VIEW


@pytest.mark.parametrize(
    "module", modules_of("dataset", "workflow", *STEPS), ids=lambda m: m.name
)
def test_step_imports_itself_shards_and_what_it_may_share(module):
    own = {module.package} | ({"flags"} if module.is_binary else set())
    own |= SHARED if module.package in STEPS else set()
    known = VIEW | EXCEPTIONS.get(module.name, set())
    for name in module.imports_of_project():
        assert name.partition(".")[0] in own or name in known


@pytest.mark.parametrize("module", modules_of("flags"), ids=lambda m: m.name)
def test_flags_import_absl_alone(module):
    allowed = {"absl", "flags", *sys.stdlib_module_names}
    imports = module.imports - {"dataset.errors"}
    assert {name.partition(".")[0] for name in imports} <= allowed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_module_but_flags_imports_absl(module):
    packages = {name.partition(".")[0] for name in module.imports}
    assert module.package == "flags" or "absl" not in packages


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_import_changes_nothing_in_the_process(module):
    changes = r"gc\.|os\.environ|os\.putenv|signal\.signal|set_process_up"
    for node in module.tree.body:
        if isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign)):
            assert not re.search(changes, ast.unparse(node))


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_flag_values_are_read_by_the_runner_of_binaries_alone(module):
    names = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    attributes = {n.attr for n in ast.walk(module.tree) if isinstance(n, ast.Attribute)}
    if module.name != "flags.binary":
        assert "FLAGS" not in names | attributes


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_nothing_imports_a_binary_or_a_test(module):
    assert not module.imports & BINARIES
    assert "tests" not in {name.partition(".")[0] for name in module.imports}


def test_setup_finds_every_package_and_every_binary():
    packages = [
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    ]
    assert project.PACKAGES == sorted(packages)
    assert project.BINARIES == sorted(BINARIES)


def test_every_binary_gives_one_sentence_and_one_command():
    for module in MODULES:
        if module.is_binary:
            docstring = ast.get_docstring(module.tree)
            sentence, _, rest = docstring.partition("\n\n")
            assert sentence.endswith((".", ":")), module.name
            assert f"python -m {module.name} --" in rest
