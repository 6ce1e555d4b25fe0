"""Packages, console scripts and dependencies; settings of the tools: pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent

PACKAGES = sorted(find_packages(str(ROOT)))

# Each runs as `python -m package.module` too.
BINARIES = [
    f"{package}.{path.stem}"
    for package in PACKAGES
    for path in sorted((ROOT / package.replace(".", "/")).glob("*.py"))
    if '\nif __name__ == "__main__":' in path.read_text()
]

# Two lanes, by Python's version: the stack of the paper's time where it still runs, the
# newest elsewhere. What differs in the code: training/lanes.py.
MARKERS = {
    "faithful": "python_version < '3.12'",  # TensorFlow 2.15 has no wheels for newer.
    "newest": "python_version >= '3.12'",
}
OF_LANE = {
    "faithful": [
        "tensorflow==2.15.*",  # The last that TensorFlow Addons works with.
        "keras==2.15.*",  # TensorFlow 2.15's own Keras.
        "tensorflow-addons==0.23.*",  # Instance normalization; its last release.
        "numpy==1.26.*",  # The last that TensorFlow 2.15 is built for.
        "setuptools<81",  # TensorBoard 2.15 imports pkg_resources, which 81 removes.
    ],
    "newest": [
        "tensorflow>=2.21,<3",
        "keras>=3.15,<4",
        "tensorboard>=2.20",  # Writes the summaries; TensorFlow no longer brings it.
    ],
}
SHARED = [
    "nibabel",  # NIfTI volumes: BraTS 2017 and later.
    "SimpleITK",  # MetaImage volumes: BraTS 2012-2016.
    "opencv-python-headless",  # Resizing, warping, montages; needs no libGL.
    "scipy",  # Smoothing and warping of volumes.
    "scikit-learn",  # k-means++, t-SNE, area under the curve.
    "threadpoolctl",  # k-means with the same sums on any machine; scikit-learn's own.
    "pandas",  # Tables of images and their CSV files; statsmodels needs it anyway.
    "statsmodels",  # Confidence intervals and tests.
    "matplotlib",  # Figures.
    "Flask",  # The two pages for a person's judgement, served locally.
    "Jinja2",  # The page of an experiment, the data card; comes with Flask.
    "tqdm",  # Progress bars.
    "rich",  # What the terminal shows of a run: several steps at once.
    "psutil",  # Which processes of a killed workflow are still at work.
    "absl-py",  # Flags.
]
INSTALL_REQUIRES = SHARED + [
    f"{requirement}; {MARKERS[lane]}"
    for lane, requirements in OF_LANE.items()
    for requirement in requirements
]

EXTRAS_REQUIRE = {
    # CUDA libraries as wheels; TensorFlow pins each of them itself.
    "gpu": [
        f"tensorflow[and-cuda]==2.15.*; {MARKERS['faithful']}",
        f"tensorflow[and-cuda]>=2.21,<3; {MARKERS['newest']}",
    ],
    "benchmarks": ["torch"],  # The same steps in PyTorch, to compare with.
    "demo": ["nilearn"],  # Its wheel holds the MNI152 template, the demo's anatomy.
    # Shard sets at s3://; later releases crash at the end (dataset/file_systems.py).
    "s3": [f"tensorflow-io==0.34.*; {MARKERS['faithful']}"],
    "test": [
        "pytest",
        "playwright",  # Drives the system's Chromium to test the two pages.
        "pytest-xdist",  # Two processes of tests on two cores.
        "ruff",  # Lint and format.
        "codespell",  # Misspellings in code and pages.
        "mypy",  # Checks the annotated interfaces.
    ],
}


def project_version():
    """The version that manifests of shard sets name, read without importing it."""
    source = (ROOT / "dataset" / "shards.py").read_text()
    return re.search(r'^PROJECT_VERSION = "(.+)"$', source, re.MULTILINE).group(1)


setup(
    name="brain-mr-augmentation",
    version=project_version(),
    description="GAN-based augmentation of brain MR images for tumor detection",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=PACKAGES,
    package_data={
        "dataset": ["templates/*"],
        "evaluation": ["*.json", "static/*", "templates/*"],
        "filtering": ["static/*", "templates/*"],
        "flags": ["*/*.cfg"],
        "pages": ["static/*", "templates/*"],
        "workflow": ["Snakefile", "*.smk", "*.sh", "*.yaml", "requirements.lock"]
        + ["profiles/*/config.yaml"],
    },
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    entry_points={
        "console_scripts": [
            f"{name.replace('.', '-')} = flags.binary:run_console_script"
            for name in BINARIES
        ]
    },
)
