"""Small models as the faithful lane leaves them, and what it made with them.

`tests/data/faithful_models` holds them for the tests of the newest lane. They are of
artificial images alone. To make them again, in the faithful lane:
`MAKE_FAITHFUL_MODELS=1 pytest tests/lanes_test.py`.
"""

import pathlib
import shutil

import interruption
import numpy as np
from small_trainings import TRAININGS

from classifier.networks import tumor_probability
from classifier.weights import read_detector
from dataset.records import to_float
from dataset.shards import ShardSet
from flags.binary import definition
from pggan import generate
from simgan import refine as simgan_refine
from training.checkpoints import checkpoint_path
from unit import refine as unit_refine

FOLDER = pathlib.Path(__file__).parent / "data" / "faithful_models"
CHANGES = {
    "pggan": {},
    "unit": {"keep_steps": []},
    "simgan": {"keep_steps": []},
    "classifier": {"base_maps": 4},
}


def results(folder, flag_defaults):
    """What the models in `FOLDER` make: uint8 [images, size, size] or float32 [images].

    Args:
      folder: for shard sets, a `pathlib.Path`.
      flag_defaults: the fixture.

    Returns:
      Dict of a model's name to an array.
    """

    def written(program, name, **settings):
        binary = program.__name__
        own = {"model_dir": str(FOLDER / name), "output_dir": str(folder / name)}
        defaults = flag_defaults(definition(binary))
        program.main({**defaults, **own, **settings})
        records = ShardSet(own["output_dir"]).records()
        return np.stack([record.image for record in records])

    synthetic = str(FOLDER / "synthetic")
    images = np.stack([record.image for record in ShardSet(synthetic).records()])
    detector = read_detector(str(FOLDER / "classifier"))
    return {
        "pggan": written(generate, "pggan", num_images=20),
        "unit": written(unit_refine, "unit", data_dir=synthetic),
        "simgan": written(simgan_refine, "simgan", data_dir=synthetic),
        "classifier": tumor_probability(detector, to_float(images[..., None])).numpy(),
    }


def make(folder, write_images, flag_defaults):
    """Trains the models, in the faithful lane, and writes `FOLDER`."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_images(FOLDER / "synthetic", 1, images=5, size=32)
    for name, changes in CHANGES.items():
        binary, settings, write_data = TRAININGS[name]
        data = write_data(folder / f"{name}_data", write_images)
        model_dir = folder / f"{name}_model"
        own = {**settings, **changes, **data, "model_dir": str(model_dir)}
        own = {**flag_defaults(definition(binary)), **own}
        interruption.start(binary, own, eagerly=True)
        _keep(model_dir, FOLDER / name)
    np.savez_compressed(FOLDER / "results.npz", **results(folder, flag_defaults))


def _keep(model_dir, kept):
    """Copies what programs read of a finished training; folders lose what is above."""
    checkpoint = pathlib.Path(checkpoint_path(str(model_dir)))
    (kept / "checkpoints").mkdir(parents=True)
    for path in checkpoint.parent.glob(f"{checkpoint.name}.*"):
        shutil.copyfile(path, kept / "checkpoints" / path.name)
    for name in ("finished.json", "best.weights.h5"):
        if (model_dir / name).exists():
            shutil.copyfile(model_dir / name, kept / name)
    run = (model_dir / "run.json").read_text()
    (kept / "run.json").write_text(run.replace(f"{model_dir.parent}/", ""))
