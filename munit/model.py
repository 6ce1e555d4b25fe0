"""The training step of MUNIT (Huang et al., 2018; re-release of the same year).

x_ab is x_a translated to domain b; x_aa is x_a, encoded and decoded in its own domain;
x_aba is x_ab translated back. c is a content, s the style of an image, p a style drawn
from the prior N(0, I); c_ab and s_ab are those of x_ab.
"""

import collections

import tensorflow as tf

from gan.autoencoders import check_size
from munit import losses, networks
from munit.perceptual import build_features
from refiners.translation import TranslationModel
from training.model import unique

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


class MUNIT(TranslationModel):
    """Encoders, decoder and discriminator of two domains: a synthetic, b real.

    Args:
      image_size: height and width of the images, in pixels.
      base_maps, style_size, mlp_units, norm_scale: see `networks`.
      reconstruction_weight, content_weight, style_weight, cycle_weight,
        perceptual_weight: weights of the terms in `losses`, the same for both domains;
        the last two terms are not computed where their weight is 0.
      weights: see `perceptual.build_features`.
      discriminator_scales, gan_loss, gan_weight, learning_rate, halving_steps,
        weight_decay: see `TranslationModel.build_adversaries`.
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
        for name, build, sizes in (
            ("content_encoder", networks.build_content_encoder, width),
            ("style_encoder", networks.build_style_encoder, style),
            ("decoder", networks.build_decoder, decoder),
        ):
            for domain in "ab":
                network = build(image_size, **sizes, name=f"{name}_{domain}")
                setattr(self, network.name, network)
        self.term_weights = {
            "reconstruction": reconstruction_weight,
            "content": content_weight,
            "style": style_weight,
            "generator": gan_weight,
            "cycle": cycle_weight,
            "perceptual": perceptual_weight,
        }
        if perceptual_weight:
            self.features = build_features(image_size, weights, self.seed)
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
        """Of encoders and decoders."""
        names = ("content_encoder", "style_encoder", "decoder")
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

    def fakes(self, domains):
        """x_ba and x_ab for the discriminators, of styles that G's update has not."""
        p_a, p_b = self.draw_styles(DISCRIMINATOR_A, DISCRIMINATOR_B)
        x_ba = self.decoder_a([domains["b"].c, p_a], training=True)
        x_ab = self.decoder_b([domains["a"].c, p_b], training=True)
        return x_ba, x_ab

    def generator_objective(self, x_a, x_b, domains):
        """Equation 5 of Huang et al. (2018), with the terms that are optional."""
        return self._loss("a", domains["a"]) + self._loss("b", domains["b"])

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
        if self.term_weights["cycle"]:  # With the styles that the images had.
            x_aba = self.decoder_a([c_ab, s_a], training=True)
            x_bab = self.decoder_b([c_ba, s_b], training=True)
        return {
            "a": Domain(x_a, x_aa, c_a, c_ab, p_a, s_ba, x_ba, x_b, x_aba),
            "b": Domain(x_b, x_bb, c_b, c_ba, p_b, s_ab, x_ab, x_a, x_bab),
        }

    def _loss(self, domain, t):
        """The sum of one domain's terms, each weighted."""
        scores = getattr(self, f"discriminator_{domain}")(t.fakes, training=True)
        terms = {
            "reconstruction": losses.reconstruction_loss(t.x, t.x_own),
            "content": losses.reconstruction_loss(t.c, t.c_translated),
            "style": losses.reconstruction_loss(t.p, t.s_fakes),
            "generator": self.generator_loss(scores),
        }
        if self.term_weights["cycle"]:
            terms["cycle"] = losses.reconstruction_loss(t.x, t.x_cycle)
        if self.term_weights["perceptual"]:
            features = self.features(t.sources), self.features(t.fakes)
            terms["perceptual"] = losses.perceptual_loss(*features)
        averages = self.average(
            **{f"{term}_loss_{domain}": loss for term, loss in terms.items()}
        )
        weights = [self.term_weights[term] for term in terms]
        return tf.add_n([w * average for w, average in zip(weights, averages)])


def _decode(decoder, contents, styles):
    """The images of two batches of contents and styles, in one call: faster."""
    inputs = [tf.concat(contents, axis=0), tf.concat(styles, axis=0)]
    return tf.split(decoder(inputs, training=True), 2)
