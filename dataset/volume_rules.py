"""What is asked of a volume's header and brain before either is believed.

A NIfTI file can tell twice where its voxels are, `sform` and `qform`, and the voxels'
size a third time, `pixdim`; programs that change one forget the others. A file without
any of them, or with the identity that NumPy users write, does not tell which way is up.
https://nifti.nimh.nih.gov/nifti-1/documentation/nifti1fields/
"""

import dataclasses

import nibabel as nib
import numpy as np
from scipy import ndimage

from dataset.errors import UserError
from dataset.frame import FRAME_ORIGIN

UNITS = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}  # Others: millimetres.
SPACINGS = (0.05, 30.0)  # mm; no scanner of heads has voxels of other sizes.
# Lengths and directions of axes agree to 2 % (1.1 degrees): headers are rounded.
TOLERANCE = 0.02
RIPPLES = 0.05  # As a share of the brain's contrast.
PART = 10.0  # ml; brains have smaller parts apart from the largest, scalps larger ones.


@dataclasses.dataclass(frozen=True)
class VolumeRules:
    """How headers are read and what a brain may be; flags of the same names explain."""

    affine: str = "agreed"
    bare_header: str = "refuse"
    units: str = "header"
    nan_is_background: bool = False
    min_brain_volume: float = 400.0
    max_brain_volume: float = 2200.0
    max_brain_length: float = 215.0

    def check_brain(self, path, contrast, spacing):
        """Refuses what no brain can be.

        Args:
          path: of the volume.
          contrast: float [slices, rows, columns] >= 0, how far each voxel's value is
            from the background's; somewhere above 0.
          spacing: of the voxels, mm [columns, rows, slices].
        """
        contrast = _with_margin(contrast)  # A third of a volume, as a rule.
        # Resampling leaves ripples around a brain, and single voxels apart from it.
        high = np.percentile(contrast[contrast > 0], 99)
        voxel = float(np.prod(spacing)) / 1000  # ml
        brain = _fill_slices(_large_parts(contrast > RIPPLES * high, PART / voxel))
        volume = np.count_nonzero(brain) * voxel
        if volume > self.max_brain_volume:
            raise UserError(
                f"{path}: {volume:.0f} ml differ from the background, expected"
                f" --max_brain_volume={self.max_brain_volume:g} at most: a"
                " skull-stripped volume. If it is one, raise the flag."
            )
        if volume < self.min_brain_volume:
            raise UserError(
                f"{path}: {volume:.0f} ml differ from the background, expected"
                f" --min_brain_volume={self.min_brain_volume:g} at least; voxels are of"
                f" {_text(spacing)} mm as the header says. If that is so, lower it."
            )
        sides = [np.flatnonzero(brain.any(axes)) for axes in ((0, 1), (0, 2), (1, 2))]
        length = max((s[-1] - s[0] + 1) * mm for s, mm in zip(sides, spacing))
        if length > self.max_brain_length:
            raise UserError(
                f"{path}: what differs from the background is {length:.0f} mm long,"
                f" expected --max_brain_length={self.max_brain_length:g} at most: a"
                " skull-stripped volume. If it is one, raise the flag."
            )


DEFAULT_RULES = VolumeRules()


def volume_affine(path, nifti, rules):
    """Index to place of a NIfTI image, mm RAS+ [4, 4], if its header is to be believed.

    Raises:
      UserError: it contradicts itself or does not tell, and `rules` do not either.
    """
    header = nifti.header
    sform, meaning = header.get_sform(coded=True)
    try:
        qform, own_meaning = header.get_qform(coded=True)
    except nib.spatialimages.HeaderDataError:  # No rotation; then sform alone counts.
        qform, own_meaning = None, 0
    sizes = np.array(header.get_zooms()[:3], float)
    affine = {"sform": sform, "qform": qform}.get(rules.affine)
    if affine is None:  # Nothing is asked for, or there is one of them alone.
        affine = nifti.affine
        if rules.affine == "agreed":
            _check_agreement(path, sform, qform, sizes, meaning == own_meaning)
    if sform is None and qform is None or np.allclose(affine, np.diag([*sizes, 1])):
        told = f"affine {np.diag(affine)[:3].tolist()} from {affine[:3, 3].tolist()}"
        affine = bare_affine(path, told, sizes, rules)
    return _in_millimetres(path, affine, header, rules)


def _check_agreement(path, sform, qform, sizes, of_one_space):
    """Refuses forms of one space that differ, and of two whose axes or sizes do.

    A scan that was aligned to another may keep the scanner's place in its qform.
    """
    if sform is None or not abs(np.linalg.det(sform[:3, :3])) > 0:  # None, NaN or flat.
        return  # Its reader says what is wrong with it.
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if qform is not None:
        if of_one_space:
            errors = np.linalg.norm(sform[:3, :3] - qform[:3, :3], axis=0)
        else:
            errors = np.abs(lengths - sizes)
        same_axes = nib.aff2axcodes(sform) == nib.aff2axcodes(qform)
        if (errors > TOLERANCE * sizes).any() or not (of_one_space or same_axes):
            raise UserError(
                f"{path}: sform and qform contradict each other: axes"
                f" {_axes(sform)}, {_text(lengths)} mm, and {_axes(qform)},"
                f" {_text(sizes)} mm, {_angle(sform, qform):.1f} degrees apart;"
                " expected the same. Give --affine=sform or --affine=qform if you know"
                " which is right."
            )
    elif (np.abs(lengths - sizes) > TOLERANCE * sizes).any():
        raise UserError(
            f"{path}: sform and pixdim contradict each other: voxels of"
            f" {_text(lengths)} mm and of {_text(sizes)} mm; expected the same. Give"
            " --affine=sform if you know that it is right."
        )


def bare_affine(path, told, sizes, rules):
    """Index to place, mm RAS+ [4, 4], of a volume whose header does not tell it.

    Args:
      path: of the volume.
      told: what the header has, in words.
      sizes: of voxels, mm.
      rules: `VolumeRules`.

    Raises:
      UserError: `rules` do not tell it either.
    """
    if rules.bare_header == "refuse":
        raise UserError(
            f"{path}: its header does not tell which way is up: {told}, as programs"
            " write it that have lost the header; expected the scanner's. Give"
            " --bare_header=brats if voxels are in the order of BraTS, from right to"
            " left and front to back, or --bare_header=as_is."
        )
    if rules.bare_header == "as_is":
        return np.diag([*sizes, 1.0])
    affine = np.diag([-sizes[0], -sizes[1], sizes[2], 1.0])
    affine[:3, 3] = FRAME_ORIGIN * [-1, -1, 1]
    return affine


def _in_millimetres(path, affine, header, rules):
    name, factor = UNITS.get(int(header["xyzt_units"]) & 7, ("millimetres", 1.0))
    if rules.units == "mm":
        name, factor = "millimetres", 1.0
    scaled = np.diag([factor] * 3 + [1.0]) @ affine
    if not np.isfinite(scaled).all() or abs(np.linalg.det(scaled[:3, :3])) < 1e-9:
        other = rules.affine != "qform" and header["qform_code"] > 0
        raise UserError(
            f"{path}: affine {affine.tolist()}, expected three independent axes."
            + (" Give --affine=qform if its qform is right." if other else "")
        )
    spacing = np.linalg.norm(scaled[:3, :3], axis=0)
    low, high = SPACINGS
    if ((spacing < low) | (spacing > high)).any():
        raise UserError(
            f"{path}: voxels of {_text(spacing)} mm, in a header in {name}; expected"
            f" {low:g} to {high:g} mm. Give --units=mm if its numbers are millimetres."
        )
    return scaled


def _with_margin(contrast):
    """What holds all that is above 0, and a voxel around it where there is one."""
    inside = contrast > 0
    sides = [np.flatnonzero(inside.any(axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return contrast[tuple(slice(max(0, s[0] - 1), s[-1] + 2) for s in sides)]


def _large_parts(brain, least):
    """The largest part of a bool array that hangs together, and others of `least`."""
    parts, _ = ndimage.label(brain)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= min(least, sizes.max()))[parts] & brain


def _fill_slices(brain):
    """With what is enclosed in each slice: a skull is dark, within a bright scalp."""
    within_slices = np.zeros((3, 3, 3), bool)
    within_slices[1] = ndimage.generate_binary_structure(2, 1)
    holes, count = ndimage.label(~brain, within_slices)
    is_open = np.zeros(count + 1, bool)
    for side in (holes[:, 0], holes[:, -1], holes[:, :, 0], holes[:, :, -1]):
        is_open[side] = True
    return brain | ~is_open[holes]


def _angle(affine, other):
    """The largest angle between axes of the same number, in degrees."""
    axes, others = affine[:3, :3], other[:3, :3]
    lengths = np.linalg.norm(axes, axis=0) * np.linalg.norm(others, axis=0)
    cosines = (axes * others).sum(axis=0) / lengths
    return np.degrees(np.arccos(np.clip(cosines, -1, 1))).max()


def _axes(affine):
    return "".join(axis or "?" for axis in nib.aff2axcodes(affine))


def _text(lengths):
    return " x ".join(f"{length:.3g}" for length in lengths)
