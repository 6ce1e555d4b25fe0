"""Trains MUNIT to translate synthetic images of one class to real ones and back.

python -m munit.train --real_dir=real/train/tumor --synthetic_dir=pggan/tumor \
    --model_dir=models/munit_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("munit.train")

import functools

from munit.model import MUNIT
from refiners import training
from training.run import Run

MODEL = MUNIT
train = functools.partial(training.train, MODEL)


def main(settings):
    run = Run("munit.train", settings)
    train(run, **run.model_flags)
