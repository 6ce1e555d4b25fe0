"""Reads NIfTI and MetaImage files, as they are, with what their headers say."""

import os
import zlib

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from dataset.errors import UserError
from dataset.folders import check_file

SUFFIXES = (".nii", ".nii.gz", ".mha")
# Of the Medical Segmentation Decathlon's 4-D volumes: FLAIR, T1, T1 with contrast, T2.
T1C_CHANNEL, NUM_CHANNELS = 2, 4

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def read_file(path):
    """A volume in the file's own orientation; of four channels, the T1c one.

    Returns:
      A float32 `sitk.Image` of three dimensions.

    Raises:
      UserError: names the file, what was seen and what is wanted.
    """
    path = os.fspath(path)
    check_file(path, "a volume")
    if not path.lower().endswith(SUFFIXES):
        raise UserError(f"{path}: wanted a name that ends in {' or '.join(SUFFIXES)}.")
    metaimage = path.lower().endswith(".mha")
    wanted, read = "a NIfTI", _read_nifti
    if metaimage:
        wanted, read = "a MetaImage", _read_metaimage
    try:
        image = read(path)
    except (
        nib.filebasedimages.ImageFileError,
        nib.spatialimages.HeaderDataError,
        EOFError,
        MemoryError,  # A damaged header may ask for any size.
        OSError,
        RuntimeError,  # SimpleITK has no other.
        TypeError,
        ValueError,
        zlib.error,
    ) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        if metaimage:  # What ITK says ends with "Reason: Success".
            reason = "not all that its header promises can be read"
        raise UserError(
            f"{path}: damaged or of another format ({reason}), wanted {wanted} file."
        ) from error
    voxels = sitk.GetArrayViewFromImage(image)
    num_bad = voxels.size - np.count_nonzero(np.isfinite(voxels))
    if num_bad:
        raise UserError(f"{path}: {num_bad} voxels are NaN or infinite, wanted none.")
    return image


def _read_metaimage(path):
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(path)
    reader.ReadImageInformation()
    channel = _channel(path, reader.GetSize())
    if reader.GetNumberOfComponents() != 1:
        raise UserError(
            f"{path}: {reader.GetNumberOfComponents()} numbers per voxel, wanted 1."
        )
    image = reader.Execute()
    image = image if channel is None else image[:, :, :, channel]
    return sitk.Cast(image, sitk.sitkFloat32)


def _read_nifti(path):
    nifti = nib.load(path)
    channel = _channel(path, nifti.shape)
    voxels = nifti.dataobj[..., channel] if len(nifti.shape) > 3 else nifti.dataobj
    image = sitk.GetImageFromArray(np.asarray(voxels, np.float32).T)
    affine = np.diag([-1, -1, 1, 1]) @ nifti.affine  # NIfTI: RAS+, ITK: LPS+
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UserError(
            f"{path}: affine {nifti.affine.tolist()}, wanted three independent axes."
        )
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def _channel(path, shape):
    """Which channel of a volume to take; None for a volume without channels."""
    if len(shape) == 3:
        return None
    if len(shape) == 4 and shape[3] in (1, NUM_CHANNELS):
        return 0 if shape[3] == 1 else T1C_CHANNEL
    sizes = " x ".join(map(str, shape))
    raise UserError(
        f"{path}: {len(shape)}-D, {sizes}; wanted 3-D, or 4-D with {NUM_CHANNELS}"
        " channels."
    )
