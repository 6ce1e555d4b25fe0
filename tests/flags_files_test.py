"""Every flagfile is one of its binary, and parses with its flags."""

import re
import runpy
import sys

import pytest
from absl import flags
from project import BINARIES, ROOT
from refusals import refused

from flags import binary

SIZES = ("demo", "mini", "paper")
FLAGFILES = sorted((ROOT / "flags").rglob("*.cfg"))


def binary_of(path):
    """`pggan.train` of `pggan_train.cfg` and of its variant `pggan_train_long.cfg`."""
    for name in BINARIES:
        if f"{path.stem}_".startswith(name.replace(".", "_") + "_"):
            return name
    raise AssertionError(f"{path.name}: expected <package>_<binary>[_<variant>].cfg.")


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_flagfile_parses_with_the_flags_of_its_binary(path):
    assert path.parent.name in SIZES
    binary.parse(binary_of(path), [f"--flagfile={path}"], complete=False)
    # Its path would depend on the working directory, which differs from step to step.
    assert not re.search("^--flagfile", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("dataset.prepare", ["brats_dir=~/BraTS"], {"brats_dir": "/home/me/BraTS"}),
        ("dataset.phantom", ["output_dir=~/a b"], {"output_dir": "/home/me/a b"}),
        (
            "classifier.train",
            ["train_dirs=~/a,b/~c,s3://x/~", "weights=~/w.h5"],
            {
                "train_dirs": ["/home/me/a", "b/~c", "s3://x/~"],
                "weights": "/home/me/w.h5",
            },
        ),
        (
            "evaluation.table",
            ["rows=real=~/a.csv,~/b.csv", "rows=x=c.csv"],
            {"rows": ["real=/home/me/a.csv,/home/me/b.csv", "x=c.csv"]},
        ),
    ],
)
def test_tilde_is_the_home_folder(name, arguments, expected, monkeypatch):
    """Shells do not expand it behind `--flag=`."""
    monkeypatch.setenv("HOME", "/home/me")
    arguments = [f"--{argument}" for argument in arguments]
    settings = binary.parse(name, arguments, complete=False)
    assert {flag: settings[flag] for flag in expected} == expected


def test_flag_that_a_binary_does_not_have_is_refused(tmp_path):
    path = tmp_path / "evaluation_table.cfg"
    path.write_text("--protocoll=full\n")
    with refused("protocoll"):
        binary.parse("evaluation.table", [f"--flagfile={path}"], complete=False)


@pytest.mark.parametrize("name", BINARIES)
def test_binary_runs_itself_by_its_name(name, monkeypatch):
    class Stop(Exception):
        """Nothing is imported before the flags are parsed."""

    def run(name, **_):
        raise Stop(name)

    monkeypatch.setattr(binary, "run", run)
    before = set(sys.modules)
    with pytest.raises(Stop, match=f"^{re.escape(name)}$"):
        runpy.run_path(ROOT / f"{name.replace('.', '/')}.py", run_name="__main__")
    new = {module.partition(".")[0] for module in set(sys.modules) - before}
    assert new <= sys.stdlib_module_names


def test_words_that_are_no_flags_are_refused():
    with refused("unexpected argument 'x'"):
        binary.parse("evaluation.table", ["x"], complete=False)


def test_flags_that_are_parsed_are_no_flags_of_this_process():
    before = set(flags.FLAGS)
    values = binary.parse("unit.refine", ["--step=3"], complete=False)
    assert values["step"] == 3 and values["overwrite"] is False
    assert set(flags.FLAGS) == before


@pytest.mark.parametrize("size", SIZES[1:])
def test_sizes_have_the_flagfiles_of_the_smallest(size):
    smallest = {path.name for path in FLAGFILES if path.parent.name == "demo"}
    own = {path.name for path in FLAGFILES if path.parent.name == size}
    assert smallest - {"dataset_phantom.cfg"} <= own
