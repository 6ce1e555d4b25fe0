"""What UNIT and MUNIT share: two domains, translated into each other."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from gan.discriminators import build_multi_scale_discriminator, scores_of
from gan.losses import GAN_LOSSES
from gan.optimizers import CoupledAdam, HalvedLearningRate
from refiners.model import RefinerModel
from training.model import optimizer_for_precision, unique


class TranslationModel(RefinerModel):
    """Translates from domain a, synthetic images, to b, real ones, and back.

    Subclasses make the networks that translate, have their variables as
    `generator_variables`, and then call `build_adversaries`. They define

    - `translate(x_a, x_b)`: all images and latents of a step, of any type;
    - `fakes(translated)`: x_ba and x_ab that the discriminators are shown;
    - `generator_objective(x_a, x_b, translated)`: what encoders and decoders minimize.
    """

    def build_adversaries(
        self,
        image_size: int,
        *,
        base_maps: int,
        discriminator_scales: int,
        gan_loss: str,
        gan_weight: float,
        learning_rate: float,
        halving_steps: int,
        weight_decay: float,
    ) -> None:
        """Makes the discriminators, their loss, and the optimizers of both sides.

        Args:
          image_size: height and width of the images, in pixels.
          base_maps, discriminator_scales: see `gan.discriminators`.
          gan_loss: a key of `gan.losses.GAN_LOSSES`.
          gan_weight: of the adversarial loss.
          learning_rate, halving_steps: see `gan.optimizers.HalvedLearningRate`.
          weight_decay: coupled, see `gan.optimizers.CoupledAdam`.
        """
        self.discriminator_a, self.discriminator_b = (
            build_multi_scale_discriminator(
                image_size,
                base_maps=base_maps,
                scales=discriminator_scales,
                name=f"discriminator_{domain}",
            )
            for domain in "ab"
        )
        self.discriminator_loss, self.generator_loss = GAN_LOSSES[gan_loss]
        self.gan_weight = gan_weight
        self.schedule = HalvedLearningRate(self.step, learning_rate, halving_steps)
        self.generator_optimizer = self._adam(weight_decay, self.generator_variables)
        self.discriminator_optimizer = self._adam(
            weight_decay, self.discriminator_variables
        )

    def _adam(
        self, weight_decay: float, variables: Sequence[tf.Variable]
    ) -> keras.optimizers.Optimizer:
        adam = CoupledAdam(
            self.schedule,
            beta_1=0.5,
            beta_2=0.999,
            epsilon=1e-8,
            coupled_decay=weight_decay,
        )
        adam = optimizer_for_precision(adam)
        adam.build(variables)
        return adam

    @property
    def discriminator_variables(self) -> list[tf.Variable]:
        models = (self.discriminator_a, self.discriminator_b)
        return unique(model.trainable_variables for model in models)

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update of the discriminators, one of encoders and decoders.

        Args:
          batch: dict of `synthetic_images` and `real_images`, float32 [images, size,
            size, 1] in [-1, 1].
        """
        x_a, x_b = batch["synthetic_images"], batch["real_images"]
        # The update of the discriminators leaves the networks that translate alone, so
        # that what is encoded once is there for both.
        with tf.GradientTape() as tape:
            translated = self.translate(x_a, x_b)
        self._update_discriminators(x_a, x_b, *self.fakes(translated))
        with tape:
            loss = self.generator_objective(x_a, x_b, translated)
        variables = self.generator_variables
        self.minimize(self.generator_optimizer, tape, loss, variables)
        return self.end_step()

    def _update_discriminators(
        self, x_a: tf.Tensor, x_b: tf.Tensor, x_ba: tf.Tensor, x_ab: tf.Tensor
    ) -> None:
        with tf.GradientTape() as tape:
            real_a, fake_a = scores_of(self.discriminator_a, x_a, x_ba)
            real_b, fake_b = scores_of(self.discriminator_b, x_b, x_ab)
            loss_a, loss_b = self.average(
                discriminator_loss_a=self.discriminator_loss(real_a, fake_a),
                discriminator_loss_b=self.discriminator_loss(real_b, fake_b),
            )
            loss = self.gan_weight * (loss_a + loss_b)
        variables = self.discriminator_variables
        self.minimize(self.discriminator_optimizer, tape, loss, variables)
