"""Refines a shard set of synthetic images with a trained UNIT.

python -m unit.refine --model_dir=models/unit_tumor --data_dir=pggan/tumor \
    --output_dir=unit/tumor
"""

from dataset.shards import ShardSet, UserError
from flags import binary
from flags import unit as unit_flags
from training.refining import trained_checkpoint, write_refined_set
from training.run import read_run, restore_parts, weights_digest
from training.strategy import create_strategy
from unit import networks


def load_refiner(model_dir, checkpoint, image_size):
    """The network x_a to x_ab of a training's checkpoint."""
    settings = read_run(model_dir)["settings"]
    width = {key: settings[key] for key in ("base_maps", "shared_blocks")}
    encoder_a, _ = networks.build_encoders(image_size, **width)
    _, decoder_b = networks.build_decoders(image_size, **width)
    restore_parts(checkpoint, encoder_a=encoder_a, decoder_b=decoder_b)
    return networks.build_refiner(encoder_a, decoder_b)


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
        binary="unit.refine",
        settings=settings,
        **writing,
    )


def main(settings):
    refine(**settings)


def run():
    binary.run(main, unit_flags.define_refine, UserError)


if __name__ == "__main__":
    run()
