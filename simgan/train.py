"""Trains SimGAN to make synthetic images of one class look like real ones.

python -m simgan.train --real_dir=real/train/tumor --synthetic_dir=pggan/tumor \
    --model_dir=models/simgan_tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("simgan.train")

import functools

from refiners import training
from simgan.model import SimGAN
from training.run import Run

MODEL = SimGAN
train = functools.partial(training.train, MODEL)


def main(settings):
    run = Run("simgan.train", settings)
    train(run, **run.model_flags)
