"""The training step of UNIT (Liu et al., 2017; re-release of 2018).

x_ab is x_a translated to domain b; x_aa is x_a, encoded and decoded in its own domain;
x_aba is x_ab translated back. h is the mean of a latent, z a latent with noise.
"""

import collections

import tensorflow as tf

from gan.autoencoders import check_size
from gan.discriminators import build_multi_scale_discriminator, scores_of
from gan.losses import GAN_LOSSES
from gan.optimizers import CoupledAdam, HalvedLearningRate
from refiners.model import RefinerModel
from training.model import optimizer_for_precision, unique
from unit import losses, networks

TERMS = ("reconstruction", "kl", "cycle", "cycle_kl", "generator", "discriminator")
LOSS_NAMES = tuple(f"{term}_loss_{domain}" for domain in "ab" for term in TERMS)

# Streams of random numbers, a noise each.
DISCRIMINATOR_A, DISCRIMINATOR_B, LATENT_A, LATENT_B, CYCLE_A, CYCLE_B = range(1, 7)

Translations = collections.namedtuple(
    "Translations", "h_a h_b x_aa x_ba x_ab x_bb h_ab h_ba x_aba x_bab"
)


class UNIT(RefinerModel):
    """Encoder, decoder and discriminator of two domains: a synthetic, b real.

    Args:
      image_size: height and width of the images, in pixels.
      base_maps, shared_blocks, norm_scale: see `networks`.
      discriminator_scales: see `gan.discriminators`.
      gan_loss: a key of `gan.losses.GAN_LOSSES`.
      gan_weight, reconstruction_weight, kl_weight, cycle_weight, cycle_kl_weight:
        weights of the terms in `losses`, the same for both domains.
      learning_rate, halving_steps: see `gan.optimizers.HalvedLearningRate`.
      weight_decay: coupled, see `gan.optimizers.CoupledAdam`.
      shared_translations: whether the discriminators' update is shown the translations
        of the other update, or ones with noise of their own.
      num_steps, seed, batch_size: see `RefinerModel`.
    """

    def __init__(
        self,
        *,
        image_size,
        base_maps,
        shared_blocks,
        norm_scale,
        discriminator_scales,
        gan_loss,
        gan_weight,
        reconstruction_weight,
        kl_weight,
        cycle_weight,
        cycle_kl_weight,
        learning_rate,
        halving_steps,
        weight_decay,
        shared_translations=False,
        **kwargs,
    ):
        check_size(image_size, discriminator_scales)
        super().__init__(loss_names=LOSS_NAMES, **kwargs)
        width = {"base_maps": base_maps, "shared_blocks": shared_blocks}
        self.encoder_a, self.encoder_b = networks.build_encoders(image_size, **width)
        self.decoder_a, self.decoder_b = networks.build_decoders(
            image_size, norm_scale=norm_scale, **width
        )
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
        self.reconstruction_weight = reconstruction_weight
        self.kl_weight = kl_weight
        self.cycle_weight = cycle_weight
        self.cycle_kl_weight = cycle_kl_weight
        self.shared_translations = shared_translations
        self.schedule = HalvedLearningRate(self.step, learning_rate, halving_steps)
        for side in ("generator", "discriminator"):
            adam = CoupledAdam(
                self.schedule,
                beta_1=0.5,
                beta_2=0.999,
                epsilon=1e-8,
                coupled_decay=weight_decay,
            )
            adam = optimizer_for_precision(adam)
            adam.build(getattr(self, f"{side}_variables"))
            setattr(self, f"{side}_optimizer", adam)

    @property
    def generator_variables(self):
        """Of encoders and decoders, the shared ones once."""
        models = (self.encoder_a, self.encoder_b, self.decoder_a, self.decoder_b)
        return unique(model.trainable_variables for model in models)

    @property
    def discriminator_variables(self):
        models = (self.discriminator_a, self.discriminator_b)
        return unique(model.trainable_variables for model in models)

    def describe(self):
        return {
            "parameters of an encoder": f"{self.encoder_a.count_params():,}",
            "parameters of a decoder": f"{self.decoder_a.count_params():,}",
            "parameters of a discriminator": f"{self.discriminator_a.count_params():,}",
        }

    def picture_rows(self, synthetic_images, real_images):
        """x_a, x_ab, x_b and x_ba, without noise."""
        h_a, h_b = self.encoder_a(synthetic_images), self.encoder_b(real_images)
        x_ab, x_ba = self.decoder_b(h_a), self.decoder_a(h_b)
        return synthetic_images, x_ab, real_images, x_ba

    def train_step(self, batch):
        """One update of the discriminators, one of encoders and decoders.

        Args:
          batch: dict of `synthetic_images` and `real_images`, float32 [images, size,
            size, 1] in [-1, 1].
        """
        x_a, x_b = batch["synthetic_images"], batch["real_images"]
        # The update of the discriminators leaves the networks that translate alone, so
        # that what is encoded once is there for both.
        with tf.GradientTape() as tape:
            t = self.translate(x_a, x_b)
        fakes = t.x_ba, t.x_ab
        if not self.shared_translations:
            fakes = self._translate_again(t.h_a, t.h_b)
        self._update_discriminators(x_a, x_b, *fakes)
        with tape:
            loss = self._domain_loss("a", x_a, t.x_aa, t.h_a, t.x_aba, t.h_ab, t.x_ba)
            loss += self._domain_loss("b", x_b, t.x_bb, t.h_b, t.x_bab, t.h_ba, t.x_ab)
        variables = self.generator_variables
        self.minimize(self.generator_optimizer, tape, loss, variables)
        return self.end_step()

    def _translate_again(self, h_a, h_b):
        """x_ba and x_ab, with noise that the other update has not."""
        z_a = self._add_noise(h_a, DISCRIMINATOR_A)
        z_b = self._add_noise(h_b, DISCRIMINATOR_B)
        return self.decoder_a(z_b, training=True), self.decoder_b(z_a, training=True)

    def _update_discriminators(self, x_a, x_b, x_ba, x_ab):
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

    def translate(self, x_a, x_b):
        """Both domains' images through every stream of the paper's figure 1."""
        h_a = self.encoder_a(x_a, training=True)
        h_b = self.encoder_b(x_b, training=True)
        z_a = self._add_noise(h_a, LATENT_A)
        z_b = self._add_noise(h_b, LATENT_B)
        x_aa, x_ba = _decode(self.decoder_a, z_a, z_b)
        x_ab, x_bb = _decode(self.decoder_b, z_a, z_b)
        h_ab = self.encoder_b(x_ab, training=True)
        h_ba = self.encoder_a(x_ba, training=True)
        x_aba = self.decoder_a(self._add_noise(h_ab, CYCLE_A), training=True)
        x_bab = self.decoder_b(self._add_noise(h_ba, CYCLE_B), training=True)
        return Translations(h_a, h_b, x_aa, x_ba, x_ab, x_bb, h_ab, h_ba, x_aba, x_bab)

    def _domain_loss(self, domain, x, x_own, h, x_cycle, h_cycle, fakes):
        """The sum of one domain's terms, each weighted."""
        discriminator = getattr(self, f"discriminator_{domain}")
        terms = {
            "reconstruction": losses.reconstruction_loss(x, x_own),
            "kl": losses.kl_loss(h),
            "cycle": losses.reconstruction_loss(x, x_cycle),
            "cycle_kl": losses.kl_loss(h_cycle),
            "generator": self.generator_loss(discriminator(fakes, training=True)),
        }
        reconstruction, kl, cycle, cycle_kl, gan = self.average(
            **{f"{term}_loss_{domain}": loss for term, loss in terms.items()}
        )
        return (
            self.gan_weight * gan
            + self.reconstruction_weight * reconstruction
            + self.kl_weight * kl
            + self.cycle_weight * cycle
            + self.cycle_kl_weight * cycle_kl
        )

    def _add_noise(self, h, stream):
        """z = h + N(0, I): a latent drawn from the encoder's normal distribution."""
        return h + self.random_normal(h.shape[1:], stream)


def _decode(decoder, first, second):
    """The images of two batches of latents, in one call: faster than one each."""
    return tf.split(decoder(tf.concat([first, second], axis=0), training=True), 2)
