"""The tumors of artificial cases: a core that is necrotic or takes up contrast, edema.

Positions are those of a volume, see `dataset.anatomy`; intensities are relative to
white matter.
"""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from dataset.anatomy import SmoothField

RADII = (6.0, 22.0)  # Mean radius of a tumor's core, mm, from a seed to a large one.
NECROSIS, EDEMA, ENHANCING = 1, 2, 4  # Mask codes of BraTS 2017 to 2021.

# Kind: share of all tumors; range of the rim's thickness as a fraction of the radius;
# range of the level that uptake has to pass to show, in standard deviations.
KINDS = {
    "ring": (0.5, (0.12, 0.4), (-2.5, -0.9)),
    "solid": (0.25, (1.0, 1.0), (-2.0, -0.3)),
    "patchy": (0.17, (0.5, 1.0), (0.2, 0.9)),
    "faint": (0.08, (0.3, 1.0), (1.3, 2.2)),
}


@dataclasses.dataclass(frozen=True)
class Lesion:
    """One tumor and its edema.

    Attributes:
      kind: a key of `KINDS`.
      center: float64 [3], position.
      radius: of the core, mean, mm.
      shape: float64 [3, 3], offsets to offsets in which the core is a ball of radius 1.
      roughness: amplitude of the border's `bumps`, as a fraction of the radius.
      rim: thickness of the enhancing rim in mm.
      threshold: level of `uptake` from which the rim enhances.
      edema: width in mm.
      push: displacement of the tissue at the border, as a fraction of the radius.
      levels: intensities of necrosis, edema (times the tissue's) and enhancement.
      bumps, fingers, uptake: `SmoothField`s of the core's border, of the edema's, and
        of the uptake of contrast agent.
    """

    kind: str
    center: np.ndarray
    radius: float
    shape: np.ndarray
    roughness: float
    rim: float
    threshold: float
    edema: float
    push: float
    levels: tuple
    bumps: SmoothField
    fingers: SmoothField
    uptake: SmoothField

    @classmethod
    def draw(cls, rng, center, largest, smallest=RADII[0]):
        """A random lesion at a position, of a radius between two, in mm."""
        shares = np.array([share for share, _, _ in KINDS.values()])
        kind = str(rng.choice(list(KINDS), p=shares / shares.sum()))
        _, rims, thresholds = KINDS[kind]
        radius = rng.uniform(smallest, largest)
        stretch = np.exp(rng.normal(0, 0.15, 3).clip(-0.3, 0.3))
        axes = Rotation.from_rotvec(rng.normal(0, 1.5, 3)).as_matrix()
        return cls(
            kind=kind,
            center=center,
            radius=radius,
            shape=axes @ np.diag(1 / (radius * stretch)) @ axes.T,
            roughness=rng.uniform(0.05, 0.25),
            rim=max(2.0, radius * rng.uniform(*rims)),
            threshold=rng.uniform(*thresholds),
            edema=rng.uniform(3, 15),
            push=rng.uniform(0.1, 0.55),
            levels=(
                rng.uniform(0.3, 0.6),
                rng.uniform(0.62, 0.86),
                rng.uniform(1.15, 1.95),
            ),
            bumps=SmoothField(rng, max(6, radius / 2)),
            fingers=SmoothField(rng, 10),
            uptake=SmoothField(rng, 5),
        )

    def box(self, axes):
        """Slices of the part of a volume that the lesion can change."""
        reach = 2.2 * self.radius + 2 * self.edema
        return tuple(
            slice(*np.searchsorted(axis, (middle - reach, middle + reach)))
            for axis, middle in zip(axes, self.center)
        )

    def offsets(self, axes):
        """Offsets from the centre, float32 [3, x, y, z]."""
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        return (grid - self.center[:, None, None, None]).astype(np.float32)

    def depth(self, axes):
        """How far inside of the core's border a voxel lies: mm, float32 [x, y, z]."""
        balls = np.einsum(
            "ij,jxyz->ixyz", self.shape.astype(np.float32), self.offsets(axes)
        )
        distances = np.sqrt(np.sum(balls**2, 0))
        bumps = np.float32(self.roughness) * self.bumps(axes).clip(-2, 2)
        return np.float32(self.radius) * (1 - distances - bumps)


def draw_lesions(rng, sites, radii=RADII):
    """One to three lesions at some of the positions `sites` [n, 3].

    Args:
      rng: a `numpy.random.Generator`.
      sites: positions, mm.
      radii: smallest and largest mean radius of a core, mm. Several lesions in one
        brain are smaller: their largest radius is 13/22 of it, or the smallest.
    """
    count = rng.choice([1, 2, 3], p=[0.65, 0.23, 0.12])
    centers = sites[rng.choice(len(sites), count, replace=False)]
    smallest, largest = radii
    if count > 1:
        largest = max(smallest, largest * 13 / 22)
    return [Lesion.draw(rng, center, largest, smallest) for center in centers]


def mass_effect(lesions, axes):
    """Where the tissue at each voxel came from: mm, float32 [3, x, y, z] of offsets."""
    origins = np.zeros((3, *map(len, axes)), np.float32)
    for lesion in lesions:
        part = lesion.box(axes)
        offsets = lesion.offsets([axis[s] for axis, s in zip(axes, part)])
        distances = np.sum(offsets**2, 0) / np.float32((1.3 * lesion.radius) ** 2)
        origins[(slice(None), *part)] -= (
            np.float32(lesion.push) * np.exp(-distances) * offsets
        )
    return origins


def paint(lesions, tissue, brain, fluid, axes):
    """Puts lesions into a brain.

    Args:
      lesions: list of `Lesion`.
      tissue: float32 [x, y, z], changed in place.
      brain: bool [x, y, z]; the mask is 0 outside of it.
      fluid: float32 [x, y, z] in [0, 1], fraction of fluid, which edema leaves out.
      axes: positions of the voxels.

    Returns:
      The mask, uint8 [x, y, z] of `NECROSIS`, `EDEMA` and `ENHANCING`.
    """
    mask = np.zeros(brain.shape, np.uint8)
    for lesion in lesions:
        part = lesion.box(axes)
        weights = _fractions(lesion, fluid[part], [a[s] for a, s in zip(axes, part)])
        core, enhancing, edema, uptake = weights
        necrosis, swelling, enhancement = lesion.levels
        patch = tissue[part]
        patch *= 1 - edema * np.float32(1 - swelling)
        patch += core * (np.float32(necrosis) * (1 + 0.05 * uptake) - patch)
        bright = np.float32(enhancement) * (1 + 0.12 * uptake.clip(-2, 2))
        patch += enhancing * (bright - patch)
        codes = mask[part]
        codes[(edema > 0.5) & (codes == 0)] = EDEMA
        codes[core > 0.5] = NECROSIS
        codes[enhancing > 0.5] = ENHANCING
    return mask * brain


def _fractions(lesion, fluid, axes):
    """Fractions in [0, 1] of core, enhancement and edema, and the uptake: float32."""
    depth = lesion.depth(axes)
    uptake = lesion.uptake(axes)
    fingers = 1 + 0.4 * lesion.fingers(axes).clip(-2, 1.5)
    core = _step(depth, 1.5)
    rim = lesion.rim * (1 + 0.25 * lesion.fingers(axes).clip(-2, 2))
    enhancing = core * _step(rim - depth, 1.5) * _step(uptake - lesion.threshold, 0.6)
    edema = _step(depth + lesion.edema * fingers * (1 - fluid), 4) * (1 - core)
    return core, enhancing, edema * (1 - fluid), uptake


def _step(values, width):
    """A ramp from 0 to 1 around 0."""
    return np.clip(values / width + 0.5, 0, 1).astype(np.float32)
