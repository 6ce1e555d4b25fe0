"""The training step of the tumor detector of Han et al. (2019), section III-D."""

import functools

import keras
import tensorflow as tf

from classifier import losses
from training.model import SteppedModel, optimizer_for_precision

DROPOUT = 1  # Stream of random numbers.
RESULTS = ("validation_accuracy", "validation_loss")


class Classifier(SteppedModel):
    """The detector with its optimizer and what early stopping remembers.

    Args:
      detector: see `networks.build_detector`.
      learning_rate: a number or a `LearningRateSchedule`.
      momentum: of SGD.
      class_weights: see `losses.cross_entropy`; of the training's loss alone.
      seed, batch_size: see `SteppedModel`.

    Attributes:
      best_epoch: int, number of the best epoch so far, 0 before the first.
    """

    def __init__(
        self, detector, *, learning_rate, momentum, class_weights=None, **kwargs
    ):
        super().__init__(loss_names=("cross_entropy", "accuracy"), **kwargs)
        self.detector = detector
        self.class_weights = class_weights
        dropout = detector.get_layer("dropout")
        dropout.draw_mask = functools.partial(self.dropout_mask, stream=DROPOUT)
        self._best_epoch = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._best_values = tf.Variable([0.0, 0.0], trainable=False, dtype=tf.float64)
        sgd = keras.optimizers.SGD(learning_rate, momentum)
        self.sgd = optimizer_for_precision(sgd)
        self.sgd.build(detector.trainable_variables)

    def train_step(self, batch):
        images, labels = batch["image"], batch["label"]
        with tf.GradientTape() as tape:
            logits = self.detector(images, training=True)
            loss = losses.cross_entropy(labels, logits, self.class_weights)
            loss = self.average(cross_entropy=loss)
        self.minimize(self.sgd, tape, loss, self.detector.trainable_variables)
        self.average(accuracy=losses.accuracy(labels, logits))
        return self.end_step()

    def predict_step(self, batch):
        """Label, logit, loss and accuracy of each image, outside training."""
        logits = self.detector(batch["image"], training=False)
        return {
            "label": batch["label"],
            "logit": logits,
            "loss": losses.cross_entropy(batch["label"], logits),
            "accuracy": losses.accuracy(batch["label"], logits),
        }

    @property
    def best_epoch(self):
        # `int` alone fails on replicas' variables.
        return int(self._best_epoch.numpy())

    def remember(self, epoch, result):
        """Takes `epoch` for the best; `result` is a dict of its `RESULTS`."""
        self._best_epoch.assign(epoch)
        self._best_values.assign([result[name] for name in RESULTS])

    def best_result(self):
        """The best epoch's validation, a dict of `RESULTS`."""
        return dict(zip(RESULTS, self._best_values.numpy().tolist()))


def learning_rate_schedule(
    learning_rate, *, pretrained, decay_factor, decay_epochs, steps_per_epoch
):
    """The learning rate as a function of the step.

    Han et al. (2019) multiply it by 0.1 every 20 epochs from scratch and by 0.5 every 5
    epochs with pre-training.

    Args:
      learning_rate: of the first epoch.
      pretrained: whether the training starts from given weights.
      decay_factor, decay_epochs: other numbers than the paper's; 0 for the paper's.
      steps_per_epoch: length of an epoch.

    Returns:
      A `keras.optimizers.schedules.LearningRateSchedule`, constant within an epoch.
    """
    factor, epochs = (0.5, 5) if pretrained else (0.1, 20)
    return keras.optimizers.schedules.ExponentialDecay(
        learning_rate,
        decay_steps=(decay_epochs or epochs) * steps_per_epoch,
        decay_rate=decay_factor or factor,
        staircase=True,
    )
