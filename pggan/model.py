"""The training step of Karras et al. (2018): WGAN-GP on growing networks."""

import keras
import tensorflow as tf

from pggan import losses, networks
from training.model import (
    SteppedModel,
    optimizer_for_precision,
    reset_optimizer,
    unique,
)

DISCRIMINATOR_LATENTS, GENERATOR_LATENTS, MIX = 1, 2, 3


class PGGAN(SteppedModel):
    """Generator, discriminator and the generator's moving average, at one resolution.

    Args:
      resolution: final resolution, in pixels.
      latent_size: length of a latent.
      fmap_base, fmap_max: see `networks.feature_maps`.
      stddev_group: images per group of the minibatch standard deviation.
      learning_rate: of both Adam optimizers.
      ema_decay: decay per step of the moving average of G's weights.
      gradient_penalty_weight, drift_weight: see `losses`.
      penalty_size: size of the images with respect to which the gradient is penalized,
        `current` or `final`, to which those of lower resolutions are enlarged.
      guide, guide_weight, guide_probability: see `guide.open_guide` and
        `losses.guide_loss`; a guide judges images of the final resolution alone.
      seed, batch_size: see `SteppedModel`.
    """

    def __init__(
        self,
        *,
        resolution,
        latent_size,
        fmap_base,
        fmap_max,
        stddev_group,
        learning_rate,
        ema_decay,
        gradient_penalty_weight,
        penalty_size,
        drift_weight,
        guide=None,
        guide_weight=0.0,
        guide_probability=0.6,
        **kwargs,
    ):
        names = ("generator_loss", "discriminator_loss", "gradient_penalty", "drift")
        names += ("guide_loss",) if guide else ()
        super().__init__(loss_names=names, **kwargs)
        size = {"fmap_base": fmap_base, "fmap_max": fmap_max}
        self.latent_size = latent_size
        self.resolution = resolution
        self.resolution_key = None
        self.generators = networks.build_generators(
            resolution, latent_size=latent_size, **size
        )
        self.discriminators = networks.build_discriminators(
            resolution, stddev_group=stddev_group, **size
        )
        self.averaged_generators = networks.build_generators(
            resolution, latent_size=latent_size, **size
        )
        for average, generator in zip(
            self.averaged_generators.values(), self.generators.values()
        ):
            average.set_weights(generator.get_weights())
            average.trainable = False
        self.ema_decay = ema_decay
        self.gradient_penalty_weight = gradient_penalty_weight
        self.penalty_size = penalty_size
        self.drift_weight = drift_weight
        self.guide = guide
        self.guide_weight = guide_weight
        self.guide_probability = guide_probability
        self.generator_optimizer = self._adam(learning_rate, self.generators)
        self.discriminator_optimizer = self._adam(learning_rate, self.discriminators)

    @staticmethod
    def _adam(learning_rate, models):
        adam = keras.optimizers.Adam(
            learning_rate, beta_1=0.0, beta_2=0.99, epsilon=1e-8
        )
        adam = optimizer_for_precision(adam)
        adam.build(unique(m.trainable_variables for m in models.values()))
        return adam

    def start_phase(self, phase, *, first_step, **compile_options):
        """Continues with the networks of `phase`.

        Args:
          phase: a `growth.Phase`.
          first_step: whether none of its steps are done yet; Adam then starts from
            zero, as in the paper, which keeps no state across phases.
          **compile_options: for `keras.Model.compile`.
        """
        if first_step:
            reset_optimizer(self.generator_optimizer)
            reset_optimizer(self.discriminator_optimizer)
        key = f"{phase.resolution}px"
        if key != self.resolution_key:  # The next phase of a size needs no new graph.
            self.resolution_key = key
            self.compile(**compile_options)

    def train_step(self, batch):
        """One update of D, one of G, one of the average.

        Args:
          batch: dict of `real_images` float32 [images, resolution, resolution, 1] in
            [-1, 1], faded like the networks, and `alpha` float32 [images].
        """
        real_images, alpha = batch["real_images"], batch["alpha"]
        generator = self.generators[self.resolution_key]
        discriminator = self.discriminators[self.resolution_key]

        def discriminate(images):
            return discriminator([images, alpha], training=True)

        latents = self.random_normal([self.latent_size], DISCRIMINATOR_LATENTS)
        fake_images = generator([latents, alpha], training=True)
        mix = self.random_uniform([], MIX)
        with tf.GradientTape() as tape:
            real_scores = discriminate(real_images)
            fake_scores = discriminate(fake_images)
            wasserstein, penalty, drift = self.average(
                discriminator_loss=losses.discriminator_loss(real_scores, fake_scores),
                gradient_penalty=losses.gradient_penalty(
                    discriminate,
                    real_images,
                    fake_images,
                    mix,
                    enlargement=self.enlargement(real_images.shape[1]),
                ),
                drift=losses.drift_penalty(real_scores),
            )
            loss = (
                wasserstein
                + self.gradient_penalty_weight * penalty
                + self.drift_weight * drift
            )
        variables = discriminator.trainable_variables
        self.minimize(self.discriminator_optimizer, tape, loss, variables)

        latents = self.random_normal([self.latent_size], GENERATOR_LATENTS)
        with tf.GradientTape() as tape:
            fake_images = generator([latents, alpha], training=True)
            loss = self.average(
                generator_loss=losses.generator_loss(discriminate(fake_images))
            )
            if self.guide and real_images.shape[1] == self.resolution:
                guided = losses.guide_loss(
                    self.guide(fake_images), self.guide_probability
                )
                loss += self.guide_weight * self.average(guide_loss=guided)
        variables = generator.trainable_variables
        self.minimize(self.generator_optimizer, tape, loss, variables)
        self._update_average(generator)
        return self.end_step()

    def enlargement(self, size):
        """How many times images of `size` px are enlarged for the gradient penalty."""
        return self.resolution // size if self.penalty_size == "final" else 1

    def _update_average(self, generator):
        average = self.averaged_generators[self.resolution_key]
        for slow, fast in zip(average.weights, generator.weights):
            slow.assign(fast + self.ema_decay * (slow - fast))
