"""What happens between the epochs: validation, the best weights, early stopping."""

import contextlib
import os

import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from classifier.weights import BEST_WEIGHTS
from dataset.file_systems import disk_errors


class Validation(keras.callbacks.Callback):
    """Validates after each epoch, keeps the best weights, stops after `patience`.

    Its memory is in the model's variables, so a training that is continued from a
    checkpoint decides as if it had never stopped. Must be called before the checkpoint
    is made.

    Args:
      run: the `training.run.Run`.
      batches: the validation images, every one once.
      steps_per_epoch: number of steps between two validations.
      patience: number of epochs without a better one after which training ends.
      monitor: `accuracy`, of two equal ones the smaller loss is better; or `loss`.
    """

    _supports_tf_logs = True  # Keras then leaves the losses on the device.

    def __init__(self, run, batches, *, steps_per_epoch, patience, monitor):
        super().__init__()
        self.run = run
        self.batches = batches
        self.steps_per_epoch = steps_per_epoch
        self.patience = patience
        self.monitor = monitor

    def on_train_batch_end(self, batch, logs=None):
        epoch, rest = divmod(self.run.step, self.steps_per_epoch)
        if not rest:
            self.after_epoch(epoch)

    def after_epoch(self, epoch):
        values = self.model.predict(self.batches, verbose=0)
        result = {
            f"validation_{name}": float(values[name].mean(dtype=np.float64))
            for name in ("accuracy", "loss")
        }
        result["validation_auc"] = auc(values["label"], values["logit"])
        self.run.display.log({"step": self.run.step, "epoch": epoch, **result})
        if is_better(result, self.model, self.monitor):
            self.model.remember(epoch, result)
            self.save_best()
        if is_exhausted(self.model, epoch, self.patience):
            self.run.num_steps = self.run.step  # So that a checkpoint is made of it.
            self.model.stop_training = True

    def save_best(self):
        """Writes the detector's weights whole or not at all."""
        path = self.run.folder.own_path(BEST_WEIGHTS)
        temporary = self.run.folder.own_path("unfinished." + BEST_WEIGHTS)
        size = sum(weight.nbytes for weight in self.model.detector.get_weights())
        with disk_errors(path):
            # A probe: where a disk is full HDF5 ends the process; a plain file says so.
            try:
                with open(temporary, "wb") as file:
                    file.write(bytes(size + size // 10 + 2**20))
            except OSError:
                with contextlib.suppress(OSError):
                    os.remove(temporary)
                raise
            self.model.detector.save_weights(temporary)
            tf.io.gfile.rename(temporary, path, overwrite=True)


def auc(labels, scores):
    """Area under the ROC curve: P(a tumor's score > another's), ties count half.

    Args:
      labels: [images], 1 tumor, 0 non-tumor; both must be there.
      scores: [images], higher for tumor.

    Returns:
      A float, by the rank sum of Mann and Whitney (1947).
    """
    tumor = labels > 0.5
    positives, negatives = tumor.sum(), (~tumor).sum()
    ranks = stats.rankdata(scores)[tumor].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def is_better(result, model, monitor):
    """Whether a validation beats the best of `model`.

    Args:
      result: dict of `validation_accuracy` and `validation_loss`.
      model: the `Classifier`.
      monitor: which of them counts; the other decides between equals.
    """

    def score(values):
        accuracy, loss = values["validation_accuracy"], values["validation_loss"]
        return (accuracy, -loss) if monitor == "accuracy" else (-loss, accuracy)

    if not np.isfinite(result["validation_loss"]):
        return False
    return not model.best_epoch or score(result) > score(model.best_result())


def is_exhausted(model, epoch, patience):
    """Whether the last `patience` epochs up to `epoch` brought nothing better."""
    return epoch - model.best_epoch >= patience
