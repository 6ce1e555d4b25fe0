"""Refines a shard set of synthetic images with a trained SimGAN.

python -m simgan.refine --model_dir=models/simgan_tumor --data_dir=pggan/tumor \
    --output_dir=simgan/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("simgan.refine", writes_shard_set=True)

from collections.abc import Mapping
from typing import Any

import keras

from refiners import refining
from simgan import networks


def build_refiner(
    settings: Mapping[str, Any], image_size: int
) -> tuple[keras.Model, dict[str, keras.Model]]:
    """The network synthetic to refined images; see `refiners.refining.refine`."""
    names = {"num_blocks", "base_maps", "block_kernel_size"}
    names |= {"architecture", "output_activation"}
    refiner = networks.build_refiner(
        image_size, **{name: settings[name] for name in names}
    )
    return refiner, {"refiner": refiner}


def main(settings):
    refining.refine(build_refiner, binary="simgan.refine", **settings)
