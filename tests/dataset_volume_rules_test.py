"""Headers and brains that cannot be believed are refused, unless one knows better."""

import dataclasses

import heads
import nibabel as nib
import numpy as np
import pytest
from refusals import refused
from scipy import ndimage

from dataset.volume_rules import VolumeRules, volume_affine
from dataset.volumes import read_volume
from flags.dataset import define_volume_rules

RAS = np.diag([-1.0, -1, 1, 1]) @ heads.COARSE


@pytest.fixture(scope="module")
def head():
    return heads.sample()


@pytest.fixture(scope="module")
def expected(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    image, mask = head
    path = heads.write(folder / "head.nii", image)
    return read_volume(path, heads.write(folder / "mask.nii", mask))


def write(path, voxels, sform=None, qform=None, sizes=None, unit=2, meaning=1):
    """A NIfTI file whose header says just that."""
    image = nib.Nifti1Image(voxels, None)
    header = image.header
    if sizes is None and sform is not None:
        sizes = np.linalg.norm(sform[:3, :3], axis=0)
    if sizes is not None:
        header.set_zooms(sizes)
    header.set_qform(qform, 1 if qform is not None else 0)
    if sform is not None:
        header.set_sform(sform, meaning)
    header["sform_code"] = meaning if sform is not None else 0
    header["xyzt_units"] = unit
    nib.save(nib.Nifti1Image(voxels, None, header), path)
    return str(path)


def check(path, expected, **rules):
    """That a volume is read as the good one."""
    volume = read_volume(path, rules=VolumeRules(**rules))
    np.testing.assert_array_equal(volume.brain, expected.brain)
    np.testing.assert_allclose(volume.image, expected.image, atol=0.02)


def test_sform_and_qform_that_contradict_each_other_need_a_choice(
    head, expected, tmp_path
):
    lie = np.diag([-1.0, -1, 1, 1])
    path = write(tmp_path / "head.nii", head[0], sform=lie, qform=RAS)
    with refused(path, "sform and qform", "1 x 1 x 1", "5 x 5 x 5", "--affine=qform"):
        read_volume(path)
    check(path, expected, affine="qform")
    turned = RAS @ np.diag([1.0, -1, 1, 1])
    path = write(tmp_path / "turned.nii", head[0], sform=RAS, qform=turned)
    with refused(path, "LPS", "LAS", "--affine=sform"):
        read_volume(path)
    check(path, expected, affine="sform")


def test_sform_that_contradicts_the_size_of_voxels_needs_a_choice(
    head, expected, tmp_path
):
    path = write(tmp_path / "head.nii", head[0], sform=RAS, sizes=(2.0, 2.0, 2.0))
    with refused(path, "pixdim", "5 x 5 x 5", "2 x 2 x 2", "--affine=sform"):
        read_volume(path)
    check(path, expected, affine="sform")
    # The choice is between two; where there is one, others' headers need none.
    alone = write(tmp_path / "alone.nii", head[0], sform=RAS)
    check(alone, expected, affine="qform")


@pytest.mark.parametrize("meaning, is_lawful", [(1, False), (2, True), (4, True)])
def test_scan_that_was_aligned_may_keep_the_scanners_place(
    meaning, is_lawful, head, tmp_path
):
    """Its sform is of another space: 2, another scan's; 4, MNI's."""
    turn = np.eye(4)
    angle = np.radians(10)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    path = tmp_path / "head.nii"
    write(path, head[0], sform=turn @ RAS, qform=RAS, meaning=meaning)
    if is_lawful:
        assert read_volume(path).brain.any()
    else:
        with refused(path, "sform and qform", "10.0 degrees apart"):
            read_volume(path)


def test_decathlon_means_its_identity(head, tmp_path):
    """Its volumes have four contrasts and, as its masks, the identity for a header."""
    identity = np.diag([5.0, 5, 5, 1])
    contrasts = np.stack([head[0] * (n == 2) for n in range(4)], axis=-1)
    image = write(tmp_path / "image.nii", contrasts, sform=identity, sizes=(5, 5, 5, 1))
    mask = write(tmp_path / "mask.nii", head[1], sform=identity)
    volume = read_volume(image, mask)
    alone = write(tmp_path / "alone.nii", head[0], sform=identity)
    own = read_volume(alone, mask, VolumeRules(bare_header="as_is"))
    np.testing.assert_array_equal(volume.image, own.image)
    np.testing.assert_array_equal(volume.mask, own.mask)


def test_ripples_and_single_voxels_are_no_brain_too_large(head, tmp_path):
    voxels = head[0].astype(np.float32)
    ripples = np.random.default_rng(0).uniform(0.001, 0.02, voxels.shape)
    rippled = np.where(voxels == 0, ripples * voxels.max(), voxels)
    rippled[0], rippled[-1], rippled[:, 0], rippled[:, -1] = 0, 0, 0, 0
    rippled[:, :, 0] = rippled[:, :, -1] = 0
    rippled[1, 1, 1] = rippled[-2, -2, -2] = voxels.max()
    assert read_volume(write(tmp_path / "head.nii", rippled, sform=RAS)).brain.any()


def test_rounded_headers_agree(head, expected, tmp_path):
    near = RAS @ np.diag([1.001, 1, 1, 1])
    path = write(tmp_path / "head.nii", head[0], sform=RAS, qform=near)
    check(path, expected)


@pytest.mark.parametrize("kind", ["identity", "nothing"])
def test_header_that_does_not_tell_what_is_up_needs_a_choice(
    kind, head, expected, tmp_path
):
    sform = np.diag([5.0, 5, 5, 1]) if kind == "identity" else None
    sizes = (5.0, 5.0, 5.0)
    path = write(tmp_path / "head.nii", head[0], sform=sform, sizes=sizes)
    with refused(path, "which way is up", "--bare_header=brats"):
        read_volume(path)
    volume = read_volume(path, rules=VolumeRules(bare_header="brats"))
    # Its place in the frame is another, by less than a voxel: it is no longer told.
    inside = volume.brain & expected.brain
    assert inside.sum() > 0.9 * expected.brain.sum()
    correlation = np.corrcoef(volume.image[inside], expected.image[inside])[0, 1]
    assert correlation > 0.95
    as_is = VolumeRules(bare_header="as_is")
    np.testing.assert_array_equal(
        volume_affine(path, nib.load(path), as_is), np.diag([5.0, 5, 5, 1])
    )
    turned = read_volume(path, rules=as_is).image
    assert np.corrcoef(turned[inside], expected.image[inside])[0, 1] < 0.8


def test_lengths_are_in_the_units_of_the_header(head, expected, tmp_path):
    metres = np.diag([0.001, 0.001, 0.001, 1]) @ RAS
    check(write(tmp_path / "m.nii", head[0], sform=metres, unit=1), expected)
    microns = np.diag([1000.0, 1000, 1000, 1]) @ RAS
    check(write(tmp_path / "um.nii", head[0], sform=microns, unit=3), expected)
    path = write(tmp_path / "lie.nii", head[0], sform=RAS, unit=1)
    with refused(path, "5e+03", "metres", "--units=mm"):
        read_volume(path)
    check(path, expected, units="mm")


def test_head_with_air_of_zero_is_no_brain(tmp_path):
    """The same head 40 % larger all around: 3.9 l."""
    large = np.diag([1.4, 1.4, 1.4, 1]) @ heads.COARSE
    path = str(heads.write(tmp_path / "head.nii", heads.sample()[0], large))
    with refused(path, "--max_brain_volume=2200"):
        read_volume(path)
    with refused(path, "--max_brain_length=215"):
        read_volume(path, rules=VolumeRules(max_brain_volume=5000))
    own = VolumeRules(max_brain_volume=5000, max_brain_length=230)
    assert read_volume(path, rules=own).brain.any()


def test_dark_skull_does_not_part_a_scalp_from_the_brain(head, tmp_path):
    """A brain of 1.4 l within a gap of no signal and a bright scalp of 10 mm."""
    brain = head[0] != 0
    far = ndimage.distance_transform_edt(~brain) * 5
    scalp = (far > 10) & (far <= 20)
    image = np.where(scalp, 1.6 * np.median(head[0][brain]), head[0]).astype(np.int16)
    path = write(tmp_path / "head.nii", image, sform=RAS)
    with refused(path, "--max_brain_volume=2200"):
        read_volume(path)


def test_brain_of_voxels_too_small_is_refused(tmp_path):
    small = np.diag([0.5, 0.5, 0.5, 1]) @ heads.COARSE
    path = str(heads.write(tmp_path / "head.nii", heads.sample()[0], small))
    with refused(path, "2.5 x 2.5 x 2.5", "--min_brain_volume=400"):
        read_volume(path)
    assert read_volume(path, rules=VolumeRules(min_brain_volume=0)).brain.any()


@pytest.mark.parametrize("background", ["all of it", "part of it"])
def test_nan_is_background_when_told(background, head, expected, tmp_path):
    voxels = head[0].astype(np.float32)
    voxels[voxels == 0] = np.nan
    if background == "part of it":
        voxels[:2] = 0
        voxels[-3:] = voxels[:, :3] = voxels[:, :, :3] = 0
    path = write(tmp_path / "head.nii", voxels, sform=RAS)
    with refused(path, "NaN", "--nan_is_background"):
        read_volume(path)
    volume = read_volume(path, rules=VolumeRules(nan_is_background=True))
    np.testing.assert_array_equal(volume.brain, expected.brain)
    inside = expected.brain
    np.testing.assert_allclose(volume.image[inside], expected.image[inside], rtol=1e-3)


def test_nan_in_a_mask_is_no_tumor_when_told(head, expected, tmp_path):
    image = write(tmp_path / "head.nii", head[0], sform=RAS)
    codes = head[1].astype(np.float32)
    codes[head[0] == 0] = np.nan
    mask = write(tmp_path / "mask.nii", codes, sform=RAS)
    volume = read_volume(image, mask, VolumeRules(nan_is_background=True))
    np.testing.assert_array_equal(volume.mask, expected.mask)


def test_infinity_is_never_background(head, tmp_path):
    voxels = head[0].astype(np.float32)
    voxels[3, 3, 3] = np.inf
    path = write(tmp_path / "head.nii", voxels, sform=RAS)
    with refused(path, "1 voxels are infinite"):
        read_volume(path, rules=VolumeRules(nan_is_background=True))


def test_codes_that_rescaling_moved_are_rounded(head, expected, tmp_path):
    path = heads.write(tmp_path / "head.nii", head[0])
    image = nib.Nifti1Image(head[1].astype(np.float32), RAS)
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "mask.nii")
    codes = np.unique(nib.load(tmp_path / "mask.nii").get_fdata())
    assert not np.array_equal(codes, np.rint(codes))
    mask = read_volume(path, tmp_path / "mask.nii").mask
    np.testing.assert_array_equal(mask, expected.mask)
    heads.write(tmp_path / "half.nii", head[1] * np.float32(0.99))
    with refused(tmp_path / "half.nii", "unknown label codes 0.99"):
        read_volume(path, tmp_path / "half.nii")


def test_colours_that_are_grey_are_one_number(head, expected, tmp_path):
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    grey = np.round(head[0] * (255 / head[0].max())).astype(np.uint8)
    rgb = np.stack([grey] * 3, -1).view(kind)[..., 0]
    nib.save(nib.Nifti1Image(rgb, RAS), tmp_path / "grey.nii")
    grey_path = heads.write(tmp_path / "own.nii", grey)
    own = read_volume(grey_path)
    check(tmp_path / "grey.nii", own)
    rgb["G"][20, 20, 10] += 1
    nib.save(nib.Nifti1Image(rgb, RAS), tmp_path / "red.nii")
    with refused(tmp_path / "red.nii", "colours"):
        read_volume(tmp_path / "red.nii")


@pytest.mark.parametrize("axes", [1, 2])
def test_trailing_axes_of_length_one_are_none(axes, head, expected, tmp_path):
    voxels = head[0].reshape(head[0].shape + (1,) * axes)
    image = nib.Nifti1Image(voxels, RAS)
    if axes == 2:
        image.header["dim"] = [5, *head[0].shape, 1, 1, 1, 1]
    nib.save(image, tmp_path / "head.nii")
    check(tmp_path / "head.nii", expected)


def test_folder_is_no_volume(tmp_path):
    with refused(tmp_path, "a folder without DICOM files, in it nothing"):
        read_volume(tmp_path)


def test_flags_and_rules_have_the_same_defaults(flag_defaults):
    rules = dataclasses.asdict(VolumeRules())
    assert flag_defaults(define_volume_rules) == rules
