"""Reads the volume of a DICOM series, a file for each slice.

Where a slice lies is taken from its ImagePositionPatient and ImageOrientationPatient
(https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.7.6.2.html), in
mm LPS+; the files' names and numbers do not matter.
"""

import collections
import dataclasses
import os

import numpy as np
import SimpleITK as sitk

from dataset.errors import UserError
from dataset.image_files import MAX_VOXELS, check_size, is_dicom
from dataset.image_names import list_files

SERIES, DESCRIPTION = "0020|000e", "0008|103e"
POSITION, ORIENTATION, PHOTOMETRIC = "0020|0032", "0020|0037", "0028|0004"
TOLERANCE = 0.1  # mm, and as a share of the slices' distance: headers are rounded.


@dataclasses.dataclass(frozen=True)
class Slice:
    """A file's header.

    Attributes:
      path: of the file.
      series: its series' unique identifier.
      title: what a person calls the series.
      size: columns, rows.
      spacing: of columns and rows, mm [2].
      axes: [3, 3], in its columns the directions of rows, columns and their normal.
      position: of its first pixel, mm LPS+ [3].
    """

    path: str
    series: str
    title: str
    size: tuple
    spacing: tuple
    axes: np.ndarray
    position: np.ndarray

    @property
    def height(self):
        """How far it is along the slices' normal, mm."""
        return float(self.position @ self.axes[:, 2])


def read_series(folder):
    """The one series below a folder, a float32 `sitk.Image` of three dimensions.

    Slices are in the order of their places, the way that the right-hand rule gives.

    Raises:
      UserError: there is no series or several, a slice is missing or twice there, or
        the files cannot be read.
    """
    names = list_files(folder)
    paths = [os.path.join(folder, name) for name in names]
    paths = [path for path in paths if is_dicom(path)]
    if not paths:
        some = ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
        raise UserError(
            f"{folder}: a folder without DICOM files, in it {some or 'nothing'};"
            " expected a DICOM series, or the file of a volume."
        )
    slices = [_read_header(path) for path in paths]
    _check_one_series(folder, slices)
    slices.sort(key=lambda s: s.height)
    spacing = _check_places(folder, slices)
    check_size(folder, (*slices[0].size, len(slices)), MAX_VOXELS)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetOutputPixelType(sitk.sitkFloat32)  # Each file has a scale of its own.
    reader.SetFileNames([s.path for s in slices])
    try:
        image = reader.Execute()
    except RuntimeError as error:  # SimpleITK has no other.
        raise UserError(
            f"{folder}: damaged DICOM, not all that its headers promise can be read."
        ) from error
    first = slices[0]
    image.SetOrigin(first.position.tolist())
    image.SetSpacing([*first.spacing, spacing])
    image.SetDirection(first.axes.ravel().tolist())
    return image


def _read_header(path):
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(path)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise UserError(f"{path}: DICOM without an image, or damaged.") from error

    def tag(key):
        return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""

    frames = int(np.prod(reader.GetSize()[2:]))
    if frames != 1:
        raise UserError(
            f"{path}: {frames} frames, expected a file for each slice; dcm2niix makes a"
            " NIfTI file of it."
        )
    if reader.GetNumberOfComponents() != 1 or tag(PHOTOMETRIC) == "MONOCHROME1":
        raise UserError(f"{path}: {tag(PHOTOMETRIC)}, expected MONOCHROME2.")
    position, orientation = _numbers(tag(POSITION), 3), _numbers(tag(ORIENTATION), 6)
    if position is None or orientation is None:
        raise UserError(
            f"{path}: its header does not tell where the slice is; expected"
            " ImagePositionPatient and ImageOrientationPatient."
        )
    row, column = orientation.reshape(2, 3)
    return Slice(
        path=path,
        series=tag(SERIES),
        title=tag(DESCRIPTION) or "without description",
        size=tuple(reader.GetSize()[:2]),
        spacing=tuple(reader.GetSpacing()[:2]),
        axes=np.stack([row, column, np.cross(row, column)], axis=1),
        position=position,
    )


def _numbers(text, count):
    try:
        numbers = np.array([float(part) for part in text.split("\\")])
    except ValueError:
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _check_one_series(folder, slices):
    of_series = collections.defaultdict(list)
    for s in slices:
        of_series[s.series].append(s)
    if len(of_series) > 1:
        told = "; ".join(
            f"{own[0].title} ({len(own)} files, {os.path.relpath(own[0].path, folder)})"
            for own in of_series.values()
        )
        raise UserError(
            f"{folder}: {len(of_series)} DICOM series: {told}; expected the one of the"
            " skull-stripped T1c volume, in a folder of its own."
        )
    first = slices[0]
    for s in slices:
        alike = s.size == first.size and np.allclose(s.spacing, first.spacing, 1e-3)
        if not alike or np.abs(s.axes - first.axes).max() > 1e-2:
            raise UserError(
                f"{s.path}: of another size or direction than {first.path}; expected"
                " slices that are parallel, as of one volume (a localizer's are not)."
            )


def _check_places(folder, slices):
    """The distance of slices in order, mm, which is the same everywhere.

    Raises:
      UserError: it is not, or slices do not lie above each other.
    """
    if len(slices) < 2:
        raise UserError(f"{folder}: a DICOM series of 1 slice, expected a volume's.")
    steps = np.diff([s.height for s in slices])
    spacing = float(np.median(steps))
    allowed = TOLERANCE * max(spacing, TOLERANCE)
    for step, low, high in zip(steps, slices, slices[1:]):
        names = f"{os.path.basename(low.path)} and {os.path.basename(high.path)}"
        if step < allowed:
            raise UserError(
                f"{folder}: {names} lie at the same place; expected one file for each"
                " slice (a series of several echoes or times is several volumes)."
            )
        if abs(step - spacing) > allowed:
            raise UserError(
                f"{folder}: slices are {step:.4g} mm apart between {names}, and"
                f" {spacing:.4g} mm elsewhere; expected the same everywhere: slices are"
                " missing."
            )
        offset = high.position - low.position - step * low.axes[:, 2]
        if np.linalg.norm(offset) > allowed:
            raise UserError(
                f"{folder}: {names} are {np.linalg.norm(offset):.3g} mm aside from"
                " each other; expected slices straight above each other (a tilted"
                " gantry has others)."
            )
    return spacing
