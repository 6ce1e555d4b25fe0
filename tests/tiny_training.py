"""A trainer as any other, of a few weights: to see what signals do to a training.

python -m tiny_training --data_dir=real --model_dir=model
"""

import signal
import time

import keras
import tensorflow as tf

from dataset.records import to_float
from dataset.shards import ShardSet
from flags import binary
from flags.kinds import count, integer, path
from flags.training import define_training
from training import input as training_input
from training.model import SteppedModel
from training.run import Run


class TinyModel(SteppedModel):
    """A line through noise and the mean of an image, fitted by Adam."""

    def __init__(self, *, infinite_step=0, **settings):
        super().__init__(loss_names=["loss"], **settings)
        self.infinite_step = infinite_step
        self.line = keras.layers.Dense(1)
        self.line.build([None, 2])
        self.adam = keras.optimizers.Adam(0.01)
        self.adam.build(self.line.trainable_variables)
        # So that a checkpoint takes long enough to be killed in: 4 MB.
        self.ballast = tf.Variable(tf.zeros([2**20]), trainable=False)

    def train_step(self, batch):
        means = tf.reduce_mean(to_float(batch["image"]), axis=[1, 2])
        with tf.GradientTape() as tape:
            inputs = tf.concat([means, self.random_normal([1], stream=1)], axis=1)
            is_last = tf.equal(self.step + 1, self.infinite_step)
            surplus = tf.where(is_last, float("inf"), 0.0)  # Of the loss alone.
            loss = tf.square(self.line(inputs) - means)[:, 0] + surplus
            loss = self.average(loss=loss)
        self.minimize(self.adam, tape, loss, self.line.trainable_variables)
        return self.end_step()


class Wait(keras.callbacks.Callback):
    """Takes its time, or a busy machine would look again when all is done."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)


def train(run, *, data_dir, num_steps, infinite_step):
    shard_set = ShardSet(data_dir)
    with run.strategy.scope():
        size = {"seed": run.seed, "batch_size": run.batch_size}
        model = TinyModel(infinite_step=infinite_step, **size)
        model.compile()
    inputs = {"data_dir": [shard_set]}
    if not run.start(model, num_steps=num_steps, inputs=inputs, facts={}):
        return

    def batches_of(start, stop):
        examples = training_input.shuffled_examples(
            [shard_set],
            start=start * run.batch_size,
            stop=stop * run.batch_size,
            seed=run.seed,
        )
        # Of numbers alone, as every trainer's: replicas in Keras 3 refuse texts.
        images = examples.map(lambda example: {"image": example["image"]})
        return training_input.finish(images.batch(run.batch_size))

    run.fit(model, batches_of, num_steps, callbacks=[Wait()])
    run.finish()


def define_train():
    return dict(
        **define_training(batch_size=4),
        data_dir=path("A shard set."),
        num_steps=count(200, "Number of steps."),
        infinite_step=integer(0, "The step whose loss is infinite; 0: none.", least=0),
    )


def main(settings):
    run = Run("tiny_training", settings)
    train(run, **run.model_flags)


if __name__ == "__main__":
    # The tests may run under nohup, or in the background of a script.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    binary.run("tiny_training", define=define_train)
