"""Draws real and synthetic images as points, alike images near each other.

    python -m evaluation.tsne --real_dirs=real/train/tumor,real/train/non_tumor
     --synthetic_dirs=PGGAN=pggan/tumor,pggan/non_tumor --output_dir=tsne

Figure 7 of Han et al. (2019): a panel per set of synthetic images, each with the same
real ones, by t-SNE (van der Maaten and Hinton, 2008).
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.tsne")

import os

from evaluation.images.tsne import write_tsne


def main(settings):
    write_tsne(**settings)
    print(f"{os.path.join(settings['output_dir'], 'tsne')}.png, .svg, .csv, .json")
