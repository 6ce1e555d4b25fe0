"""Brings a brain volume of any of the BraTS releases into one frame, and slices it.

The frame is that of BraTS since 2013: 155 axial slices of 240 x 240 pixels of 1 mm,
slice 0 lowest, row 0 anterior, column 0 at the patient's right, so that a slice looks
as radiologists show it. What a detector is trained on and what it is given later go
through the same functions, `read_volume` and `slice_images`.
"""

import dataclasses
import os

import cv2
import numpy as np
import SimpleITK as sitk

from dataset.shards import UserError
from dataset.volume_files import read_file

FRAME = np.array([240, 240, 155])  # columns, rows, slices: ITK's order of axes
# Where the NIfTI releases of BraTS (2017 on) place the frame's first voxel: mm, LPS+.
FRAME_ORIGIN = np.array([0.0, -239.0, 0.0])
MASK_CODES = (0, 1, 2, 3, 4)  # of all releases together
MIN_BACKGROUND = 0.1  # of all voxels; a head that still has its skull has none


@dataclasses.dataclass(frozen=True)
class Volume:
    """A skull-stripped volume in the frame.

    Attributes:
      path: file that it was read from.
      image: float32 [155, 240, 240], intensities as in the file.
      brain: bool [155, 240, 240], what differs from the constant background.
      mask: uint8 [155, 240, 240] of label codes, or None.
      height: millimetres from the bottom of the file's lowest slice to the top of its
        highest.
      file_slices: int [155], for each slice of the frame the nearest slice of the file,
        counted along the file's own axis.
    """

    path: str
    image: np.ndarray
    brain: np.ndarray
    mask: np.ndarray | None
    height: float
    file_slices: np.ndarray


@dataclasses.dataclass(frozen=True)
class SliceSettings:
    """How slices are taken from a volume; flags of the same names explain each."""

    image_size: int = 240
    first_slice: int = 30
    last_slice: int = 130
    lower_percentile: float = 0.5
    upper_percentile: float = 99.5

    def __post_init__(self):
        highest = int(FRAME[2]) - 1
        if not 0 <= self.first_slice <= self.last_slice <= highest:
            raise UserError(
                f"--first_slice={self.first_slice} --last_slice={self.last_slice}:"
                f" wanted 0 <= first <= last <= {highest}."
            )
        if not 0 <= self.lower_percentile < self.upper_percentile <= 100:
            raise UserError(
                f"--lower_percentile={self.lower_percentile}"
                f" --upper_percentile={self.upper_percentile}:"
                " wanted 0 <= lower < upper <= 100."
            )
        if not 8 <= self.image_size <= FRAME[0]:
            raise UserError(
                f"--image_size={self.image_size}: wanted 8 to {FRAME[0]} pixels."
            )


def read_slices(path, settings, min_brain_area=0):
    """The slices of one volume, as `dataset.prepare` puts them into shards.

    Args:
      path: a skull-stripped T1c volume, `.nii`, `.nii.gz` or `.mha`.
      settings: `SliceSettings`.
      min_brain_area: mm2; slices with less brain are left out.

    Returns:
      uint8 [slices, image_size, image_size]; int [slices], their numbers in the frame;
      int [slices], the numbers of the file's own slices that they come from.

    Raises:
      UserError: the volume cannot be read or used.
    """
    volume = read_volume(path)
    numbers = np.arange(settings.first_slice, settings.last_slice + 1)
    numbers = numbers[volume.brain[numbers].sum((1, 2)) >= min_brain_area]
    images = slice_images(volume, numbers, settings)
    return images, numbers, volume.file_slices[numbers]


def slice_images(volume, numbers, settings):
    """Slices of a `Volume`, normalised and resized.

    Percentiles of the intensities in the whole brain become 0 and 255, the background
    0. Images smaller than 240 pixels are area averages of the 240 mm square.

    Args:
      volume: a `Volume`.
      numbers: int [slices], which slices of the frame.
      settings: `SliceSettings`.

    Returns:
      uint8 [slices, image_size, image_size].

    Raises:
      UserError: the volume is lower than the slices asked for, or has no contrast.
    """
    height = settings.last_slice - settings.first_slice + 1
    if volume.height < height:
        raise UserError(
            f"{volume.path}: too few slices, {volume.height:g} mm in all;"
            f" --first_slice={settings.first_slice} --last_slice={settings.last_slice}"
            f" wants {height} mm."
        )
    percentiles = (settings.lower_percentile, settings.upper_percentile)
    low, high = np.percentile(volume.image[volume.brain], percentiles)
    if low == high:
        raise UserError(
            f"{volume.path}: no contrast, percentiles {percentiles[0]:g} and"
            f" {percentiles[1]:g} of the brain are both {low:g}; wanted low < high."
        )
    scaled = np.clip((volume.image[numbers] - low) / (high - low), 0, 1) * 255
    scaled[~volume.brain[numbers]] = 0
    size = (settings.image_size, settings.image_size)
    images = [cv2.resize(s, size, interpolation=cv2.INTER_AREA) for s in scaled]
    return np.round(np.reshape(images, (-1, *size))).astype(np.uint8)


def read_volume(path, mask_path=None):
    """Reads a volume and its mask, and brings both into the frame.

    Orientation, spacing and tilt are taken from the header. A volume of 240 x 240 x 155
    voxels of 1 mm keeps its voxels. Any other is resampled to 1 mm where it has to be,
    and placed as its header says if that puts the brain inside the frame of the NIfTI
    releases; otherwise each axis is centred, by the volume, or by the brain where the
    brain would be cut.

    Args:
      path: `.nii`, `.nii.gz` or `.mha`, 3-D, or 4-D as in the Decathlon's Task01.
      mask_path: the same for label codes, or None.

    Returns:
      A `Volume`.

    Raises:
      UserError: names the file, what was seen and what is wanted.
    """
    source = read_file(path)
    image = sitk.DICOMOrient(source, "LPS")
    background, brain = _find_brain(path, image)
    mask = None
    if mask_path is not None:
        mask = sitk.DICOMOrient(read_file(mask_path), "LPS")
        _check_mask(mask_path, mask, path, image)
    origin = _frame_origin(image, brain)
    in_brain = sitk.GetImageFromArray(brain.astype(np.float32))
    in_brain.CopyInformation(image)
    in_brain = _to_frame(_smooth(in_brain), origin, 0) >= 0.5
    in_frame = _to_frame(_smooth(image), origin, background)
    in_frame[~in_brain] = background
    if mask is not None:
        mask = _to_frame(mask, origin, 0, sitk.sitkNearestNeighbor).astype(np.uint8)
    return Volume(
        path=os.fspath(path),
        image=in_frame,
        brain=in_brain,
        mask=mask,
        height=round(image.GetSize()[2] * image.GetSpacing()[2], 3),
        file_slices=_file_slices(source, origin),
    )


def _find_brain(path, image):
    """The background's value and the brain, bool [slices, rows, columns].

    The background is the commonest value of the volume's faces: 0 in BraTS, another
    constant where intensities were standardised before.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    faces = [voxels[i] for i in (0, -1)]
    faces += [voxels[:, i] for i in (0, -1)] + [voxels[:, :, i] for i in (0, -1)]
    values, counts = np.unique(
        np.concatenate([f.ravel() for f in faces]), return_counts=True
    )
    background = float(values[counts.argmax()])
    brain = voxels != background
    share = 1 - brain.mean()
    if share == 1:
        raise UserError(f"{path}: every voxel is {background:g}, wanted a brain.")
    if share < MIN_BACKGROUND:
        raise UserError(
            f"{path}: {share:.1%} of the voxels have the background's value"
            f" {background:g}, wanted {MIN_BACKGROUND:.0%} at least: a skull-stripped"
            " volume."
        )
    return background, brain


def _check_mask(mask_path, mask, path, image):
    if mask.GetSize() != image.GetSize():
        raise UserError(
            f"{mask_path}: mask of {_sizes(mask)} voxels, wanted {_sizes(image)} as in"
            f" {path}."
        )
    distance = np.abs(_corners(mask) - _corners(image)).max()
    if distance > 0.1:
        raise UserError(
            f"{mask_path}: its affine puts voxels {distance:.3g} mm from those of"
            f" {path}; wanted the same place, to 0.1 mm."
        )
    codes = np.unique(sitk.GetArrayViewFromImage(mask))
    unknown = [f"{code:g}" for code in codes if code not in MASK_CODES]
    if unknown:
        raise UserError(
            f"{mask_path}: unknown label codes {', '.join(unknown[:5])}; wanted"
            f" {', '.join(map(str, MASK_CODES))} only."
        )


def _sizes(image):
    return " x ".join(map(str, image.GetSize()))


def _corners(image, low=(0, 0, 0), high=None):
    """Places of the corner voxels' centres, mm [8, 3]."""
    high = high or [n - 1 for n in image.GetSize()]
    indices = np.array(np.meshgrid(*zip(low, high))).reshape(3, -1).T
    return np.array(
        [
            image.TransformContinuousIndexToPhysicalPoint(i.tolist())
            for i in indices * 1.0
        ]
    )


def _is_aligned(image):
    """Whether the axes are not tilted and the voxels are of 1 mm."""
    matrix = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    return np.allclose(matrix, np.eye(3), atol=1e-3)


def _frame_origin(image, brain):
    """Where the frame's first voxel lies, mm [3]."""
    corners = _corners(image)
    first, last = corners.min(0), corners.max(0)
    if _is_aligned(image) and (np.array(image.GetSize()) == FRAME).all():
        return first
    inside = [np.flatnonzero(brain.any(axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    box = _corners(image, [i[0] for i in inside], [i[-1] for i in inside])
    box_first, box_last = box.min(0), box.max(0)
    extent = FRAME - 1
    # Whole millimetres from the first voxel, so that voxels of 1 mm are not resampled.
    by_header = FRAME_ORIGIN
    if (box_first >= by_header).all() and (box_last <= by_header + extent).all():
        return by_header
    by_volume = first + np.round((last - first - extent) / 2)
    by_brain = first + np.round((box_first + box_last - extent) / 2 - first)
    cut = (box_first < by_volume) | (box_last > by_volume + extent)
    return np.where(cut, by_brain, by_volume)


def _smooth(image):
    """Widens voxels smaller than 1 mm to it, so that resampling does not alias."""
    variances = [max(0.0, (1 - s**2) / 12) for s in image.GetSpacing()]
    if max(variances) < 1e-3:
        return image
    return sitk.DiscreteGaussian(image, variances, 32, 0.01, True)


def _to_frame(image, origin, background, interpolator=sitk.sitkLinear):
    """Resamples to the frame: float32 [155, 240, 240]."""
    identity = np.eye(3).ravel().tolist()
    frame = sitk.Resample(
        image,
        FRAME.tolist(),
        sitk.Transform(),
        interpolator,
        origin.tolist(),
        [1.0, 1.0, 1.0],
        identity,
        background,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(frame)


def _file_slices(source, origin):
    """For each slice of the frame the file's own nearest slice, int [155]."""
    middle = origin + np.array([119.5, 119.5, 0])
    indices = np.array(
        [
            source.TransformPhysicalPointToContinuousIndex(
                (middle + [0, 0, z]).tolist()
            )
            for z in range(FRAME[2])
        ]
    )
    moved = np.abs(indices[-1] - indices[0]) * source.GetSpacing()
    axis = int(moved.argmax())
    highest = source.GetSize()[axis] - 1
    return np.clip(np.round(indices[:, axis]), 0, highest).astype(int)
