"""What tests of several packages need: flags, small shard sets, two devices."""
# ruff: noqa: E402  The process is set up before TensorFlow is imported.

import os
import random

from flags import binary, kinds

binary.set_process_up()

import numpy as np
import pytest
import shard_sets
import tensorflow as tf
from absl import flags

from dataset.records import Record

# Two logical CPU devices, for tests that two replicas equal one. They have to be made
# before the first operation; whoever does not mirror uses the first of them.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

# Of tests that draw, such as the moment of a kill. What is not given is drawn once, by
# the process that starts the others of xdist: they have its environment.
SEED = os.environ.setdefault("TEST_SEED", str(random.SystemRandom().randrange(10**6)))


def pytest_sessionstart(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line(f"TEST_SEED={SEED} (set it to draw the same again)")


@pytest.fixture
def draw(request):
    """A `random.Random` of TEST_SEED and the test's name."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def write_images():
    """A function that writes a shard set of brain-like discs, a bright spot if tumor.

    Its arguments: folder, label, patients (a list of ids), images per patient, size in
    pixels. It returns the `ShardSet`.
    """

    def write(directory, label, patients=("p1", "p2"), images=4, size=32):
        draws = np.random.default_rng([label + 1, size, len(patients)])
        rows, columns = np.mgrid[:size, :size] / (size - 1) - 0.5

        def image():
            brain = (rows / 0.45) ** 2 + (columns / 0.4) ** 2 < 1
            levels = brain * draws.uniform(60, 110, [size, size])
            row, column = draws.uniform(-0.2, 0.2, 2)
            spot = (rows - row) ** 2 + (columns - column) ** 2 < 0.02
            return (levels + 100 * label * spot).astype(np.uint8)

        records = [
            Record(image(), label, f"brats/{patient}/{label}-{n}", patient)
            for patient in patients
            for n in range(images)
        ]
        return shard_sets.write(directory, records)

    return write


@pytest.fixture(scope="module")
def one_residual_block():
    """In place of four, in the encoders and decoders of UNIT and MUNIT."""
    with pytest.MonkeyPatch.context() as patch:
        for networks in ("unit.networks", "munit.networks"):
            patch.setattr(f"{networks}.RESIDUAL_BLOCKS", 1)
        yield


@pytest.fixture(scope="session")
def flag_defaults():
    """A function of a flag definition (`define_train`) to a dict of its defaults."""

    def defaults(define):
        holders = kinds.define(define(), flags.FlagValues())
        return {holder.name: holder.default for holder in holders}

    return defaults
