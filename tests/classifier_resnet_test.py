"""ResNet: by default that of Keras, layer by layer; else narrower and shallower."""

import keras
import numpy as np
import pytest

from classifier.resnet import build_resnet


@pytest.fixture(scope="module")
def stock():
    """Keras' ResNet-50, with weights that leave the size of what passes as it is."""
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=[32, 32, 3], pooling="avg"
    )
    draws = np.random.default_rng(0)

    def draw(shape):
        if len(shape) == 1:
            return draws.uniform(0.5, 1.5, shape)
        return draws.normal(0, np.prod(shape[:3]) ** -0.5, shape)

    network.set_weights([draw(weight.shape) for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def resnet50():
    return build_resnet(32)


def test_default_has_layers_and_weights_of_keras_in_their_order(resnet50, stock):
    def description(network):
        layers = [layer.name for layer in network.layers[1:]]  # Inputs are numbered.
        return layers, [(w.name, w.shape) for w in network.weights]

    assert description(resnet50) == description(stock)


def test_default_computes_what_resnet50_of_keras_computes(resnet50, stock):
    resnet50.set_weights(stock.get_weights())
    images = np.random.default_rng(1).uniform(-100, 100, [2, 32, 32, 3])
    for training in (False, True):
        features = stock(images, training=training)
        assert np.std(features) > 0
        np.testing.assert_allclose(
            resnet50(images, training=training), features, rtol=1e-5
        )


def parameters(blocks, maps):
    """By hand: convolutions with biases, four numbers of batch norm for each map."""

    def convolution(size, before, after):
        return size**2 * before * after + after + 4 * after

    total, before = convolution(7, 3, maps), maps
    for stage, number in enumerate(blocks):
        inner = maps * 2**stage
        total += convolution(1, before, 4 * inner)  # The shortcut.
        for _ in range(number):
            total += convolution(1, before, inner) + convolution(3, inner, inner)
            total += convolution(1, inner, 4 * inner)
            before = 4 * inner
    return total


@pytest.mark.parametrize(
    "blocks, maps, count",
    [
        ([3, 4, 6, 3], 64, 23_587_712),  # ResNet-50, says Keras' documentation.
        ([1, 1, 1, 1], 64, 8_044_928),
        ([1, 1, 1, 1], 32, 2_025_664),
        ([1, 1, 1, 1], 16, 513_632),
        ([2, 3, 1, 2], 5, 86_235),
    ],
)
def test_parameter_counts_of_every_size(blocks, maps, count):
    network = build_resnet(32, blocks=blocks, base_maps=maps)
    assert network.count_params() == parameters(blocks, maps) == count
    assert network.output_shape == (None, 32 * maps)


def test_stages_halve_the_image_whatever_their_blocks():
    network = build_resnet(64, blocks=[2, 1, 3, 1], base_maps=4)
    ends = ["pool1_pool", "conv2_block2_out", "conv3_block1_out", "conv4_block3_out"]
    ends += ["conv5_block1_out"]
    shapes = [tuple(network.get_layer(name).output.shape[1:]) for name in ends]
    assert shapes == [(16, 16, 4), (16, 16, 16), (8, 8, 32), (4, 4, 64), (2, 2, 128)]
