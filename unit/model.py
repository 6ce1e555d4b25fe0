"""The training step of UNIT (Liu et al., 2017; re-release of 2018).

x_ab is x_a translated to domain b; x_aa is x_a, encoded and decoded in its own domain;
x_aba is x_ab translated back. h is the mean of a latent, z a latent with noise.
"""

import collections

import tensorflow as tf

from gan.autoencoders import check_size
from refiners.translation import TranslationModel
from training.model import unique
from unit import losses, networks

TERMS = ("reconstruction", "kl", "cycle", "cycle_kl", "generator", "discriminator")
LOSS_NAMES = tuple(f"{term}_loss_{domain}" for domain in "ab" for term in TERMS)

# Streams of random numbers, a noise each.
DISCRIMINATOR_A, DISCRIMINATOR_B, LATENT_A, LATENT_B, CYCLE_A, CYCLE_B = range(1, 7)

Translations = collections.namedtuple(
    "Translations", "h_a h_b x_aa x_ba x_ab x_bb h_ab h_ba x_aba x_bab"
)


class UNIT(TranslationModel):
    """Encoder, decoder and discriminator of two domains: a synthetic, b real.

    Args:
      image_size: height and width of the images, in pixels.
      base_maps, shared_blocks, norm_scale: see `networks`.
      reconstruction_weight, kl_weight, cycle_weight, cycle_kl_weight: weights of the
        terms in `losses`, the same for both domains.
      shared_translations: whether the discriminators' update is shown the translations
        of the other update, or ones with noise of their own.
      discriminator_scales, gan_loss, gan_weight, learning_rate, halving_steps,
        weight_decay: see `TranslationModel.build_adversaries`.
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
        self.reconstruction_weight = reconstruction_weight
        self.kl_weight = kl_weight
        self.cycle_weight = cycle_weight
        self.cycle_kl_weight = cycle_kl_weight
        self.shared_translations = shared_translations
        self.build_adversaries(
            image_size,
            base_maps=base_maps,
            discriminator_scales=discriminator_scales,
            gan_loss=gan_loss,
            gan_weight=gan_weight,
            learning_rate=learning_rate,
            halving_steps=halving_steps,
            weight_decay=weight_decay,
        )

    @property
    def generator_variables(self):
        """Of encoders and decoders, the shared ones once."""
        models = (self.encoder_a, self.encoder_b, self.decoder_a, self.decoder_b)
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

    def fakes(self, t):
        """x_ba and x_ab for the discriminators, with noise that G's update has not."""
        if self.shared_translations:
            return t.x_ba, t.x_ab
        z_a = self._add_noise(t.h_a, DISCRIMINATOR_A)
        z_b = self._add_noise(t.h_b, DISCRIMINATOR_B)
        return self.decoder_a(z_b, training=True), self.decoder_b(z_a, training=True)

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

    def generator_objective(self, x_a, x_b, t):
        """Equation 2 of Han et al. (2019): the sum over both domains."""
        loss = self._domain_loss("a", x_a, t.x_aa, t.h_a, t.x_aba, t.h_ab, t.x_ba)
        loss += self._domain_loss("b", x_b, t.x_bb, t.h_b, t.x_bab, t.h_ba, t.x_ab)
        return loss

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
