"""Grids of images."""

import numpy as np
import tensorflow as tf

from training import pictures


def test_images_stand_in_rows():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None, None]
    images = np.broadcast_to(images, [5, 64, 64, 1])
    grid = pictures.grid(images, columns=3)
    assert grid.shape == (128, 192, 1)
    np.testing.assert_array_equal(grid[::64, ::64, 0], [[1, 2, 3], [4, 5, 0]])


def test_small_images_are_enlarged_by_repetition():
    images = np.array([[[[1], [2]], [[3], [4]]]], np.uint8)
    grid = pictures.grid(images)
    assert grid.shape == (64, 64, 1)
    np.testing.assert_array_equal(grid[::32, ::32, 0], [[1, 2], [3, 4]])
    assert len(np.unique(grid[:32, :32])) == 1


def test_a_picture_is_read_back(tmp_path):
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    pictures.write_png(str(tmp_path / "new" / "picture.png"), image)
    content = (tmp_path / "new" / "picture.png").read_bytes()
    np.testing.assert_array_equal(tf.io.decode_png(content), image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["picture.png"]
