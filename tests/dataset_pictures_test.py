"""Grids of images."""

import numpy as np
import tensorflow as tf

from dataset import pictures


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


def test_sheet_has_its_images_in_rows_and_is_black_elsewhere():
    images = [np.full([8, 8], level, np.uint8) for level in (50, 100, 150)]
    sheet = pictures.sheet([pictures.fit(image, 16) for image in images], 2, gap=4)
    assert sheet.shape == (36, 36)
    assert (sheet[:16, :16] == 50).all() and (sheet[:16, 20:] == 100).all()
    assert (sheet[20:, :16] == 150).all()
    assert sheet.sum() == 256 * (50 + 100 + 150)
