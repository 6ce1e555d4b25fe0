"""Refines a shard set of synthetic images with a trained UNIT.

python -m unit.refine --model_dir=models/unit_tumor --data_dir=pggan/tumor \
    --output_dir=unit/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("unit.refine", writes_shard_set=True)

from training import refining
from training.checkpoints import restore_parts
from unit import networks


def load_refiner(settings, checkpoint, image_size):
    """The network x_a to x_ab of a training with these settings."""
    width = {key: settings[key] for key in ("base_maps", "shared_blocks")}
    encoder_a, _ = networks.build_encoders(image_size, **width)
    _, decoder_b = networks.build_decoders(image_size, **width)
    restore_parts(checkpoint, encoder_a=encoder_a, decoder_b=decoder_b)
    return networks.build_refiner(encoder_a, decoder_b)


def main(settings):
    refining.refine(load_refiner, binary="unit.refine", **settings)
