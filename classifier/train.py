"""Trains the tumor detector on a mix of shard sets.

python -m classifier.train --train_dirs=real/train/tumor,real/train/non_tumor
 --validation_dirs=real/validation/tumor,real/validation/non_tumor
 --model_dir=models/detector
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("classifier.train")

import os

from classifier import input_pipeline, losses, networks, resnet
from classifier.model import Classifier, learning_rate_schedule
from classifier.validation import Validation, is_exhausted
from dataset.errors import UserError
from dataset.folders import read_json
from dataset.shards import ShardSet
from features.weights import read_weights, weights_path
from training.checkpoints import FINISHED, is_finished
from training.run import Run


def train(
    run,
    *,
    train_dirs,
    train_images,
    validation_dirs,
    max_epochs,
    steps_per_epoch,
    patience,
    match_steps_of,
    monitor,
    class_weights,
    **model_settings,
):
    """Trains in the folder of `run`; the arguments are the flags of the same names."""
    train_sets = [ShardSet(directory) for directory in train_dirs]
    validation_sets = [ShardSet(directory) for directory in validation_dirs]
    input_pipeline.check_sets(train_sets, validation_sets)
    images = input_pipeline.choose_images(train_sets, train_images, run.seed)
    num_images = sum(map(len, images))
    steps_per_epoch = steps_per_epoch or max(1, num_images // run.batch_size)
    if match_steps_of:
        patience = max_epochs = -(-steps_taken(match_steps_of) // steps_per_epoch)
    weights = None
    if class_weights == "balanced":
        weights = losses.balanced_weights(*input_pipeline.count_labels(images))
    classifier = build(run, steps_per_epoch, class_weights=weights, **model_settings)
    facts = {
        "parameters": f"{classifier.detector.count_params():,}",
        "epoch": f"{steps_per_epoch} steps of {run.batch_size}; {num_images} images",
        "slices": input_pipeline.slice_settings(validation_sets[0]),
    }
    num_steps = max_epochs * steps_per_epoch
    inputs = {"train_dirs": train_sets, "validation_dirs": validation_sets}
    if not run.start(classifier, num_steps=num_steps, inputs=inputs, facts=facts):
        return
    if not is_exhausted(classifier, run.step // steps_per_epoch, patience):
        size = {
            "image_size": model_settings["image_size"],
            "batch_size": run.batch_size,
        }

        def batches_of(start, stop):
            return input_pipeline.training_batches(
                images, first_step=start, last_step=stop, seed=run.seed, **size
            )

        validation = Validation(
            run,
            input_pipeline.evaluation_batches(validation_sets, **size),
            steps_per_epoch=steps_per_epoch,
            patience=patience,
            monitor=monitor,
        )
        run.fit(classifier, batches_of, num_steps, callbacks=[validation])
    run.finish(best_epoch=classifier.best_epoch, **classifier.best_result())


def steps_taken(model_dir):
    """The number of steps with which the training in `model_dir` ended."""
    if not is_finished(model_dir):
        raise UserError(
            f"--match_steps_of={model_dir}: expected a training that is finished; there"
            " is no finished.json."
        )
    return read_json(os.path.join(model_dir, FINISHED))["step"]


def build(
    run,
    steps_per_epoch,
    *,
    class_weights=None,
    image_size,
    blocks,
    base_maps,
    weights,
    learning_rate,
    momentum,
    decay_factor,
    decay_epochs,
    dropout,
    batch_norm_momentum,
    sync_batch_norm,
):
    """The compiled model on all replicas, from scratch or from `weights`."""
    check_size(image_size, blocks, base_maps, weights)
    # With --start_over a former training may be put aside once its images are compared.
    fresh = run.settings["start_over"] or not run.folder.latest_step()
    path = weights_path(weights, "resnet50") if fresh else None
    schedule = learning_rate_schedule(
        learning_rate,
        pretrained=weights != "none",
        decay_factor=decay_factor,
        decay_epochs=decay_epochs,
        steps_per_epoch=steps_per_epoch,
    )
    replicas = run.strategy.num_replicas_in_sync
    with run.strategy.scope():
        detector = networks.build_detector(
            image_size,
            blocks=blocks,
            base_maps=base_maps,
            dropout=dropout,
            batch_norm_momentum=batch_norm_momentum,
            # One replica has the whole batch; the stock layer is then faster.
            sync_batch_norm=sync_batch_norm and replicas > 1,
        )
        if path:
            read_weights(detector.get_layer("resnet"), path, "resnet50")
        classifier = Classifier(
            detector,
            learning_rate=schedule,
            momentum=momentum,
            class_weights=class_weights,
            seed=run.seed,
            batch_size=run.batch_size,
        )
        classifier.compile(jit_compile=run.settings["jit_compile"])
    return classifier


def check_size(image_size, blocks, base_maps, weights):
    """Refuses images too small for the network, and a network too small for weights."""
    if image_size < networks.MIN_IMAGE_SIZE:
        raise UserError(
            f"--image_size={image_size}: expected {networks.MIN_IMAGE_SIZE} px at"
            " least, since ResNet halves its input five times."
        )
    size = (tuple(blocks), base_maps)
    if weights == "imagenet" and size != (resnet.BLOCKS, resnet.BASE_MAPS):
        raise UserError(
            f"--blocks={_joined(blocks)} --base_maps={base_maps}: with"
            f" --weights=imagenet, expected ResNet-50, {_joined(resnet.BLOCKS)} and"
            f" {resnet.BASE_MAPS}."
        )


def _joined(blocks):
    return ",".join(map(str, blocks))


def main(settings):
    run = Run("classifier.train", settings)
    train(run, **run.model_flags)
