"""A refiner of PNG files that has never heard of shard sets: it matches contrast.

python docs/refiner_png_example.py train --real_dir=real_png \
    --synthetic_dir=synthetic_png --model_dir=model
python docs/refiner_png_example.py refine --model_dir=model --data_dir=synthetic_png \
    --output_dir=refined_png

The mean and the spread of the synthetic images' brightness, background (0) left out,
become those of the real ones. It stands for any program that reads folders of images
and writes images of the same names; docs/refiners.md shows how it takes part.
"""

import argparse
import json
import os
import pathlib

import cv2
import numpy as np


def read_image(path):
    """A grey image, float32 [rows, columns]."""
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32)


def brightness(folder):
    """Mean and standard deviation of all pixels that are no background."""
    count = total = squares = 0
    for path in sorted(pathlib.Path(folder).rglob("*.png")):
        values = read_image(path)
        values = values[values > 0].astype(np.float64)
        count += len(values)
        total += values.sum()
        squares += (values**2).sum()
    mean = total / max(count, 1)
    return mean, max(squares / max(count, 1) - mean**2, 1e-6) ** 0.5


def train(real_dir, synthetic_dir, model_dir):
    """Writes `model.json` and, last of all, `finished.json`."""
    model = {"real": brightness(real_dir), "synthetic": brightness(synthetic_dir)}
    os.makedirs(model_dir, exist_ok=True)
    for name, content in (("model.json", model), ("finished.json", {})):
        path = pathlib.Path(model_dir, name)
        path.with_suffix(".tmp").write_text(json.dumps(content))
        path.with_suffix(".tmp").rename(path)


def refine(model_dir, data_dir, output_dir):
    """Writes a refined image for each of `data_dir`, under the same name."""
    model = json.loads(pathlib.Path(model_dir, "model.json").read_text())
    (real_mean, real_spread), (mean, spread) = model["real"], model["synthetic"]
    for path in sorted(pathlib.Path(data_dir).rglob("*.png")):
        image = read_image(path)
        refined = (image - mean) / spread * real_spread + real_mean
        refined[image == 0] = 0
        output = pathlib.Path(output_dir, path.relative_to(data_dir))
        output.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(output), np.round(refined.clip(0, 255)).astype(np.uint8))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for function in (train, refine):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        for name in function.__code__.co_varnames[: function.__code__.co_argcount]:
            command.add_argument(f"--{name}", required=True)
    settings = vars(parser.parse_args(arguments))
    settings.pop("function")(**settings)


if __name__ == "__main__":
    main()
