"""A head without skull, known at every point, to write on any grid in any format."""

import nibabel as nib
import numpy as np
import SimpleITK as sitk

# Index to place, mm LPS: the frame of BraTS, and the same with voxels of 5 mm.
FRAME = np.array([[1.0, 0, 0, 0], [0, 1, 0, -239], [0, 0, 1, 0], [0, 0, 0, 1]])
FRAME_SHAPE = (240, 240, 155)
COARSE = np.array([[5.0, 0, 0, 2], [0, 5, 0, -237], [0, 0, 5, 2], [0, 0, 0, 1]])
COARSE_SHAPE = (48, 48, 31)
CENTRE = np.array([119.5, -119.5, 77])
RADII = np.array([65.0, 80.0, 65.0])


def sample(matrix=COARSE, shape=COARSE_SHAPE, tumor=(95, -140, 80), phase=0.0):
    """The head on a grid.

    Args:
      matrix: [4, 4], index to place in mm LPS.
      shape: of the grid.
      tumor: its centre, mm LPS; None for none.
      phase: heads of different phases are different patients.

    Returns:
      int16 image and uint8 mask of labels 1, 2 and 4, both of `shape`.
    """
    indices = np.indices(shape, np.float32).reshape(3, -1)
    x, y, z = (matrix[:3, :3] @ indices + matrix[:3, 3:]).astype(np.float32)
    distance = sum(((p - c) / r) ** 2 for p, c, r in zip((x, y, z), CENTRE, RADII))
    image = 500 + x + 2 * (y + 239) + 3 * z
    for number, wave in enumerate((x / 9 + y / 30, y / 11 - z / 25, z / 10 + x / 40)):
        image += 150 * np.sin(wave + phase * (number + 1))
    mask = np.zeros(x.shape, np.uint8)
    if tumor is not None:
        reach = sum((p - c) ** 2 for p, c in zip((x, y, z), tumor)) ** 0.5
        for code, radius, level in ((2, 20, -150), (4, 14, 900), (1, 7, -200)):
            mask[reach < radius] = code
            image[reach < radius] += level
    outside = distance > 1
    image[outside] = 0
    mask[outside] = 0
    return image.round().astype(np.int16).reshape(shape), mask.reshape(shape)


def write(path, voxels, matrix=COARSE):
    """Writes voxels as the format that the name of the file asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".mha", ".nrrd", ".nhdr")):
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
        image.SetOrigin(matrix[:3, 3].tolist())
        image.SetSpacing(spacing.tolist())
        image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
        sitk.WriteImage(image, str(path))
    else:
        ras = np.diag([-1, -1, 1, 1]) @ matrix
        nib.save(nib.Nifti1Image(voxels, ras), str(path))
    return path


def write_case(folder, name="case_1", suffix=".nii.gz", **head):
    """Writes a coarse head and its mask in the layout of BraTS 2020 and 2021."""
    image, mask = sample(**head)
    write(folder / name / f"{name}_t1ce{suffix}", image)
    write(folder / name / f"{name}_seg{suffix}", mask)
    return folder / name


def check_alike(found, image):
    """That both have the same values at the same places."""
    found, image = sitk.DICOMOrient(found, "LPS"), sitk.DICOMOrient(image, "LPS")
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image)
    )
    np.testing.assert_allclose(found.GetOrigin(), image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(found.GetSpacing(), image.GetSpacing(), atol=1e-4)
    np.testing.assert_allclose(found.GetDirection(), image.GetDirection(), atol=1e-4)
