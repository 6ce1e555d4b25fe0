"""The brains of artificial cases: the MNI152 template in random poses and shapes.

All lengths are millimetres. Positions in a volume count from the centre of voxel 0 of
the 1 mm BraTS frame: x to the patient's left, y to the back, z upwards. Positions in
the template are MNI's: x to the right, y to the front, z upwards. Whatever is random
and smooth is drawn on a grid of millimetres, not of voxels, so that the same draws give
the same brain at any spacing.
"""

import dataclasses
import functools

import numpy as np
from nilearn.datasets import load_mni152_template
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dataset.frame import FRAME, FRAME_ORIGIN

# The middle of a brain's bounding box, in volumes of BraTS and in the template.
FRAME_CENTER = np.array([118.5, 129.0, 70.0])
TEMPLATE_CENTER = np.array([0.0, -17.0, 5.0])
TEMPLATE_SIZE = np.array([145.0, 181.0, 155.0])
# BraTS is registered to the SRI24 atlas, whose brain is smaller than MNI's.
ATLAS_SCALE = np.array([0.92, 0.92, 0.9])
TO_TEMPLATE_AXES = np.diag([-1.0, -1.0, 1.0])

# Cubic B-splines with independent standard normal coefficients have this standard
# deviation: along each axis the squared basis functions sum to 151/315 on average.
_SPLINE_DEVIATION = (151 / 315) ** 1.5


def frame_axes(spacing):
    """Positions of the voxels' centres along x, y and z of a frame's volume."""
    counts = np.ceil(FRAME / spacing).astype(int)
    return [(np.arange(n) * spacing + (spacing - 1) / 2) for n in counts]


def frame_affine(spacing):
    """The NIfTI affine of such a volume; at 1 mm that of BraTS, axes L, P, S."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = FRAME_ORIGIN + (spacing - 1) / 2
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # NIfTI's axes are R, A, S.


class SmoothField:
    """A random function of position with mean 0 and variance 1, made of B-splines.

    Args:
      rng: `np.random.Generator`.
      scale: distance of the cubic splines' knots; structures are about as large.
    """

    def __init__(self, rng, scale):
        counts = np.ceil(FRAME / scale).astype(int) + 4
        self._coefficients = rng.standard_normal(counts, np.float32)
        self._scale = scale

    def __call__(self, axes):
        """Values float32 [x, y, z] on the grid of three arrays of positions >= 0."""
        values = self._coefficients / np.float32(_SPLINE_DEVIATION)
        for axis, positions in enumerate(axes):
            knots, t = np.divmod(np.asarray(positions) / self._scale, 1)
            basis = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4]
            basis += [3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4, t**3]
            shape = np.where(np.arange(3) == axis, -1, 1)
            values = sum(
                np.take(values, knots.astype(int) + n, axis)
                * (weights / 6).astype(np.float32).reshape(shape)
                for n, weights in enumerate(basis)
            )
        return values


@dataclasses.dataclass(frozen=True)
class Template:
    """The template brain.

    Attributes:
      intensity: float32 [x, y, z]; fluid about 0.3, grey matter 0.65, white 0.86.
      brain: float32 [x, y, z] in [0, 1], the mask of the brain, blurred.
      vessels: float32 [x, y, z] in [0, 1], where contrast agent shows in anyone.
      sites: float64 [sites, 3], positions well inside the cerebrum.
      origin: float64 [3], position of the first voxel; voxels are 1 mm.
    """

    intensity: np.ndarray
    brain: np.ndarray
    vessels: np.ndarray
    sites: np.ndarray
    origin: np.ndarray

    def sample(self, volume, positions):
        """One of the volumes at positions [3, x, y, z], linear; 0 outside of it."""
        voxels = positions - self.origin.astype(np.float32)[:, None, None, None]
        return ndimage.map_coordinates(volume, voxels, np.float32, order=1)


@functools.cache
def load_template():
    """The `Template` made of the 1 mm MNI152 volume that nilearn's package holds."""
    image = load_mni152_template(resolution=1)
    intensity = image.get_fdata(dtype=np.float32)
    origin = image.affine[:3, 3]
    inside = intensity > 0.2
    brain = ndimage.gaussian_filter(inside.astype(np.float32), 1.5)
    step = 4  # Distances at every millimetre would take seconds.
    coarse = inside[::step, ::step, ::step]
    depths = ndimage.distance_transform_edt(coarse) * step
    sites = np.argwhere(depths > 11) * step + origin
    in_hemisphere = (abs(sites[:, 0]) > 12) & (sites[:, 2] > -22)
    vessels = _vessels(intensity, brain, origin)
    return Template(intensity, brain, vessels, sites[in_hemisphere], origin)


def _vessels(intensity, brain, origin):
    """Dural sinuses, the falx, the choroid plexus and the arteries of the base."""
    grid = np.ogrid[tuple(slice(n) for n in intensity.shape)]
    x, y, z = (n.astype(np.float32) + np.float32(o) for n, o in zip(grid, origin))

    def near(center, radii):
        offsets = [(p - c) / r for p, c, r in zip((abs(x), y, z), center, radii)]
        return np.exp(-sum(offset**2 for offset in offsets))

    fluid = np.clip((0.6 - intensity) / 0.2, 0, 1)
    rim = np.clip(1 - abs(brain - 0.6) / 0.3, 0, 1)
    everywhere = np.inf
    midline = near((0, 0, 0), (1.3, everywhere, everywhere))
    falx = midline * fluid * ((z > 35) | (abs(y + 17) > 45) & (z > -5))
    sagittal = near((0, 0, 0), (4, everywhere, everywhere)) * rim * (z > 0) * (y < 30)
    transverse = near((35, -85, -24), (30, 15, 6)) * rim
    straight = near((0, -52, 8), (2.5, 14, 9)) * fluid
    choroid = near((23, -40, 6), (6, 7, 7)) * fluid
    basal = 0.6 * near((0, -2, -18), (35, 14, 7)) * fluid
    parts = (falx, sagittal, transverse, straight, choroid, basal)
    return np.clip(sum(parts), 0, 1) * (brain > 0.3)


@dataclasses.dataclass(frozen=True)
class Pose:
    """How a patient's brain differs from the template.

    Attributes:
      matrix: float64 [3, 3], offsets from `FRAME_CENTER` to offsets in the template.
      center: float64 [3], the frame's position of `TEMPLATE_CENTER`.
      warps: two `SmoothField`s per axis, of the brain's shape and of its folds.
      ventricles: float64 [2], enlargement of the right and left lateral ventricle.
      outline: `SmoothField` that roughens the border of the mask.
    """

    matrix: np.ndarray
    center: np.ndarray
    warps: tuple
    ventricles: np.ndarray
    outline: SmoothField

    @classmethod
    def draw(cls, rng):
        rotation = Rotation.from_euler("xyz", rng.normal(0, [4, 2, 2]), degrees=True)
        scale = ATLAS_SCALE * rng.normal(1, [0.03, 0.03, 0.02])
        matrix = TO_TEMPLATE_AXES @ rotation.as_matrix() @ np.diag(1 / scale)
        enlargement = rng.uniform(0.0, 0.65) + rng.normal(0, 0.05, 2)
        return cls(
            matrix=matrix,
            center=FRAME_CENTER + rng.normal(0, [1, 2, 2]),
            warps=tuple((SmoothField(rng, 32), SmoothField(rng, 11)) for _ in range(3)),
            ventricles=np.clip(enlargement, -0.15, 0.7),
            outline=SmoothField(rng, 7),
        )

    def box(self, spacing):
        """Slices of a frame's volume that hold the whole brain."""
        signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), -1).reshape(-1, 3)
        corners = self.to_frame(TEMPLATE_CENTER + signs * (TEMPLATE_SIZE + 20))
        low, high = corners.min(0), corners.max(0)
        return tuple(
            slice(*np.searchsorted(axis, (start, stop)))
            for axis, start, stop in zip(frame_axes(spacing), low, high)
        )

    def to_frame(self, positions):
        """The frame's positions [n, 3] of the template's, smooth warps left out."""
        offsets = np.linalg.solve(self.matrix, (positions - TEMPLATE_CENTER).T)
        return offsets.T + self.center

    def to_template(self, axes):
        """Template positions float32 [3, x, y, z] of the grid of a volume's axes."""
        grid = (
            np.stack(np.meshgrid(*axes, indexing="ij", copy=False))
            - (self.center[:, None, None, None])
        )
        grid = grid.astype(np.float32)
        for offsets, (shape, folds) in zip(grid, self.warps):
            offsets += 2.4 * shape(axes) + 1.2 * folds(axes)
        positions = self.turn(grid)
        positions += TEMPLATE_CENTER.astype(np.float32)[:, None, None, None]
        for side, enlargement in zip((1, -1), self.ventricles):
            center = np.array([14.0 * side, -10.0, 16.0], np.float32)
            radii = np.array([13.0, 38.0, 17.0], np.float32)
            offsets = positions - center[:, None, None, None]
            distances = np.sum((offsets / radii[:, None, None, None]) ** 2, 0)
            positions -= np.float32(enlargement) * np.exp(-distances) * offsets
        return positions

    def turn(self, offsets):
        """Offsets float32 [3, x, y, z] in the frame as offsets in the template."""
        return np.einsum("ij,jxyz->ixyz", self.matrix.astype(np.float32), offsets)
