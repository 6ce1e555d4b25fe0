"""Trains UNIT to translate synthetic images of one class to real ones and back.

python -m unit.train --real_dir=real/train/tumor --synthetic_dir=pggan/tumor \
    --model_dir=models/unit_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("unit.train")

import functools

from refiners import training
from training.run import Run
from unit.model import UNIT

MODEL = UNIT
train = functools.partial(training.train, MODEL)


def main(settings):
    run = Run("unit.train", settings)
    train(run, **run.model_flags)
