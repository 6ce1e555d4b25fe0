"""Images of any size and depth to squares of 8 bits: known answers."""

import cv2
import image_folder
import numpy as np
import pytest

from dataset.errors import UserError
from dataset.images import (
    ImageSettings,
    fingerprint,
    foreground_level,
    levels,
    scale_image,
)
from dataset.splits import similar_pairs


def test_image_is_padded_in_the_middle_and_averaged():
    image = np.array([[0, 100], [100, 100], [40, 40], [40, 40]])
    expected = [[0, 0, 100, 0], [0, 100, 100, 0], [0, 40, 40, 0], [0, 40, 40, 0]]
    np.testing.assert_array_equal(scale_image(image, 0, 255, 0), expected)
    np.testing.assert_array_equal(scale_image(image, 0, 255, 2), [[25, 50], [20, 20]])
    wide = scale_image(np.full((1, 3), 9), 0, 255, 0)
    np.testing.assert_array_equal(wide, [[0, 0, 0], [9, 9, 9], [0, 0, 0]])


def test_values_beyond_the_two_are_cut_off():
    image = np.array([[-5, 100], [200, 400]])
    np.testing.assert_array_equal(scale_image(image, 100, 300, 0), [[0, 0], [128, 255]])


def test_every_8_bit_value_is_as_it_was():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    low, high = levels([image], ImageSettings(intensities="as_is"))
    np.testing.assert_array_equal(scale_image(image, low, high, 0), image)


def test_foreground_is_what_is_clearly_brighter_than_the_darkest():
    air = np.arange(1000).reshape(20, 50) % 8 + 3  # Noise from 3 to 10.
    head = np.full((20, 50), 103)
    # The 99th percentile is 103: a tenth of the way from 3 is 13.
    assert foreground_level([air, head]) == 13


def test_percentiles_are_of_the_foreground_of_all_images():
    values = np.arange(50, 150).reshape(10, 10)
    air = np.zeros((40, 40))
    settings = ImageSettings(lower_percentile=10, upper_percentile=90)
    low, high = levels([values, air], settings)
    assert (low, high) == pytest.approx((59.9, 139.1))
    low, high = levels([values[:5], air, values[5:]], settings)
    assert (low, high) == pytest.approx((59.9, 139.1))


def test_window_is_as_given():
    settings = ImageSettings(intensities="window", window=(-100.0, 300.0))
    assert levels([np.zeros((2, 2))], settings) == (-100, 300)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"lower_percentile": 60, "upper_percentile": 40}, "expected 0 <= lower < upp"),
        ({"image_size": 4}, "--image_size=4: expected 8 pixels at least, or 0"),
        ({"intensities": "window"}, "expected --window=low,high with --intensities=wi"),
        ({"window": (1.0, 2.0)}, "--intensities=percentiles --window=1.0,2.0: expect"),
        ({"intensities": "window", "window": (2.0, 1.0)}, "--window=2.0,1.0: expected"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        ImageSettings(**settings)


def test_16_bits_are_not_taken_as_they_are(tmp_path):
    settings = ImageSettings(intensities="as_is")
    image = np.array([[7, 4000]], np.uint16)
    path = str(image_folder.write(tmp_path / "a.png", image))
    with pytest.raises(UserError, match="a.png: uint16 values from 7 to 4000; expecte"):
        settings.read(path)
    np.testing.assert_array_equal(ImageSettings().read(path), image)


def test_other_versions_of_an_image_are_found_and_others_are_not():
    size = (128, 120)
    images = [image_folder.pattern(seed, size) for seed in range(12)]
    first = images[0]
    images += [
        cv2.resize(first, (90, 96), interpolation=cv2.INTER_AREA),
        cv2.imdecode(cv2.imencode(".jpg", first, [1, 60])[1], cv2.IMREAD_UNCHANGED),
        (255 * (first / 255.0) ** 0.8).astype(np.uint8),
    ]
    prints = [fingerprint(image, 0, image.max()) for image in images]
    pairs = {pair[:2] for pair in similar_pairs(prints, 0.93)}
    same = [0, 12, 13, 14]
    assert pairs == {(i, j) for i in same for j in same if i < j}
