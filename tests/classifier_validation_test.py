"""Early stopping: what is better, when it is enough, what is kept."""

import types

import keras
import numpy as np
import pytest

from classifier.layers import Dropout
from classifier.model import Classifier
from classifier.validation import BEST_WEIGHTS, Validation, auc, is_better, is_exhausted


def tiny_classifier():
    """A classifier whose detector is one dense layer on the mean of the image."""
    images = keras.Input([None, None, 1])
    mean = keras.layers.GlobalAveragePooling2D()(images)
    kept = Dropout(0.0, name="dropout")(mean)
    logits = keras.layers.Reshape([])(keras.layers.Dense(1)(kept))
    return Classifier(
        keras.Model(images, logits),
        learning_rate=0.1,
        momentum=0.0,
        seed=0,
        batch_size=2,
    )


def result(accuracy, loss):
    return {"validation_accuracy": accuracy, "validation_loss": loss}


@pytest.mark.parametrize(
    "monitor, accuracy, loss, better",
    [
        ("accuracy", 0.9, 2.0, True),
        ("accuracy", 0.8, 0.9, True),
        ("accuracy", 0.8, 1.0, False),
        ("accuracy", 0.7, 0.1, False),
        ("accuracy", 0.9, float("nan"), False),
        ("loss", 0.7, 0.9, True),
        ("loss", 0.9, 1.0, True),
        ("loss", 0.8, 1.0, False),
        ("loss", 0.9, 1.1, False),
    ],
)
def test_better_than_accuracy_08_and_loss_1(monitor, accuracy, loss, better):
    classifier = tiny_classifier()
    classifier.remember(3, result(0.8, 1.0))
    assert is_better(result(accuracy, loss), classifier, monitor) == better


def test_first_epoch_is_the_best_so_far():
    assert is_better(result(0.0, 9.0), tiny_classifier(), "accuracy")


@pytest.mark.parametrize(
    "labels, scores, area",
    [
        ([0, 0, 1, 1], [-2, -1, 0, 9], 1.0),
        ([1, 1, 0, 0], [-2, -1, 0, 9], 0.0),
        ([0, 1, 0, 1], [1, 2, 3, 4], 0.75),  # One of four pairs is the wrong way.
        ([0, 1, 1], [5, 5, 5], 0.5),  # Ties say nothing.
        ([0, 1, 0], [1, 1, 0], 0.75),
    ],
)
def test_auc_is_the_share_of_pairs_in_order(labels, scores, area):
    assert auc(np.float32(labels), np.float32(scores)) == area


def test_patience_ends_that_many_epochs_after_the_best():
    classifier = tiny_classifier()
    assert not is_exhausted(classifier, 0, 1)
    classifier.remember(3, result(0.8, 1.0))
    exhausted = [is_exhausted(classifier, epoch, 2) for epoch in range(3, 7)]
    assert exhausted == [False, False, True, True]


def validate(tmp_path, results, patience):
    """Runs epochs of one step with given validations; the run and the classifier."""
    lines = []
    run = types.SimpleNamespace(
        step=0,
        num_steps=100,
        folder=types.SimpleNamespace(own_path=lambda name: str(tmp_path / name)),
        display=types.SimpleNamespace(log=lines.append),
    )
    validation = Validation(
        run, None, steps_per_epoch=2, patience=patience, monitor="accuracy"
    )
    classifier = tiny_classifier()
    classifier.stop_training = False
    validation.set_model(classifier)
    outputs = iter(results)
    classifier.predict = lambda batches, verbose: next(outputs)
    while not classifier.stop_training:
        run.step += 1
        for weight in classifier.detector.trainable_variables:
            weight.assign(np.full(weight.shape, run.step))
        validation.on_train_batch_end(run.step)
    return run, classifier, lines


def test_training_stops_after_patience_and_the_best_weights_are_kept(tmp_path):
    accuracies = [0.5, 0.75, 0.5, 0.75, 0.25]
    results = [
        {
            "accuracy": np.array([a, a]),
            "loss": np.array([1.0, 2.0]),
            "label": np.array([0.0, 1.0]),
            "logit": np.array([a, 0.6]),
        }
        for a in accuracies
    ]
    run, classifier, lines = validate(tmp_path, results, patience=2)
    assert [line["validation_accuracy"] for line in lines] == accuracies[:4]
    assert [line["validation_auc"] for line in lines] == [1.0, 0.0, 1.0, 0.0]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert classifier.best_epoch == 2
    assert classifier.best_result() == result(0.75, 1.5)
    assert run.num_steps == run.step == 8  # So that a checkpoint is made of it.
    classifier.detector.load_weights(str(tmp_path / BEST_WEIGHTS))
    for best in classifier.detector.get_weights():
        np.testing.assert_array_equal(best, 4)  # From step 4, epoch 2.
