"""Classic augmentation equals Keras' ImageDataGenerator."""

import math

import numpy as np
import pytest

from classifier import classic

try:
    from keras.preprocessing.image import ImageDataGenerator
except ImportError:  # Keras 3 has it still, for those who had it before.
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

RANGES = {
    "rotation": 10.0,
    "shift": 8.0,
    "shear": 8.0,
    "shear_unit": "percent",
    "zoom": 8.0,
}


def some_image(size, seed=0):
    draws = np.random.default_rng(seed)
    return draws.integers(0, 256, [size, size], np.uint8)


@pytest.mark.parametrize("size", [33, 64, 240])
def test_pixels_are_those_of_image_data_generator(size):
    generator = ImageDataGenerator(fill_mode="constant", cval=0.0)
    for n in range(20):
        image = some_image(size, n)
        warp = classic.parameters(7, n, size, **RANGES)
        theirs = generator.apply_transform(image[..., None].astype("float32"), warp)
        expected = np.rint(theirs[..., 0]).astype(np.uint8)
        np.testing.assert_array_equal(classic.transform(image, **warp), expected)


def test_no_transform_is_the_image_itself():
    nothing = {key: 0.0 for key in RANGES} | {"shear_unit": "percent"}
    image = some_image(20)
    warp = classic.parameters(0, 0, 20, **nothing)
    warp |= {"flip_horizontal": False, "flip_vertical": False}
    np.testing.assert_array_equal(classic.transform(image, **warp), image)


def test_shift_of_whole_pixels_fills_with_zero():
    image = some_image(6) | 1
    still = {"theta": 0, "shear": 0, "zx": 1, "zy": 1}
    unflipped = {"flip_horizontal": False, "flip_vertical": False}
    shifted = classic.transform(image, tx=2, ty=-1, **still, **unflipped)
    np.testing.assert_array_equal(shifted[1:, :4], image[:5, 2:])
    assert not shifted[0].any() and not shifted[:, 4:].any()


def test_parameters_fill_their_ranges_and_stay_in_them():
    drawn = [classic.parameters(1, n, 100, **RANGES) for n in range(2000)]
    columns = {key: np.array([warp[key] for warp in drawn]) for key in drawn[0]}
    largest = math.degrees(math.atan(0.08))
    for key, low, high in [
        ("theta", -10, 10),
        ("tx", -8, 8),
        ("ty", -8, 8),
        ("shear", -largest, largest),
        ("zx", 0.92, 1.08),
        ("zy", 0.92, 1.08),
    ]:
        margin = 0.01 * (high - low)
        assert low <= columns[key].min() < low + margin, key
        assert high - margin < columns[key].max() <= high, key
    for key in ("flip_horizontal", "flip_vertical"):
        assert 0.45 < columns[key].mean() < 0.55
    # Each is drawn on its own.
    assert np.abs(np.corrcoef(list(columns.values())) - np.eye(8)).max() < 0.1


def test_shear_in_degrees_is_the_angle_itself():
    in_degrees = RANGES | {"shear_unit": "degrees"}
    percent = classic.parameters(0, 3, 100, **RANGES)["shear"]
    degrees = classic.parameters(0, 3, 100, **in_degrees)["shear"]
    assert math.tan(math.radians(percent)) == pytest.approx(degrees / 100)


def test_parameters_depend_on_seed_and_number():
    first = classic.parameters(0, 5, 100, **RANGES)
    assert first == classic.parameters(0, 5, 100, **RANGES)
    assert first != classic.parameters(0, 6, 100, **RANGES)
    assert first != classic.parameters(1, 5, 100, **RANGES)
