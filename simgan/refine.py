"""Refines a shard set of synthetic images with a trained SimGAN.

python -m simgan.refine --model_dir=models/simgan_tumor --data_dir=pggan/tumor \
    --output_dir=simgan/tumor
"""

from dataset.shards import ShardSet, UserError
from flags import binary
from flags import simgan as simgan_flags
from simgan import networks
from training.refining import trained_checkpoint, write_refined_set
from training.run import read_run, restore_parts, weights_digest
from training.strategy import create_strategy


def load_refiner(model_dir, checkpoint, image_size):
    """The network synthetic to refined images of a training's checkpoint."""
    settings = read_run(model_dir)["settings"]
    size = {key: settings[key] for key in ("num_blocks", "base_maps")}
    refiner = networks.build_refiner(image_size, **size)
    restore_parts(checkpoint, refiner=refiner)
    return refiner


def refine(*, model_dir, data_dir, output_dir, step, **writing):
    """Writes the refined set; the arguments are the flags of the same names."""
    synthetic = ShardSet(data_dir)
    checkpoint = trained_checkpoint(model_dir, step, synthetic)
    strategy = create_strategy("auto", 0)
    with strategy.scope():
        refiner = load_refiner(model_dir, checkpoint, synthetic.image_size)
    settings = {
        "model_dir": model_dir,
        "data_dir": data_dir,
        "step": step,
        "weights_sha256": weights_digest(refiner),
    }
    write_refined_set(
        output_dir,
        synthetic,
        refiner,
        strategy,
        binary="simgan.refine",
        settings=settings,
        **writing,
    )


def main(settings):
    refine(**settings)


def run():
    binary.run(main, simgan_flags.define_refine, UserError)


if __name__ == "__main__":
    run()
