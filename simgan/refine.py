"""Refines a shard set of synthetic images with a trained SimGAN.

python -m simgan.refine --model_dir=models/simgan_tumor --data_dir=pggan/tumor \
    --output_dir=simgan/tumor
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("simgan.refine", writes_shard_set=True)

from simgan import networks
from training import refining
from training.checkpoints import restore_parts


def load_refiner(settings, checkpoint, image_size):
    """The network synthetic to refined images of a training with these settings."""
    names = ("num_blocks", "base_maps", "block_kernel_size")
    refiner = networks.build_refiner(
        image_size, **{name: settings[name] for name in names}
    )
    restore_parts(checkpoint, refiner=refiner)
    return refiner


def main(settings):
    refining.refine(load_refiner, binary="simgan.refine", **settings)
