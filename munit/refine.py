"""Refines a shard set of synthetic images with a trained MUNIT.

python -m munit.refine --model_dir=models/munit_tumor --data_dir=pggan/tumor \
    --output_dir=munit/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("munit.refine", writes_shard_set=True)

import functools
from collections.abc import Mapping
from typing import Any

import keras

from munit import networks
from munit.styles import build_condition
from refiners import refining


def build_refiner(
    settings: Mapping[str, Any], image_size: int
) -> tuple[keras.Model, dict[str, keras.Model]]:
    """The network of [x_a, styles] to x_ab; see `refiners.refining.refine`."""
    width = {"base_maps": settings["base_maps"]}
    style = {**width, "style_size": settings["style_size"]}
    content_encoder_a = networks.build_content_encoder(image_size, **width)
    style_encoder_b = networks.build_style_encoder(image_size, **style)
    decoder_b = networks.build_decoder(
        image_size, mlp_units=settings["mlp_units"], **style
    )
    images, styles = content_encoder_a.input, decoder_b.input[1]
    refined_images = decoder_b([content_encoder_a(images), styles])
    refiner = keras.Model([images, styles], refined_images, name="refiner")
    parts = {"content_encoder_a": content_encoder_a, "decoder_b": decoder_b}
    return refiner, {**parts, "style_encoder_b": style_encoder_b}


def main(settings):
    seed, real_dir = settings.pop("seed"), settings.pop("real_dir")
    refining.refine(
        build_refiner,
        binary="munit.refine",
        build_condition=functools.partial(
            build_condition, seed=seed, real_dir=real_dir
        ),
        **settings,
    )
