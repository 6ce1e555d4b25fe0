"""Refines a shard set of synthetic images with a trained UNIT.

python -m unit.refine --model_dir=models/unit_tumor --data_dir=pggan/tumor \
    --output_dir=unit/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("unit.refine", writes_shard_set=True)

from collections.abc import Mapping
from typing import Any

import keras

from refiners import refining
from unit import networks


def build_refiner(
    settings: Mapping[str, Any], image_size: int
) -> tuple[keras.Model, dict[str, keras.Model]]:
    """The network x_a to x_ab, without noise; see `refiners.refining.refine`."""
    width = {key: settings[key] for key in ("base_maps", "shared_blocks")}
    encoder_a, _ = networks.build_encoders(image_size, **width)
    _, decoder_b = networks.build_decoders(image_size, **width)
    images = encoder_a.input
    refiner = keras.Model(images, decoder_b(encoder_a(images)), name="refiner")
    return refiner, {"encoder_a": encoder_a, "decoder_b": decoder_b}


def main(settings):
    refining.refine(build_refiner, binary="unit.refine", **settings)
