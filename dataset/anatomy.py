"""The brains of artificial cases: the MNI152 template in random poses and shapes.

All lengths are millimetres. Positions in a volume count from the centre of voxel 0 of
the 1 mm BraTS frame: x to the patient's left, y to the back, z upwards. Positions in
the template are MNI's: x to the right, y to the front, z upwards. Whatever is random
and smooth is drawn on a grid of millimetres, not of voxels, so that the same draws give
the same brain at any spacing.
"""

import functools

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dataset.errors import UserError
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


def cut(axes, low, high):
    """Slices of the part of a volume between two corners."""
    ends = zip(axes, low, high)
    return tuple(slice(*np.searchsorted(axis, (a, b))) for axis, a, b in ends)


def _column(vector):
    """A vector [3] to combine with [3, x, y, z], float32."""
    return np.asarray(vector, np.float32)[:, None, None, None]


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


class Template:
    """The 1 mm MNI152 volume that nilearn's package holds.

    Attributes:
      intensity: float32 [x, y, z]; fluid about 0.3, grey matter 0.65, white 0.86.
      brain: float32 [x, y, z] in [0, 1], the mask of the brain, blurred.
      vessels: float32 [x, y, z] in [0, 1], where contrast agent shows in anyone.
      sites: float64 [sites, 3], positions well inside the cerebrum.
    """

    def __init__(self):
        image = _read_mni152()
        self.intensity = image.get_fdata(dtype=np.float32)
        self._origin = image.affine[:3, 3]
        inside = self.intensity > 0.2
        self.brain = ndimage.gaussian_filter(inside.astype(np.float32), 1.5)
        step = 4  # Distances at every millimetre would take seconds.
        depths = ndimage.distance_transform_edt(inside[::step, ::step, ::step]) * step
        sites = np.argwhere(depths > 11) * step + self._origin
        self.sites = sites[(abs(sites[:, 0]) > 12) & (sites[:, 2] > -22)]
        self.vessels = self._vessels()

    def _vessels(self):
        """Dural sinuses, the falx, the choroid plexus and the arteries of the base."""
        grid = np.ogrid[tuple(slice(n) for n in self.intensity.shape)]
        grid = [
            n.astype(np.float32) + np.float32(o) for n, o in zip(grid, self._origin)
        ]
        x, y, z = grid

        def near(center, radii):
            offsets = [(p - c) / r for p, c, r in zip((abs(x), y, z), center, radii)]
            return np.exp(-sum(offset**2 for offset in offsets))

        fluid = np.clip((0.6 - self.intensity) / 0.2, 0, 1)
        rim = np.clip(1 - abs(self.brain - 0.6) / 0.3, 0, 1)
        midline = near((0, 0, 0), (1.3, np.inf, np.inf))
        falx = midline * fluid * ((z > 35) | (abs(y + 17) > 45) & (z > -5))
        sagittal = near((0, 0, 0), (4, np.inf, np.inf)) * rim * (z > 0) * (y < 30)
        transverse = near((35, -85, -24), (30, 15, 6)) * rim
        straight = near((0, -52, 8), (2.5, 14, 9)) * fluid
        choroid = near((23, -40, 6), (6, 7, 7)) * fluid
        basal = 0.6 * near((0, -2, -18), (35, 14, 7)) * fluid
        parts = (falx, sagittal, transverse, straight, choroid, basal)
        return np.clip(sum(parts), 0, 1) * (self.brain > 0.3)

    def sample(self, volume, positions):
        """One of the volumes at positions [3, x, y, z], linear; 0 outside of it."""
        voxels = positions - _column(self._origin)
        return ndimage.map_coordinates(volume, voxels, np.float32, order=1)


load_template = functools.cache(Template)


def _read_mni152():
    """The MNI152 template at 1 mm, from nilearn's own files."""
    try:  # What nothing else needs is not among what every installation has.
        from nilearn.datasets import load_mni152_template
    except ImportError as error:
        raise UserError(
            "artificial cases are made of the template that nilearn brings: pip install"
            " nilearn."
        ) from error
    return load_mni152_template(resolution=1)


class Pose:
    """How a patient's brain differs from the template, drawn by a generator."""

    def __init__(self, rng):
        rotation = Rotation.from_euler("xyz", rng.normal(0, [4, 2, 2]), degrees=True)
        scale = ATLAS_SCALE * rng.normal(1, [0.03, 0.03, 0.02])
        # Offsets from the centre to offsets in the template.
        self._matrix = TO_TEMPLATE_AXES @ rotation.as_matrix() @ np.diag(1 / scale)
        # Of the right and the left lateral ventricle.
        enlargement = rng.uniform(0.0, 0.65) + rng.normal(0, 0.05, 2)
        self._enlargement = np.clip(enlargement, -0.15, 0.7)
        self.center = FRAME_CENTER + rng.normal(0, [1, 2, 2])  # `TEMPLATE_CENTER`'s.
        # By axis, of the brain's shape and of its folds.
        self._warps = [(SmoothField(rng, 32), SmoothField(rng, 11)) for _ in range(3)]
        self.outline = SmoothField(rng, 7)  # Roughens the border of the mask.

    def box(self, axes):
        """Slices of a volume that hold the whole brain."""
        signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), -1).reshape(-1, 3)
        corners = self.to_frame(TEMPLATE_CENTER + signs * (TEMPLATE_SIZE + 20))
        return cut(axes, corners.min(0), corners.max(0))

    def to_frame(self, positions):
        """The frame's positions [n, 3] of the template's, smooth warps left out."""
        offsets = np.linalg.solve(self._matrix, (positions - TEMPLATE_CENTER).T)
        return offsets.T + self.center

    def to_template(self, axes):
        """Template positions float32 [3, x, y, z] of the grid of a volume's axes."""
        grid = np.stack(np.meshgrid(*axes, indexing="ij", copy=False))
        grid = (grid - self.center[:, None, None, None]).astype(np.float32)
        for offsets, (shape, folds) in zip(grid, self._warps):
            offsets += 2.4 * shape(axes) + 1.2 * folds(axes)
        positions = self.turn(grid) + _column(TEMPLATE_CENTER)
        for side, enlargement in zip((1, -1), self._enlargement):
            offsets = positions - _column([14.0 * side, -10.0, 16.0])
            distances = np.sum((offsets / _column([13.0, 38.0, 17.0])) ** 2, 0)
            positions -= np.float32(enlargement) * np.exp(-distances) * offsets
        return positions

    def turn(self, offsets):
        """Offsets float32 [3, x, y, z] in the frame as offsets in the template."""
        return np.einsum("ij,jxyz->ixyz", self._matrix.astype(np.float32), offsets)
