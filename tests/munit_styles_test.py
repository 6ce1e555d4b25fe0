"""Styles by seed and id: drawn from the prior, or chosen among those of real images."""

import numpy as np
import pytest

from munit.styles import chosen_styles, drawn_styles

IDS = [f"pggan/model/{n:07d}" for n in range(2000)]


def test_drawn_styles_are_normal_and_a_function_of_seed_and_id():
    styles = drawn_styles(0, 4)(IDS)
    assert styles.shape == (2000, 4) and styles.dtype == np.float32
    np.testing.assert_allclose(styles.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(styles.T), np.eye(4), atol=0.15)
    assert len(np.unique(styles, axis=0)) == 2000
    part = drawn_styles(0, 4)(IDS[7:2:-1])
    np.testing.assert_array_equal(part, styles[7:2:-1])
    assert not (drawn_styles(1, 4)(IDS[:9]) == styles[:9]).any()


@pytest.mark.parametrize("count", [1, 3])
def test_chosen_styles_are_some_of_those_given_each_as_often(count):
    styles = np.arange(2.0 * count).reshape(count, 2)
    chosen = chosen_styles(0, styles)(IDS)
    values, times = np.unique(chosen, axis=0, return_counts=True)
    np.testing.assert_array_equal(values, styles)
    assert times.min() > 0.85 * 2000 / count
    np.testing.assert_array_equal(
        chosen_styles(0, styles)(IDS[99:9:-1]), chosen[99:9:-1]
    )
    if count > 1:
        assert (chosen_styles(1, styles)(IDS) != chosen).any()
