"""Measures how far synthetic images are from real ones, and real ones from each other.

    python -m evaluation.quality --real_dirs=real/train/tumor
     --synthetic_dirs=pggan=pggan/tumor --output_dir=quality

The first rows compare real images with real images: the floors. A set that comes near
them cannot be told from real images by that measure.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.quality")

from evaluation.images.quality import write_quality


def main(settings):
    print(write_quality(**settings))
    folder, number = settings["output_dir"], len(settings["synthetic_dirs"])
    print(f"{folder}: sets measured: {number}; look at {folder}/quality.md.")
