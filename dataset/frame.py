"""The frame of BraTS, and how a volume of another size, spacing or tilt is brought in.

155 axial slices of 240 x 240 pixels of 1 mm; slice 0 lowest, row 0 anterior, column 0
at the patient's right. Images here are `sitk.Image`s whose axes are, give or take a
tilt, left, posterior and superior (LPS), ITK's own.
"""

import numpy as np
import SimpleITK as sitk

from dataset.errors import UserError

FRAME = np.array([240, 240, 155])  # columns, rows, slices: ITK's order of axes
# Where the NIfTI releases of BraTS (2017 on) place the frame's first voxel: mm, LPS+.
FRAME_ORIGIN = np.array([0.0, -239.0, 0.0])
MIN_BACKGROUND = 0.1  # of all voxels; a head that still has its skull has none


def find_brain(path, image):
    """The background's value and the brain, bool [slices, rows, columns].

    The background is the commonest value of the volume's faces: 0 in BraTS, another
    constant where intensities were standardised before.

    Raises:
      UserError: there is no brain, or nothing else.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    faces = [voxels.take(i, axis).ravel() for axis in range(3) for i in (0, -1)]
    values, counts = np.unique(np.concatenate(faces), return_counts=True)
    background = float(values[counts.argmax()])
    brain = voxels != background
    share = 1 - brain.mean()
    if share == 1:
        raise UserError(f"{path}: every voxel is {background:g}, expected a brain.")
    if share < MIN_BACKGROUND:
        raise UserError(
            f"{path}: {share:.1%} of the voxels have the background's value"
            f" {background:g}, expected {MIN_BACKGROUND:.0%} at least: a skull-stripped"
            " volume."
        )
    return background, brain


def frame_origin(image, brain):
    """Where to put the frame's first voxel, mm [3].

    A volume of the frame's own voxels stays as it is. Any other is placed as its header
    says if that puts the brain inside the frame of the NIfTI releases; otherwise each
    axis is centred, by the volume, or by the brain where the brain would be cut.

    Args:
      image: the volume.
      brain: bool [slices, rows, columns], its brain.
    """
    ends = corners(image)
    first, last = ends.min(0), ends.max(0)
    if _has_frame_voxels(image):
        return first
    inside = [np.flatnonzero(brain.any(axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    box = corners(image, [i[0] for i in inside], [i[-1] for i in inside])
    low, high = box.min(0), box.max(0)
    extent = FRAME - 1
    if (low >= FRAME_ORIGIN).all() and (high <= FRAME_ORIGIN + extent).all():
        return FRAME_ORIGIN
    # Whole millimetres from the first voxel: voxels of 1 mm keep their values.
    by_volume = first + np.round((last - first - extent) / 2)
    by_brain = first + np.round((low + high - extent) / 2 - first)
    cut = (low < by_volume) | (high > by_volume + extent)
    return np.where(cut, by_brain, by_volume)


def _has_frame_voxels(image):
    matrix = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    aligned = np.allclose(matrix, np.eye(3), atol=1e-3)
    return aligned and image.GetSize() == tuple(FRAME)


def corners(image, low=(0, 0, 0), high=None):
    """Places of the centres of a box's corner voxels, mm [8, 3]."""
    high = high or [n - 1 for n in image.GetSize()]
    indices = np.array(np.meshgrid(*zip(low, high)), float).reshape(3, -1).T
    places = map(image.TransformContinuousIndexToPhysicalPoint, indices.tolist())
    return np.array(list(places))


def to_frame(image, origin, background, interpolator=sitk.sitkLinear):
    """Resamples to the frame that begins at `origin`: float32 [155, 240, 240].

    Voxels smaller than 1 mm are blurred to it first, so that nothing aliases.
    """
    if _has_frame_voxels(image) and np.allclose(image.GetOrigin(), origin):
        return sitk.GetArrayFromImage(image)
    # Variances in mm2 of the Gaussians that widen each voxel to 1 mm at half maximum.
    variances = [max(0.0, 1 - s**2) / (8 * np.log(2)) for s in image.GetSpacing()]
    if max(variances) > 1e-3 and interpolator == sitk.sitkLinear:
        image = sitk.DiscreteGaussian(image, variances, 32, 0.01, True)
    axes = np.eye(3).ravel().tolist()
    grid = (FRAME.tolist(), sitk.Transform(), interpolator, origin.tolist(), [1.0] * 3)
    frame = sitk.Resample(image, *grid, axes, background, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(frame)


def file_slices(source, origin):
    """For each slice of the frame the file's own nearest slice, int [155].

    Args:
      source: the volume as it is in its file, of any orientation.
      origin: of the frame, mm [3].
    """
    middle = origin + [(FRAME[0] - 1) / 2, (FRAME[1] - 1) / 2, 0]
    places = [(middle + [0, 0, z]).tolist() for z in range(FRAME[2])]
    indices = np.array(
        list(map(source.TransformPhysicalPointToContinuousIndex, places))
    )
    moved = np.abs(indices[-1] - indices[0]) * source.GetSpacing()
    axis = int(moved.argmax())
    last = source.GetSize()[axis] - 1
    return np.clip(np.round(indices[:, axis]), 0, last).astype(int)
