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

from dataset import frame
from dataset.errors import UserError
from dataset.images import check_percentiles
from dataset.volume_files import read_file
from dataset.volume_rules import DEFAULT_RULES

MASK_CODES = (0, 1, 2, 3, 4)  # of all releases together
CODE_TOLERANCE = 1e-3  # 4 codes in 16 bits are stored to 1e-4.


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
        highest = int(frame.FRAME[2]) - 1
        if not 0 <= self.first_slice <= self.last_slice <= highest:
            raise UserError(
                f"--first_slice={self.first_slice} --last_slice={self.last_slice}:"
                f" expected 0 <= first <= last <= {highest}."
            )
        check_percentiles(self.lower_percentile, self.upper_percentile)
        if not 8 <= self.image_size <= frame.FRAME[0]:
            raise UserError(
                f"--image_size={self.image_size}: expected 8 to {frame.FRAME[0]}"
                " pixels."
            )


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
            f" needs {height} mm."
        )
    percentiles = (settings.lower_percentile, settings.upper_percentile)
    low, high = np.percentile(volume.image[volume.brain], percentiles)
    if np.isclose(low, high, rtol=1e-5, atol=0):
        raise UserError(
            f"{volume.path}: no contrast, percentiles {percentiles[0]:g} and"
            f" {percentiles[1]:g} of the brain are {low:g} and {high:g}; expected a"
            " difference."
        )
    scaled = np.clip((volume.image[numbers] - low) / (high - low), 0, 1) * 255
    scaled[~volume.brain[numbers]] = 0
    size = (settings.image_size, settings.image_size)
    images = [cv2.resize(s, size, interpolation=cv2.INTER_AREA) for s in scaled]
    return np.round(np.reshape(images, (-1, *size))).astype(np.uint8)


def read_volume(path, mask_path=None, rules=DEFAULT_RULES):
    """Reads a volume and its mask, and brings both into the frame of BraTS.

    Orientation, spacing and tilt are taken from the header; voxels are resampled only
    where they have to be, and placed as `frame.frame_origin` says.

    Args:
      path: `.nii`, `.nii.gz` or `.mha`, 3-D, or 4-D as in the Decathlon's Task01.
      mask_path: the same for label codes, or None.
      rules: `VolumeRules`.

    Returns:
      A `Volume`.

    Raises:
      UserError: names the file, what was seen and what is expected.
    """
    source = read_file(path, rules)
    image = sitk.DICOMOrient(source, "LPS")
    background, brain = frame.find_brain(path, image)
    contrast = np.abs(sitk.GetArrayViewFromImage(image) - background)
    rules.check_brain(path, contrast, image.GetSpacing())
    mask = None
    if mask_path is not None:
        if rules.bare_header == "refuse":  # Its place has to be the volume's.
            rules = dataclasses.replace(rules, bare_header="as_is")
        mask = read_file(mask_path, rules, nan=0.0)
        mask = _whole_codes(sitk.DICOMOrient(mask, "LPS"))
        _check_mask(mask_path, mask, path, image)
    origin = frame.frame_origin(image, brain)
    share = sitk.GetImageFromArray(brain.astype(np.float32))
    share.CopyInformation(image)
    share = frame.to_frame(share, origin, 0)
    inside = share >= 0.5
    voxels = frame.to_frame(image, origin, background)
    # Where a resampled voxel is partly background, that part does not darken it.
    voxels = background + (voxels - background) / np.maximum(share, 0.5)
    voxels[~inside] = background
    if mask is not None:
        mask = frame.to_frame(mask, origin, 0, sitk.sitkNearestNeighbor)
    return Volume(
        path=os.fspath(path),
        image=voxels,
        brain=inside,
        mask=None if mask is None else mask.astype(np.uint8),
        height=round(image.GetSize()[2] * image.GetSpacing()[2], 3),
        file_slices=frame.file_slices(source, origin),
    )


def _whole_codes(mask):
    """The mask with codes such as 1.00002 rounded: rescaling to int16 leaves them."""
    voxels = sitk.GetArrayViewFromImage(mask)
    whole = np.rint(voxels)
    if np.array_equal(voxels, whole):
        return mask
    if (np.abs(voxels - whole) <= CODE_TOLERANCE).all():
        rounded = sitk.GetImageFromArray(whole)
        rounded.CopyInformation(mask)
        return rounded
    return mask


def _check_mask(mask_path, mask, path, image):
    if mask.GetSize() != image.GetSize():
        raise UserError(
            f"{mask_path}: mask of {_sizes(mask)} voxels, expected {_sizes(image)} as"
            f" in {path}."
        )
    distance = np.abs(frame.corners(mask) - frame.corners(image)).max()
    if distance > 0.1:
        raise UserError(
            f"{mask_path}: its affine puts voxels {distance:.3g} mm from those of"
            f" {path}; expected the same place, to 0.1 mm."
        )
    voxels = sitk.GetArrayViewFromImage(mask)
    codes = np.unique(voxels[voxels != 0])
    unknown = [f"{code:g}" for code in codes if code not in MASK_CODES]
    if unknown:
        raise UserError(
            f"{mask_path}: unknown label codes {', '.join(unknown[:5])}; expected"
            f" {', '.join(map(str, MASK_CODES))} only."
        )


def _sizes(image):
    return " x ".join(map(str, image.GetSize()))
