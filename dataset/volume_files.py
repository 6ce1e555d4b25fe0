"""Reads NIfTI, MetaImage and NRRD files, and DICOM series, with their headers."""

import dataclasses
import os
import zlib

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from dataset.dicom_series import read_series
from dataset.errors import UserError
from dataset.folders import check_file
from dataset.image_files import MAX_VOXELS, check_size
from dataset.volume_rules import DEFAULT_RULES, bare_affine, volume_affine

SUFFIXES = (".nii", ".nii.gz", ".mha", ".nrrd", ".nhdr")
# Of the Medical Segmentation Decathlon's 4-D volumes: FLAIR, T1, T1 with contrast, T2.
T1C_CHANNEL, NUM_CHANNELS = 2, 4
NRRD_SPACE = "left-posterior-superior"
# What ITK says of a field that it cannot read overflows its own memory at about 1,000.
MAX_NRRD_FIELD = 400

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def read_file(path, rules=DEFAULT_RULES, nan=None):
    """A volume in the file's own orientation; of four channels, the T1c one.

    Args:
      path: of the file, or the folder of a DICOM series.
      rules: `VolumeRules`.
      nan: what NaN stands for if `rules` allow it; None for the background's value.

    Returns:
      A float32 `sitk.Image` of three dimensions.

    Raises:
      UserError: names the file, what was seen and what is expected.
    """
    path = os.fspath(path)
    image = read_series(path) if os.path.isdir(path) else _read_file(path, rules)
    voxels = sitk.GetArrayViewFromImage(image)
    num_bad = voxels.size - np.count_nonzero(np.isfinite(voxels))
    if num_bad and rules.nan_is_background:
        image = _fill_nan(image, nan)
        num_bad = np.count_nonzero(np.isinf(sitk.GetArrayViewFromImage(image)))
        if num_bad:
            raise UserError(f"{path}: {num_bad} voxels are infinite, expected none.")
    if num_bad:
        raise UserError(
            f"{path}: {num_bad} voxels are NaN or infinite, expected none. Give"
            " --nan_is_background if NaN stands for what is outside of the brain."
        )
    return image


def _read_file(path, rules):
    check_file(path, "a volume")
    suffix = os.path.splitext(path.lower())[1]
    if not path.lower().endswith(SUFFIXES):
        raise UserError(
            f"{path}: expected a name that ends in {', '.join(SUFFIXES)}, or the folder"
            " of a DICOM series."
        )
    kind, read = READERS.get(suffix, ("a NIfTI", _read_nifti))
    try:
        return read(path, rules)
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
        if suffix in READERS:  # What ITK says ends with "Reason: Success".
            reason = "not all that its header promises can be read"
        raise UserError(
            f"{path}: damaged or of another format ({reason}), expected {kind} file."
        ) from error


def _fill_nan(image, value):
    """The image with `value` for NaN; None: that of most of the faces, or below all."""
    voxels = sitk.GetArrayFromImage(image)
    bad = np.isnan(voxels)
    if value is None and not bad.all():
        faces = [voxels.take(i, axis).ravel() for axis in range(3) for i in (0, -1)]
        finite = np.concatenate(faces)
        values, counts = np.unique(finite[np.isfinite(finite)], return_counts=True)
        if counts.size and counts.max() > counts.sum() / 2:
            value = values[counts.argmax()]
        else:  # The brain touches a face here and there.
            value = voxels[~bad].min() - 1
    voxels[bad] = 0 if value is None else value
    filled = sitk.GetImageFromArray(voxels)
    filled.CopyInformation(image)
    return filled


def _read_metaimage(path, rules):
    return _read_itk(path, "MetaImageIO")[0]


def _read_nrrd(path, rules):
    fields = _nrrd_fields(path)
    image, space = _read_itk(path, "NrrdImageIO")
    # ITK turns RAS and LAS into it, and nothing else; without directions a space tells
    # nothing.
    has_directions = any(f.lower().startswith(b"space directions:") for f in fields)
    if space != NRRD_SPACE or not has_directions:
        affine = bare_affine(path, space or "no space", image.GetSpacing(), rules)
        _place(image, affine)
    return image


def _nrrd_fields(path):
    """An NRRD's header, all before its first empty line, without comments and keys."""
    with open(path, "rb") as file:
        lines = iter(lambda: file.readline().rstrip(b"\r\n"), b"")
        fields = [x for x in lines if not (x.startswith(b"#") or _is_nrrd_key(x))]
    parsed = [x for x in fields if not x.lower().startswith(b"content:")]
    longest = max(parsed, key=len, default=b"")
    if len(longest) > MAX_NRRD_FIELD:
        start = longest[:24].decode(errors="replace")
        raise UserError(
            f"{path}: its header's field {start!r} has {len(longest):,} characters,"
            f" expected {MAX_NRRD_FIELD} at most."
        )
    return fields


def _is_nrrd_key(line):
    """Whether a line is `key:=value`; `field: value` may have `:=` in its value."""
    key, field = line.find(b":="), line.find(b": ")
    return key >= 0 and not 0 <= field < key


def _read_itk(path, kind):
    """A volume as ITK reads it, and the space that NRRD's header names."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(kind)
    reader.SetFileName(path)
    reader.ReadImageInformation()
    check_size(path, reader.GetSize(), MAX_VOXELS)
    channel = _channel(path, reader.GetSize())
    if reader.GetNumberOfComponents() != 1:
        raise UserError(
            f"{path}: {reader.GetNumberOfComponents()} numbers per voxel, expected 1."
        )
    space = "NRRD_space"
    space = reader.GetMetaData(space) if reader.HasMetaDataKey(space) else ""
    image = reader.Execute()
    image = image if channel is None else image[:, :, :, channel]
    return sitk.Cast(image, sitk.sitkFloat32), space


READERS = {
    ".mha": ("a MetaImage", _read_metaimage),
    ".nrrd": ("an NRRD", _read_nrrd),
    ".nhdr": ("an NRRD", _read_nrrd),
}


def _read_nifti(path, rules):
    nifti = nib.load(path)
    shape = nifti.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    check_size(path, shape, MAX_VOXELS)
    channel = _channel(path, shape)
    voxels = nifti.dataobj
    if voxels.dtype.names:
        voxels = _grey(path, np.asarray(voxels))
    if channel is not None:
        voxels = voxels[(slice(None),) * 3 + (channel, ...)]
    voxels = np.asarray(voxels, np.float32).reshape(shape[:3])
    image = sitk.GetImageFromArray(voxels.T)
    if channel is not None and rules.bare_header == "refuse":
        # The Decathlon's volumes of several contrasts have the identity, and mean it.
        rules = dataclasses.replace(rules, bare_header="as_is")
    _place(image, volume_affine(path, nifti, rules))
    return image


def _place(image, affine):
    """Gives an image the place that an affine of NIfTI says."""
    affine = np.diag([-1, -1, 1, 1]) @ affine  # NIfTI: RAS+, ITK: LPS+
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())


def _grey(path, voxels):
    """The one value of colours that are grey, (R, G, B) or (R, G, B, A) per voxel."""
    red, green, blue = (voxels[name] for name in voxels.dtype.names[:3])
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        raise UserError(
            f"{path}: a volume in colours, {', '.join(voxels.dtype.names)} per voxel;"
            " expected one number per voxel, as the scanner gave it."
        )
    return red


def _channel(path, shape):
    """Which channel of a volume to take; None for a volume without channels."""
    if len(shape) == 3:
        return None
    if len(shape) == 4 and shape[3] in (1, NUM_CHANNELS):
        return 0 if shape[3] == 1 else T1C_CHANNEL
    sizes = " x ".join(map(str, shape))
    raise UserError(
        f"{path}: {len(shape)}-D, {sizes}; expected 3-D, or 4-D with {NUM_CHANNELS}"
        " channels."
    )
