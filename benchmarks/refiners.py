"""What the refiners put right on real images that were made wrong in a known way.

    BRATS_DIR=folder make benchmark-refiners

The real slices of the training's patients are blurred and lose contrast; every refiner
of the project learns, unpaired, to undo it. Each then refines those slices, and the
ones of the validation's and the test's patients, whom no training has seen; sliced
Wasserstein distances to the real slices of the same patients say what was gained
(`quality/*/quality.md`).
"""

import argparse
import pathlib
import subprocess
import sys

import cv2
import numpy as np

from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet

ROOT = pathlib.Path(__file__).parents[1]
REFINERS = sorted(path.parent.name for path in ROOT.glob("*/refine.py"))
BLUR = 1.2 / 64  # Standard deviation, in image sizes.
CONTRAST, BRIGHTNESS = 0.6, 20  # Of grey levels 0-255, inside the head.


def degrade(record):
    """The same slice, zero-padded, blurred, with less contrast and brighter."""
    size = 1 << (len(record.image) - 1).bit_length()  # 32 of 32 px, 256 of 240.
    margin = (size - len(record.image)) // 2
    blurred = cv2.GaussianBlur(np.pad(record.image, margin), (0, 0), BLUR * size)
    shifted = np.where(blurred > 0, CONTRAST * blurred + np.float32(BRIGHTNESS), 0)
    image = np.clip(np.rint(shifted), 0, 255).astype(np.uint8)
    return Record(image, record.label, f"degraded/{record.id}", record.patient)


def write_degraded(real_dirs, output_dir):
    """Degrades the images of several shard sets into one."""
    sets = [ShardSet(str(directory)) for directory in real_dirs]
    records = [degrade(record) for images in sets for record in images.records()]
    write_shard_set(
        str(output_dir),
        lambda first, last: records[first:last],
        len(records),
        binary="benchmarks.refiners",
        settings={"blur": BLUR, "contrast": CONTRAST, "brightness": BRIGHTNESS},
        inputs=sets,
    )


def run(binary, *flags):
    """Runs a binary of the project; a training that was killed continues."""
    print(f"\n== {binary} {' '.join(flags)}", flush=True)
    subprocess.run([sys.executable, "-m", binary, *flags], check=True)


def main(real_dir, output_dir, label, flags):
    real = {
        "seen": [real_dir / "train" / label],
        "unseen": [real_dir / part / label for part in ("validation", "test")],
    }
    for part, folders in real.items():
        write_degraded(folders, output_dir / "degraded" / part)
    for refiner in REFINERS:
        model = output_dir / refiner / "model"
        run(
            f"{refiner}.train",
            f"--flagfile={flags}/{refiner}_train.cfg",
            f"--real_dir={real['seen'][0]}",
            f"--synthetic_dir={output_dir / 'degraded' / 'seen'}",
            f"--model_dir={model}",
        )
        for part in real:
            run(
                f"{refiner}.refine",
                f"--model_dir={model}",
                f"--data_dir={output_dir / 'degraded' / part}",
                f"--output_dir={output_dir / refiner / part}",
                "--overwrite",
            )
    for part, folders in real.items():
        run(
            "evaluation.quality",
            f"--flagfile={flags}/evaluation_quality.cfg",
            f"--real_dirs={','.join(map(str, folders))}",
            *(
                f"--synthetic_dirs={name}={output_dir / name / part}"
                for name in ("degraded", *REFINERS)
            ),
            f"--output_dir={output_dir / 'quality' / part}",
            "--overwrite",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real_dir", type=pathlib.Path, required=True)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--label", default="tumor")
    parser.add_argument("--flags", default="flags/mini", help="folder of flagfiles")
    main(**vars(parser.parse_args()))
