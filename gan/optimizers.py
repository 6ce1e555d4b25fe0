"""Adam with coupled weight decay, and a learning rate that is halved."""

import keras


class CoupledAdam(keras.optimizers.Adam):
    """Adam on gradient + coupled_decay * weight: an L2 penalty, not decoupled decay.

    Keras' `weight_decay` is that of AdamW, which shrinks weights beside Adam's step;
    the authors' UNIT and MUNIT were trained with the older kind, which Adam rescales.
    Here the gradients of replicas have been summed, so that it is added once.
    """

    def __init__(self, *args, coupled_decay=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient, variable):
        super().update_step(gradient + self.coupled_decay * variable, variable)

    def get_config(self):
        return {**super().get_config(), "coupled_decay": self.coupled_decay}


def halving_schedule(learning_rate, halving_steps):
    """learning_rate / 2^(step // halving_steps), a function of the step."""
    return keras.optimizers.schedules.ExponentialDecay(
        learning_rate, decay_steps=halving_steps, decay_rate=0.5, staircase=True
    )
