"""Adam with coupled weight decay, and a learning rate that is halved."""

import keras
import tensorflow as tf


class CoupledAdam(keras.optimizers.Adam):
    """Adam on gradient + coupled_decay * weight: an L2 penalty, not decoupled decay.

    Keras' `weight_decay` is that of AdamW, which shrinks weights beside Adam's step;
    the authors' UNIT and MUNIT were trained with the older kind, which Adam rescales.
    Here the gradients of replicas have been summed, so that it is added once.
    """

    def __init__(self, *args, coupled_decay=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient, variable, *learning_rate):
        gradient += self.coupled_decay * variable
        super().update_step(gradient, variable, *learning_rate)  # Keras 3 gives it.

    def get_config(self):
        return {**super().get_config(), "coupled_decay": self.coupled_decay}


class HalvedLearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate / 2^min(step // halving_steps, num_halvings), of the model's steps.

    The optimizers' own counts are of updates, several or none in a step.

    Args:
      model_step: integer variable or tensor.
      learning_rate: of the first steps.
      halving_steps: steps before the first halving, and between two.
      num_halvings: halvings at most; 0 for any number.
    """

    def __init__(self, model_step, learning_rate, halving_steps, num_halvings=0):
        self.model_step = model_step
        self.learning_rate = learning_rate
        self.halving_steps = halving_steps
        self.num_halvings = num_halvings

    def at(self, step):
        """The learning rate of the step after `step` others, float32 []."""
        halvings = tf.cast(step // self.halving_steps, tf.float32)
        if self.num_halvings:
            halvings = tf.minimum(halvings, float(self.num_halvings))
        return self.learning_rate * tf.pow(0.5, halvings)

    def __call__(self, step):
        del step  # The optimizer's.
        return self.at(self.model_step)
