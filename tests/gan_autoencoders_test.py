"""The ends that UNIT's and MUNIT's autoencoders share; and their networks' tests."""

import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from gan.autoencoders import check_size, downsample
from gan.discriminators import build_multi_scale_discriminator


def test_maps_are_normalised_and_cut_at_zero_and_a_quarter_as_wide():
    maps = downsample(tf.random.stateless_normal([2, 16, 16, 1], [0, 0]), 2)
    assert maps.shape == [2, 4, 4, 8] and np.min(maps) == 0
    constant = downsample(tf.ones([1, 16, 16, 1]), 2)
    np.testing.assert_allclose(constant, 0, atol=1e-2)


def test_images_too_small_for_the_scales_are_refused():
    check_size(64, 3)
    check_size(32, 2)
    with pytest.raises(UserError, match="images are 32 px; expected .* from 64 px on"):
        check_size(32, 3)
    with pytest.raises(UserError, match="images are 66 px; expected a multiple of 4"):
        check_size(66, 1)
    maps = build_multi_scale_discriminator(64, base_maps=2, scales=3)(
        tf.zeros([1, 64, 64, 1])
    )
    assert [m.shape[1] for m in maps] == [4, 2, 1]
