"""Measures how far synthetic images are from real ones, and real ones from each other.

    python -m evaluation.quality --real_dirs=real/train/tumor
     --synthetic_dirs=pggan=pggan/tumor --output_dir=quality

The first rows compare real images with real images: the floors. A set that comes near
them cannot be told from real images by that measure.
"""

from dataset.shards import UserError
from evaluation.images.quality import write_quality
from flags import binary
from flags import evaluation as evaluation_flags


def main(settings):
    print(write_quality(**settings), end="")


def run():
    binary.run(main, evaluation_flags.define_quality, UserError)


if __name__ == "__main__":
    run()
