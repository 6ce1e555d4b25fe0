"""The wheel built from the source holds all that programs read, and runs by itself."""

import os
import shutil
import subprocess
import sys
import zipfile

import project
import pytest

NOT_READ = {"workflow/requirements.in"}  # By programs; `make lock` reads it.
PIP = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Path of the wheel, built from a copy: a build leaves folders in its source."""
    folder = tmp_path_factory.mktemp("wheel")
    tops = {name.partition(".")[0] for name in project.PACKAGES}
    for name in tops:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project.ROOT / name, folder / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(project.ROOT / name, folder)
    options = ("--no-deps", "--no-build-isolation", f"--wheel-dir={folder}")
    run([*PIP, "wheel", *options, str(folder)], folder)
    return next(folder.glob("*.whl"))


def run(command, folder, code=0):
    """What a command prints, in an environment that does not know of this source."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    end = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert end.returncode == code, end.stdout
    return end.stdout


def test_wheel_holds_every_file_of_every_package(wheel):
    expected = {
        str(path.relative_to(project.ROOT))
        for package in project.PACKAGES
        for path in (project.ROOT / package.replace(".", "/")).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if ".dist-info/" not in n}
    assert held == expected - NOT_READ


def test_wheel_brings_a_command_for_every_binary(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        text = archive.read(name).decode()
    commands = {line.partition(" = ")[0] for line in text.splitlines() if "=" in line}
    assert commands == {name.replace(".", "-", 1) for name in project.BINARIES}


@pytest.mark.long
def test_wheel_runs_in_an_empty_environment(wheel, tmp_path):
    """With nothing but what it asks for itself, from a folder of its own."""
    run([sys.executable, "-m", "venv", "venv"], tmp_path)
    programs = tmp_path / "venv" / "bin"
    python = programs / "python"
    lock = "-newest" * (sys.version_info >= (3, 12))
    versions = (project.ROOT / f"requirements{lock}.lock").read_text().splitlines()
    versions = [line.rstrip("\\ ") for line in versions if "==" in line]
    (tmp_path / "versions").write_text("\n".join(versions) + "\n")
    asked = (f"{wheel}[demo]", "--constraint=versions")
    run([python, *PIP[1:], "install", *asked], tmp_path)
    where = run([python, "-c", "import dataset; print(dataset.__file__)"], tmp_path)
    assert where.startswith(str(tmp_path))

    run(
        [programs / "dataset-phantom", "--output_dir=brains", "--num_patients=4"]
        + ["--spacing=6", "--tumor_radius=20,28"],
        tmp_path,
    )
    run(
        [python, "-m", "dataset.prepare", "--brats_dir=brains", "--image_size=32"]
        + ["--split=0.5,0.25,0.25", "--min_tumor_area=300", "--keep_borderline"]
        + ["--output_dir=experiment/real"],
        tmp_path,
    )
    run(
        [python, "-m", "evaluation.report", "--experiment_dir=experiment"]
        + ["--output_html=report.html"],
        tmp_path,
    )
    assert "<style>" in (tmp_path / "report.html").read_text()
    for name in project.BINARIES:  # Help is 1, as absl has it.
        assert "flags:" in run([python, "-m", name, "--helpfull"], tmp_path, code=1)
