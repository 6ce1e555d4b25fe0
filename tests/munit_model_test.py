"""MUNIT's step: translations, prior, objective, replicas, precision, pictures."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import translation_models
from refusals import refused
from translation_models import pairs, train_steps

from munit.model import LOSS_NAMES, MUNIT
from training.checkpoints import num_bytes

build = functools.partial(translation_models.build, MUNIT)


def build_digits():
    """Networks that add a digit each, which show the way of an image of one pixel.

    Contents: 10 x + 1 of a and 10 x + 2 of b. Styles: x + 5 and x + 6; 9 and 8 are
    drawn. Decoders: 100 c + 10 s + 3 and 100 c + 10 s + 4. D_a(x) = x / 1000, D_b(x) =
    x / 500.
    """
    model = build()
    functions = {
        "content_encoder_a": lambda x: 10 * x + 1,
        "content_encoder_b": lambda x: 10 * x + 2,
        "style_encoder_a": lambda x: x[:, 0, 0] + 5,
        "style_encoder_b": lambda x: x[:, 0, 0] + 6,
        "decoder_a": lambda cs: 100 * cs[0] + 10 * cs[1][:, None, None] + 3,
        "decoder_b": lambda cs: 100 * cs[0] + 10 * cs[1][:, None, None] + 4,
        "discriminator_a": lambda x: x / 1000,
        "discriminator_b": lambda x: x / 500,
    }
    for name, function in functions.items():
        layer = tf.keras.layers.Lambda(function)
        setattr(model, name, layer)
    drawn = {1: 9.0, 2: 8.0, 3: 9.0, 4: 8.0}
    model.draw_styles = lambda *streams: [tf.fill([1, 1], drawn[s]) for s in streams]
    model.minimize = lambda *arguments: None
    model.batch_size = 1
    return model


def test_translations_go_through_the_networks_that_their_names_say():
    model = build_digits()
    pixel = tf.zeros([1, 1, 1, 1])
    domains = model.translate(pixel, pixel)
    found = {
        name: {field: int(np.squeeze(x)) for field, x in domain._asdict().items()}
        for name, domain in domains.items()
    }
    assert found["a"] == {
        "x": 0,
        "x_own": 153,
        "c": 1,
        "c_translated": 1842,  # Of x_ab = 184.
        "p": 9,
        "s_fakes": 293 + 5,
        "fakes": 293,
        "sources": 0,
        "x_cycle": 184_253,
    }
    assert found["b"] == {
        "x": 0,
        "x_own": 264,
        "c": 2,
        "c_translated": 2931,  # Of x_ba = 293.
        "p": 8,
        "s_fakes": 184 + 6,
        "fakes": 184,
        "sources": 0,
        "x_cycle": 293_164,
    }


def test_every_term_is_of_its_own_domain_and_images():
    """x_a = 0 and x_b = 1: x_ab = 184, x_ba = 1,293."""
    model = build_digits()
    pixel = tf.zeros([1, 1, 1, 1])
    images = {"synthetic_images": pixel, "real_images": pixel + 1}
    model.train_step(images)
    assert model.take_means() == pytest.approx(
        {
            "reconstruction_loss_a": 153,
            "reconstruction_loss_b": 1274 - 1,
            "content_loss_a": 1842 - 1,
            "content_loss_b": 12_931 - 12,
            "style_loss_a": 1293 + 5 - 9,
            "style_loss_b": 184 + 6 - 8,
            "cycle_loss_a": 184_253,
            "cycle_loss_b": 1_293_174 - 1,
            "generator_loss_a": (1.293 - 1) ** 2,
            "generator_loss_b": (0.368 - 1) ** 2,
            "discriminator_loss_a": (0 - 1) ** 2 + 1.293**2,
            "discriminator_loss_b": (0.002 - 1) ** 2 + 0.368**2,
        }
    )


def test_perceptual_loss_compares_a_translation_with_what_it_is_of():
    model = build(perceptual_weight=1.0)
    seen = []
    model.features = lambda images: seen.append(images) or images
    images = pairs(2)
    x_a, x_b = images["synthetic_images"], images["real_images"]
    domains = model.translate(x_a, x_b)
    model._loss("a", domains["a"])
    model._loss("b", domains["b"])
    expected = [x_b, domains["a"].fakes, x_a, domains["b"].fakes]
    for got, image in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(got, image)


def test_style_prior_is_normal_new_in_every_step_and_stream_and_repeatable():
    model = build(style_size=500)
    first, second, again = model.draw_styles(3, 4, 3)
    assert first.shape == (2, 500) and not np.allclose(first, second)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[0], first[1])
    assert np.mean(first) == pytest.approx(0.0, abs=0.1)
    assert np.std(first) == pytest.approx(1.0, abs=0.1)
    model.step.assign_add(1)
    assert not np.allclose(first, model.draw_styles(3)[0])


def test_all_terms_of_both_domains_are_recorded_and_weights_move():
    model = build(perceptual_weight=1.0)
    before = [v.numpy() for v in model.trainable_variables]
    losses = train_steps(model)
    assert set(losses) == set(LOSS_NAMES) and len(LOSS_NAMES) == 14
    assert all(np.isfinite(value) and value > 0 for value in losses.values())
    moved = [np.abs(v - b).max() for v, b in zip(model.trainable_variables, before)]
    assert min(moved) > 0 and int(model.step) == 2


def test_terms_without_weight_are_not_computed():
    model = build(cycle_weight=0.0)
    assert not hasattr(model, "features")
    assert model.translate(*pairs(2).values())["a"].x_cycle is None
    model.train_step(pairs(2))
    names = [name for name in LOSS_NAMES if "cycle" in name or "perceptual" in name]
    assert set(model.take_means()) == set(LOSS_NAMES) - set(names)


def test_network_of_the_perceptual_loss_is_frozen_and_in_no_checkpoint():
    with_features = build(perceptual_weight=1.0)
    assert num_bytes(with_features) == num_bytes(build())
    images = pairs(1)["real_images"]
    before = with_features.features(images).numpy()
    assert before.shape == (1, 2, 2, 512)  # As VGG-16 halves 32 px four times.
    train_steps(with_features, steps=1)
    np.testing.assert_array_equal(with_features.features(images), before)


def test_pictures_have_images_and_their_translations_by_drawn_and_real_styles():
    model = build()
    images = pairs(3)
    x_a, x_b = images["synthetic_images"], images["real_images"]
    rows = model.picture_rows(x_a, x_b)
    assert [row.shape for row in rows] == [x_a.shape] * 5
    np.testing.assert_array_equal(rows[0], x_a)
    np.testing.assert_array_equal(rows[3], x_b)
    styled = [model.content_encoder_a(x_a), model.style_encoder_b(x_b)]
    np.testing.assert_allclose(rows[2], model.decoder_b(styled), atol=1e-5)
    assert np.abs(rows[1] - rows[2]).max() > 1e-4
    for row, again in zip(rows, model.picture_rows(x_a, x_b)):
        np.testing.assert_array_equal(row, again)  # To be compared from step to step.


def test_perceptual_loss_of_images_that_vgg_16_does_not_take_is_refused():
    options = {"image_size": 16, "discriminator_scales": 1, "perceptual_weight": 1.0}
    with refused("--perceptual_weight", "16 px", "32 px"):
        build(**options)
