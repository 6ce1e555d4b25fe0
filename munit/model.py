"""The training step of MUNIT (Huang et al., 2018; re-release of the same year).

x_ab is x_a translated to domain b; x_aa is x_a, encoded and decoded in its own domain;
x_aba is x_ab translated back. c is a content, s the style of an image, p a style drawn
from the prior N(0, I); c_ab and s_ab are those of x_ab.
"""

import collections

import tensorflow as tf

from gan.autoencoders import check_size
from gan.discriminators import build_multi_scale_discriminator, scores_of
from gan.losses import GAN_LOSSES
from gan.optimizers import CoupledAdam, HalvedLearningRate
from munit import losses, networks
from munit.perceptual import build_features
from refiners.model import RefinerModel
from training.model import optimizer_for_precision, unique

TERMS = (
    *("reconstruction", "content", "style", "cycle", "perceptual"),
    *("generator", "discriminator"),
)
LOSS_NAMES = tuple(f"{term}_loss_{domain}" for domain in "ab" for term in TERMS)

# Streams of random numbers, a style each.
DISCRIMINATOR_A, DISCRIMINATOR_B, STYLE_A, STYLE_B = range(1, 5)

# What one domain's terms are of: its images and their reconstruction, their content and
# that of their translation, the drawn style and that of the images made with it, these
# images themselves and what they are translations of, and the images there and back.
Domain = collections.namedtuple(
    "Domain", "x x_own c c_translated p s_fakes fakes sources x_cycle"
)


class MUNIT(RefinerModel):
    """Encoders, decoder and discriminator of two domains: a synthetic, b real.

    Args:
      image_size: height and width of the images, in pixels.
      base_maps, style_size, mlp_units, norm_scale: see `networks`.
      discriminator_scales: see `gan.discriminators`.
      gan_loss: a key of `gan.losses.GAN_LOSSES`.
      gan_weight, reconstruction_weight, content_weight, style_weight, cycle_weight,
        perceptual_weight: weights of the terms in `losses`, the same for both domains;
        the last two terms are not computed where their weight is 0.
      weights: see `perceptual.build_features`.
      learning_rate, halving_steps: see `gan.optimizers.HalvedLearningRate`.
      weight_decay: coupled, see `gan.optimizers.CoupledAdam`.
      num_steps, seed, batch_size: see `RefinerModel`.
    """

    def __init__(
        self,
        *,
        image_size,
        base_maps,
        style_size,
        mlp_units,
        norm_scale,
        discriminator_scales,
        gan_loss,
        gan_weight,
        reconstruction_weight,
        content_weight,
        style_weight,
        cycle_weight,
        perceptual_weight,
        weights,
        learning_rate,
        halving_steps,
        weight_decay,
        **kwargs,
    ):
        check_size(image_size, discriminator_scales)
        super().__init__(loss_names=LOSS_NAMES, **kwargs)
        self.style_size = style_size
        width = {"base_maps": base_maps}
        style = {**width, "style_size": style_size}
        decoder = {**style, "mlp_units": mlp_units, "norm_scale": norm_scale}
        judge = {**width, "scales": discriminator_scales}
        for name, build, sizes in (
            ("content_encoder", networks.build_content_encoder, width),
            ("style_encoder", networks.build_style_encoder, style),
            ("decoder", networks.build_decoder, decoder),
            ("discriminator", build_multi_scale_discriminator, judge),
        ):
            for domain in "ab":
                network = build(image_size, **sizes, name=f"{name}_{domain}")
                setattr(self, network.name, network)
        self.discriminator_loss, self.generator_loss = GAN_LOSSES[gan_loss]
        self.gan_weight = gan_weight
        self.reconstruction_weight = reconstruction_weight
        self.content_weight = content_weight
        self.style_weight = style_weight
        self.cycle_weight = cycle_weight
        self.perceptual_weight = perceptual_weight
        if perceptual_weight:
            self.features = build_features(image_size, weights, self.seed)
        self.schedule = HalvedLearningRate(self.step, learning_rate, halving_steps)
        self.generator_optimizer = self._adam(weight_decay, self.generator_variables)
        self.discriminator_optimizer = self._adam(
            weight_decay, self.discriminator_variables
        )

    def _adam(self, weight_decay, variables):
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
    def generator_variables(self):
        """Of encoders and decoders."""
        return self._variables("content_encoder", "style_encoder", "decoder")

    @property
    def discriminator_variables(self):
        return self._variables("discriminator")

    def _variables(self, *names):
        models = [getattr(self, f"{name}_{d}") for d in "ab" for name in names]
        return unique(model.trainable_variables for model in models)

    def describe(self):
        names = ("content_encoder", "style_encoder", "decoder", "discriminator")
        return {
            f"parameters of a {name.replace('_', ' ')}": (
                f"{getattr(self, f'{name}_a').count_params():,}"
            )
            for name in names
        }

    def picture_rows(self, synthetic_images, real_images):
        """x_a, x_ab of a drawn style and of x_b's own, x_b, and x_ba of a drawn one."""
        c_a = self.content_encoder_a(synthetic_images)
        c_b = self.content_encoder_b(real_images)
        s_b = self.style_encoder_b(real_images)
        p_a, p_b = (
            tf.random.stateless_normal(tf.shape(s_b), [self.seed, -n]) for n in (1, 2)
        )
        return (
            synthetic_images,
            self.decoder_b([c_a, p_b]),
            self.decoder_b([c_a, s_b]),
            real_images,
            self.decoder_a([c_b, p_a]),
        )

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
            domains = self.translate(x_a, x_b)
        self._update_discriminators(domains["a"], domains["b"])
        with tape:
            loss = self._loss("a", domains["a"]) + self._loss("b", domains["b"])
        variables = self.generator_variables
        self.minimize(self.generator_optimizer, tape, loss, variables)
        return self.end_step()

    def _update_discriminators(self, a, b):
        """Shown translations with styles that the other update has not."""
        p_a, p_b = self.draw_styles(DISCRIMINATOR_A, DISCRIMINATOR_B)
        x_ba = self.decoder_a([b.c, p_a], training=True)
        x_ab = self.decoder_b([a.c, p_b], training=True)
        with tf.GradientTape() as tape:
            real_a, fake_a = scores_of(self.discriminator_a, a.x, x_ba)
            real_b, fake_b = scores_of(self.discriminator_b, b.x, x_ab)
            loss_a, loss_b = self.average(
                discriminator_loss_a=self.discriminator_loss(real_a, fake_a),
                discriminator_loss_b=self.discriminator_loss(real_b, fake_b),
            )
            loss = self.gan_weight * (loss_a + loss_b)
        variables = self.discriminator_variables
        self.minimize(self.discriminator_optimizer, tape, loss, variables)

    def draw_styles(self, *streams):
        """Styles of the prior N(0, I), float32 [images, style_size] for a stream."""
        return [self.random_normal([self.style_size], stream) for stream in streams]

    def translate(self, x_a, x_b):
        """Both domains' images through every stream of the paper's figure 2.

        Returns:
          Dict of "a" and "b" to a `Domain`, with None for a cycle that has no weight.
        """
        c_a = self.content_encoder_a(x_a, training=True)
        c_b = self.content_encoder_b(x_b, training=True)
        s_a = self.style_encoder_a(x_a, training=True)
        s_b = self.style_encoder_b(x_b, training=True)
        p_a, p_b = self.draw_styles(STYLE_A, STYLE_B)
        x_aa, x_ba = _decode(self.decoder_a, [c_a, c_b], [s_a, p_a])
        x_ab, x_bb = _decode(self.decoder_b, [c_a, c_b], [p_b, s_b])
        c_ab = self.content_encoder_b(x_ab, training=True)
        c_ba = self.content_encoder_a(x_ba, training=True)
        s_ab = self.style_encoder_b(x_ab, training=True)
        s_ba = self.style_encoder_a(x_ba, training=True)
        x_aba = x_bab = None
        if self.cycle_weight:  # With the styles that the images had.
            x_aba = self.decoder_a([c_ab, s_a], training=True)
            x_bab = self.decoder_b([c_ba, s_b], training=True)
        return {
            "a": Domain(x_a, x_aa, c_a, c_ab, p_a, s_ba, x_ba, x_b, x_aba),
            "b": Domain(x_b, x_bb, c_b, c_ba, p_b, s_ab, x_ab, x_a, x_bab),
        }

    def _loss(self, domain, t):
        """The sum of one domain's terms, each weighted."""
        scores = getattr(self, f"discriminator_{domain}")(t.fakes, training=True)
        reconstruction_loss = losses.reconstruction_loss
        terms = {
            "reconstruction": (
                self.reconstruction_weight,
                reconstruction_loss(t.x, t.x_own),
            ),
            "content": (self.content_weight, reconstruction_loss(t.c, t.c_translated)),
            "style": (self.style_weight, reconstruction_loss(t.p, t.s_fakes)),
            "generator": (self.gan_weight, self.generator_loss(scores)),
        }
        if self.cycle_weight:
            cycle = reconstruction_loss(t.x, t.x_cycle)
            terms["cycle"] = self.cycle_weight, cycle
        if self.perceptual_weight:
            features = self.features(t.sources), self.features(t.fakes)
            perceptual = losses.perceptual_loss(*features)
            terms["perceptual"] = self.perceptual_weight, perceptual
        averages = self.average(
            **{f"{term}_loss_{domain}": loss for term, (_, loss) in terms.items()}
        )
        weights = [weight for weight, _ in terms.values()]
        return tf.add_n([w * average for w, average in zip(weights, averages)])


def _decode(decoder, contents, styles):
    """The images of two batches of contents and styles, in one call: faster."""
    inputs = [tf.concat(contents, axis=0), tf.concat(styles, axis=0)]
    return tf.split(decoder(inputs, training=True), 2)
