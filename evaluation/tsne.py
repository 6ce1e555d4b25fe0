"""Draws real and synthetic images as points, alike images near each other.

    python -m evaluation.tsne --real_dirs=real/train/tumor,real/train/non_tumor
     --synthetic_dirs=PGGAN=pggan/tumor,pggan/non_tumor --output_dir=tsne

Figure 7 of Han et al. (2019): a panel per set of synthetic images, each with the same
real ones, by t-SNE (van der Maaten and Hinton, 2008).
"""

import os

from dataset.shards import UserError
from evaluation.images.tsne import write_tsne
from flags import binary
from flags import evaluation as evaluation_flags


def main(settings):
    write_tsne(**settings)
    print(f"{os.path.join(settings['output_dir'], 'tsne')}.png, .svg, .csv, .json")


def run():
    binary.run(main, evaluation_flags.define_tsne, UserError)


if __name__ == "__main__":
    run()
