"""Volumes of any header give the slices of their canonical form."""

import heads
import numpy as np
import pytest

from dataset import volumes
from dataset.errors import UserError
from dataset.volumes import SliceSettings, read_volume, slice_images

NUMBERS = np.arange(30, 131, 5)


def slices_of(path, **settings):
    return slice_images(read_volume(path), NUMBERS, SliceSettings(**settings))


@pytest.fixture(scope="module")
def canonical():
    return heads.sample(heads.FRAME, heads.FRAME_SHAPE)


@pytest.fixture(scope="module")
def expected(canonical, tmp_path_factory):
    path = tmp_path_factory.mktemp("canonical") / "head.nii"
    return slices_of(heads.write(path, canonical[0], heads.FRAME))


def reoriented(voxels, matrix, order, flips):
    """The same head with its axes in another order and some of them reversed."""
    matrix = matrix[:, [*order, 3]].copy()
    voxels = voxels.transpose(order)
    for axis in flips:
        matrix[:3, 3] += matrix[:3, axis] * (voxels.shape[axis] - 1)
        matrix[:3, axis] *= -1
        voxels = np.flip(voxels, axis)
    return voxels, matrix


def cut(voxels, matrix, low, high):
    """A part of the voxels, or more than them, at the place where they are."""
    size = np.array(voxels.shape)
    inner = tuple(slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, size))
    pads = [(max(-a, 0), max(b - n, 0)) for a, b, n in zip(low, high, size)]
    matrix = matrix.copy()
    matrix[:3, 3] += matrix[:3, :3] @ np.array(low)
    return np.pad(voxels[inner], pads), matrix


def test_slices_look_as_radiologists_show_them(canonical, expected):
    # The head is brighter to the left, the back and the top: right, bottom, later.
    image = canonical[0].transpose(2, 1, 0)[NUMBERS]
    inside = image > 0
    low, high = np.percentile(canonical[0][canonical[0] > 0], (0.5, 99.5))
    expected = np.clip((image - low) / (high - low), 0, 1) * 255
    np.testing.assert_array_equal(expected[~inside], 0)
    np.testing.assert_allclose(expected[inside], expected[inside], atol=0.51)
    middle = expected[10]
    assert middle[:120].sum() < middle[120:].sum()
    assert middle[:, :120].sum() < middle[:, 120:].sum()
    assert expected[4].sum() < expected[-7].sum()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize(
    "order, flips",
    [
        ((0, 1, 2), (0, 1)),  # RAS
        ((0, 1, 2), (2,)),  # LPI: upside down
        ((1, 2, 0), (0,)),  # sagittal slices
        ((0, 2, 1), (1, 2)),  # coronal slices
    ],
)
def test_rotated_axes_give_the_same_slices(
    canonical, expected, tmp_path, order, flips, suffix
):
    turned = reoriented(canonical[0], heads.FRAME, order, flips)
    path = heads.write(tmp_path / f"head{suffix}", *turned)
    np.testing.assert_array_equal(slices_of(path), expected)


@pytest.mark.parametrize(
    "low, high",
    [
        ((40, 30, 5), (200, 220, 150)),  # cut to the head, as in 2012
        ((-8, -8, -10), (248, 248, 160)),  # a larger field of view
        ((50, -20, 0), (256, 210, 155)),  # both, not symmetric
    ],
)
def test_other_sizes_give_the_same_slices(canonical, expected, tmp_path, low, high):
    voxels, matrix = cut(canonical[0], heads.FRAME, low, high)
    path = heads.write(tmp_path / "head.mha", voxels, matrix)
    np.testing.assert_array_equal(slices_of(path), expected)


def test_other_size_at_an_unknown_place_is_centred(canonical, expected, tmp_path):
    voxels, matrix = cut(canonical[0], heads.FRAME, (40, 30, 7), (200, 210, 148))
    matrix[:3, 3] = (-33.25, 71.5, -12.75)  # a scanner's, not BraTS's
    path = heads.write(tmp_path / "head.mha", voxels, matrix)
    np.testing.assert_array_equal(slices_of(path), expected)


def test_brain_is_centred_where_the_volume_would_cut_it(canonical, expected, tmp_path):
    voxels, matrix = cut(canonical[0], heads.FRAME, (-150, 0, -60), (240, 240, 155))
    matrix[:3, 3] = (-33.25, 71.5, -12.75)
    path = heads.write(tmp_path / "head.mha", voxels, matrix)
    np.testing.assert_array_equal(slices_of(path), expected)


@pytest.mark.parametrize("spacing", [(1, 1, 3), (2, 1.5, 1), (0.6, 0.6, 2)], ids=str)
def test_anisotropic_voxels_give_the_same_slices(
    canonical, expected, tmp_path, spacing
):
    check_alike(tmp_path, canonical, expected, np.diag([*spacing, 1.0]))


def test_tilted_volume_gives_the_same_slices(canonical, expected, tmp_path):
    angle = np.deg2rad(8)
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    check_alike(tmp_path, canonical, expected, matrix)


def check_alike(tmp_path, canonical, expected, matrix):
    """Samples the head itself on another grid: close, but for blur at edges."""
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    shape = np.ceil((2 * heads.RADII + 26) / spacing).astype(int)
    middle = matrix[:3, :3] @ ((shape - 1) / 2)
    matrix[:3, 3] = heads.CENTRE - middle
    image, mask = heads.sample(matrix, tuple(shape))
    path = heads.write(tmp_path / "head.nii", image, matrix)
    mask_path = heads.write(tmp_path / "mask.nii", mask, matrix)
    volume = read_volume(path, mask_path)
    difference = slice_images(volume, NUMBERS, SliceSettings()) - expected.astype(float)
    brain = expected > 0
    median, most = np.percentile(np.abs(difference[brain]), (50, 99))
    assert median <= 1 and most <= 12
    assert ((volume.image > 0)[NUMBERS] ^ brain).sum() < 0.03 * brain.sum()
    expected = canonical[1].T > 0
    assert ((volume.mask > 0) ^ expected).sum() < 0.1 * expected.sum()


def test_detail_below_a_millimetre_does_not_alias(tmp_path):
    matrix = np.diag([0.5, 1.0, 1.0, 1.0])
    matrix[:3, 3] = (60, -179, 20)
    image, _ = heads.sample(matrix, (240, 120, 110), tumor=None)
    stripes = np.where(image > 0, 1000 + 400 * (np.indices(image.shape)[0] % 2), 0)
    path = heads.write(tmp_path / "stripes.nii", stripes.astype(np.int16), matrix)
    volume = read_volume(path)
    # Every second voxel would be all of one kind: 200 from the mean.
    assert np.abs(volume.image[volume.brain] - 1200).mean() < 80


def test_four_channels_give_the_one_with_contrast(tmp_path):
    image, _ = heads.sample()
    channels = np.stack([image * 0 + 7, image[::-1], image, image // 3], axis=-1)
    whole = slices_of(heads.write(tmp_path / "4d.nii.gz", channels))
    np.testing.assert_array_equal(
        whole, slices_of(heads.write(tmp_path / "3d.nii", image))
    )


def test_background_and_scale_of_intensities_do_not_matter(tmp_path):
    image, _ = heads.sample()
    expected = slices_of(heads.write(tmp_path / "head.nii", image))
    other = (image / 1000 - 3).astype(np.float32)
    np.testing.assert_allclose(
        slices_of(heads.write(tmp_path / "other.nii", other)), expected, atol=1
    )


def test_small_images_are_means_of_areas(expected, canonical, tmp_path):
    path = heads.write(tmp_path / "head.nii", canonical[0], heads.FRAME)
    means = expected.reshape(-1, 60, 4, 60, 4).mean((2, 4))
    np.testing.assert_allclose(slices_of(path, image_size=60), means, atol=1)


def test_percentiles_become_black_and_white(expected, tmp_path, canonical):
    path = heads.write(tmp_path / "head.nii", canonical[0], heads.FRAME)
    wide = slices_of(path, lower_percentile=0, upper_percentile=100)
    assert wide.max() < 255  # The brightest voxel is in a slice that was left out,
    assert (expected == 255).sum() > 100  # but half a percent of the brain is white.


def test_slices_of_the_file_are_told_by_its_own_numbers(canonical, tmp_path):
    turned = reoriented(canonical[0], heads.FRAME, (2, 0, 1), (0,))
    volume = read_volume(heads.write(tmp_path / "head.nii", *turned))
    np.testing.assert_array_equal(volume.file_slices, np.arange(155)[::-1])
    assert volume.height == 155
    coarse = read_volume(heads.write(tmp_path / "coarse.nii", heads.sample()[0]))
    assert coarse.file_slices[77] == 15
    assert coarse.file_slices[[0, 154]].tolist() == [0, 30]


def test_mask_of_another_orientation_is_turned_too(tmp_path):
    image, mask = heads.sample()
    path = heads.write(tmp_path / "head.nii", image)
    expected = read_volume(path, heads.write(tmp_path / "mask.nii", mask)).mask
    turned = reoriented(mask, heads.COARSE, (2, 0, 1), (0, 1))
    turned_path = heads.write(tmp_path / "turned.mha", *turned)
    np.testing.assert_array_equal(read_volume(path, turned_path).mask, expected)
    assert set(np.unique(expected)) == {0, 1, 2, 4}


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"first_slice": 80, "last_slice": 60}, "--first_slice=80 --last_slice=60"),
        ({"last_slice": 155}, "<= 154"),
        ({"lower_percentile": 60, "upper_percentile": 40}, "--lower_percentile=60"),
        ({"image_size": 256}, "--image_size=256: expected 8 to 240"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        volumes.SliceSettings(**settings)
