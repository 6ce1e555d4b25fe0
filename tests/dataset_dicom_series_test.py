"""A DICOM series is one volume, wherever its slices lie; what is none is refused."""

import locale
import shutil

import heads
import numpy as np
import pytest
import SimpleITK as sitk
from refusals import refused

from dataset.dicom_series import read_series
from dataset.volumes import read_volume

TAGS = {
    "series": "0020|000e",
    "description": "0008|103e",
    "position": "0020|0032",
    "axes": "0020|0037",
    "number": "0020|0013",
}


def write_series(folder, image, *, reverse=False, **tags):
    """Writes a `sitk.Image` as a scanner would, a file for each slice."""
    folder.mkdir(parents=True, exist_ok=True)
    matrix = np.reshape(image.GetDirection(), (3, 3))
    axes = "\\".join(f"{value:.8g}" for value in matrix[:, :2].T.ravel())
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    paths = []
    for z in range(image.GetDepth()):
        place = image.TransformIndexToPhysicalPoint((0, 0, z))
        position = "\\".join(f"{value:.8g}" for value in place)
        own = {"series": "1.2.3", "position": position, "axes": axes, **tags}
        # Neither names nor numbers tell the order.
        own["number"] = str(image.GetDepth() - z if reverse else z)
        part = sitk.Cast(image[:, :, z], sitk.sitkInt16)
        part.SetMetaData("0008|0060", "MR")
        for name, value in own.items():
            part.SetMetaData(TAGS[name], value)
        number = image.GetDepth() - z if reverse else z
        paths.append(folder / f"IM{number:04d}")
        writer.SetImageIO("GDCMImageIO")
        writer.SetFileName(str(paths[-1]) + ".dcm")
        known = locale.setlocale(locale.LC_ALL)
        writer.Execute(part)
        # GDCM writes in the locale C, without UTF-8, and stays there.
        locale.setlocale(locale.LC_ALL, known)
        paths[-1] = paths[-1].with_suffix(".dcm").rename(paths[-1])  # No suffix.
    return paths


@pytest.fixture
def head():
    """A head of 5 mm as a `sitk.Image`."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(heads.sample()[0].T))
    image.SetSpacing((5.0, 5.0, 5.0))
    image.SetOrigin(heads.COARSE[:3, 3].tolist())
    return image


@pytest.mark.parametrize("axes", ["LPS", "PIR", "RAI"])  # PIR: sagittal slices.
@pytest.mark.parametrize("reverse", [False, True])
def test_series_is_the_volume_in_any_order_and_direction(tmp_path, head, axes, reverse):
    turned = sitk.DICOMOrient(head, axes)
    turned = turned[:, :, ::2]  # The slices' distance is not the pixels'.
    write_series(tmp_path / "series/1", turned, reverse=reverse)
    (tmp_path / "series/DICOMDIR.txt").write_text("no DICOM")
    heads.check_alike(read_series(tmp_path / "series"), turned)


def test_series_gives_the_slices_of_the_nifti_file(tmp_path, head):
    write_series(tmp_path / "series", sitk.DICOMOrient(head, "PIR"))
    path = heads.write(tmp_path / "head.nii", heads.sample()[0])
    series, file = read_volume(tmp_path / "series"), read_volume(path)
    np.testing.assert_allclose(series.image, file.image, atol=0.02)
    np.testing.assert_array_equal(series.brain, file.brain)


def test_several_series_are_told_by_their_descriptions(tmp_path, head):
    write_series(tmp_path / "a", head[:, :, :3], description="t1 mprage +C")
    write_series(tmp_path / "b", head[:, :, :4], description="FLAIR", series="1.2.4")
    with refused(tmp_path, "2 DICOM series", "t1 mprage +C (3 files, a/", "FLAIR (4"):
        read_series(tmp_path)


def test_list_of_the_files_beside_them_is_no_slice(tmp_path, head):
    paths = write_series(tmp_path, head[:, :, :5])
    (tmp_path / "DICOMDIR").write_bytes(paths[0].read_bytes()[:200])
    assert read_series(tmp_path).GetDepth() == 5


def test_missing_slice_is_told_with_its_neighbours(tmp_path, head):
    paths = write_series(tmp_path, head)
    paths[7].unlink()
    with refused(tmp_path, "IM0006 and IM0008", "10 mm", "5 mm elsewhere", "missing"):
        read_series(tmp_path)


def test_slice_that_is_there_twice_is_told(tmp_path, head):
    paths = write_series(tmp_path, head[:, :, :5])
    shutil.copy(paths[2], tmp_path / "again")
    with refused(tmp_path, "IM0002", "again", "same place"):
        read_series(tmp_path)


def test_slices_that_are_not_above_each_other_are_told(tmp_path, head):
    write_series(tmp_path / "a", head[:, :, :2])
    head.SetOrigin((12.0, -237.0, 2.0))
    for path in write_series(tmp_path / "b", head[:, :, :4])[2:]:
        shutil.move(path, tmp_path / "a" / path.name)
    with refused("IM0001 and IM0002 are 10 mm aside"):
        read_series(tmp_path / "a")


def test_localizers_are_no_volume(tmp_path, head):
    write_series(tmp_path, head[:, :, :2])
    (path, *_) = write_series(tmp_path / "x", sitk.DICOMOrient(head, "PIR")[:, :, :1])
    with refused(path, "direction", "localizer"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    "old, new, part",
    [  # The tags of position and orientation become others.
        (b"\x20\0\x32\0", b"\x20\0\x33\0", "ImagePositionPatient"),
        (b"\x20\0\x37\0", b"\x20\0\x38\0", "ImageOrientationPatient"),
        (b"MONOCHROME2", b"MONOCHROME1", "MONOCHROME1, expected MONOCHROME2"),
    ],
)
def test_headers_that_do_not_tell_enough_are_refused(tmp_path, head, old, new, part):
    (path, _) = write_series(tmp_path, head[:, :, :2])
    assert path.read_bytes().count(old) == 1
    path.write_bytes(path.read_bytes().replace(old, new))
    with refused(path, part):
        read_series(tmp_path)


def test_file_that_is_cut_is_told(tmp_path, head):
    paths = write_series(tmp_path, head[:, :, :3])
    paths[1].write_bytes(paths[1].read_bytes()[:-2000])
    with refused(tmp_path, "damaged"):
        read_series(tmp_path)


def test_folder_without_dicom_names_what_is_in_it(tmp_path):
    (tmp_path / "case_t1ce.nii.gz").write_bytes(b"x")
    with refused(tmp_path, "case_t1ce.nii.gz", "the file of a volume"):
        read_series(tmp_path)
