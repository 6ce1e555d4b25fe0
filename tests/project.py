"""The packages and the binaries of the project, as setup.py finds them."""

import pathlib
import runpy

import setuptools

ROOT = pathlib.Path(__file__).parents[1]


def _setup():
    """The globals of setup.py, without its effect."""
    setup, setuptools.setup = setuptools.setup, lambda **arguments: None
    try:
        return runpy.run_path(str(ROOT / "setup.py"))
    finally:
        setuptools.setup = setup


_SETUP = _setup()
PACKAGES = _SETUP["PACKAGES"]
BINARIES = _SETUP["BINARIES"]
