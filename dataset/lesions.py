"""The tumors of artificial cases: a core that is necrotic or takes up contrast, edema.

Positions are those of a volume, see `dataset.anatomy`; intensities are relative to
white matter.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from dataset.anatomy import SmoothField, cut

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


class Lesion:
    """One tumor and its edema, drawn by a `np.random.Generator` at a position.

    Attributes:
      radius: of the core, mean, mm.
      levels: intensities of necrosis, edema (times the tissue's) and enhancement.
    """

    def __init__(self, rng, center, largest, smallest=RADII[0]):
        shares = np.array([share for share, _, _ in KINDS.values()])
        _, rims, thresholds = KINDS[rng.choice(list(KINDS), p=shares / shares.sum())]
        self.center = center
        self.radius = rng.uniform(smallest, largest)
        stretch = np.exp(rng.normal(0, 0.15, 3).clip(-0.3, 0.3))
        axes = Rotation.from_rotvec(rng.normal(0, 1.5, 3)).as_matrix()
        # Offsets to offsets in which the core is a ball of radius 1.
        self._shape = axes @ np.diag(1 / (self.radius * stretch)) @ axes.T
        self._roughness = rng.uniform(0.05, 0.25)  # Of the border, per radius.
        self._rim = max(2.0, self.radius * rng.uniform(*rims))  # mm that enhance.
        self._threshold = rng.uniform(*thresholds)  # Of uptake that shows.
        self._edema = rng.uniform(3, 15)  # mm
        self._push = rng.uniform(0.1, 0.55)  # At the border, per radius.
        self.levels = [
            rng.uniform(*r) for r in ((0.3, 0.6), (0.62, 0.86), (1.15, 1.95))
        ]
        self._bumps = SmoothField(rng, max(6, self.radius / 2))  # Of the core's border.
        self._fingers = SmoothField(rng, 10)  # Of the edema's border.
        self._uptake = SmoothField(rng, 5)  # Of contrast agent.

    def box(self, axes):
        """Slices of the part of a volume that the lesion can change."""
        reach = 2.2 * self.radius + 2 * self._edema
        return cut(axes, self.center - reach, self.center + reach)

    def _offsets(self, axes):
        """Offsets from the centre, float32 [3, x, y, z]."""
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        return (grid - self.center[:, None, None, None]).astype(np.float32)

    def depth(self, axes):
        """How far inside of the core's border a voxel lies: mm, float32 [x, y, z]."""
        shape, offsets = self._shape.astype(np.float32), self._offsets(axes)
        distances = np.sqrt(np.sum(np.einsum("ij,jxyz->ixyz", shape, offsets) ** 2, 0))
        bumps = np.float32(self._roughness) * self._bumps(axes).clip(-2, 2)
        return np.float32(self.radius) * (1 - distances - bumps)

    def displacement(self, axes):
        """Whither mass effect moves the tissue: mm, float32 [3, x, y, z]."""
        offsets = self._offsets(axes)
        distances = np.sum(offsets**2, 0) / np.float32((1.3 * self.radius) ** 2)
        return np.float32(self._push) * np.exp(-distances) * offsets

    def fractions(self, fluid, axes):
        """Of core, enhancement and edema in [0, 1], and the uptake: float32."""
        depth, uptake, fingers = (
            self.depth(axes),
            self._uptake(axes),
            self._fingers(axes),
        )
        core = _step(depth, 1.5)
        rim = self._rim * (1 + 0.25 * fingers.clip(-2, 2))
        enhancing = (
            core * _step(rim - depth, 1.5) * _step(uptake - self._threshold, 0.6)
        )
        width = self._edema * (1 + 0.4 * fingers.clip(-2, 1.5))
        edema = _step(depth + width * (1 - fluid), 4) * (1 - core)
        return core, enhancing, edema * (1 - fluid), uptake


def _step(values, width):
    """A ramp from 0 to 1 around 0."""
    return np.clip(values / width + 0.5, 0, 1).astype(np.float32)


def draw_lesions(rng, sites, radii=RADII):
    """One to three lesions at some of the positions `sites` [n, 3].

    The radii are the smallest and the largest of a core, mean, mm. Several lesions in
    one brain are smaller: their largest radius is 13/22 of it, or the smallest.
    """
    count = rng.choice([1, 2, 3], p=[0.65, 0.23, 0.12])
    centers = sites[rng.choice(len(sites), count, replace=False)]
    smallest, largest = radii
    if count > 1:
        largest = max(smallest, largest * 13 / 22)
    return [Lesion(rng, center, largest, smallest) for center in centers]


def mass_effect(lesions, axes):
    """Where the tissue at each voxel came from: mm, float32 [3, x, y, z] of offsets."""
    origins = np.zeros((3, *map(len, axes)), np.float32)
    for lesion in lesions:
        part = lesion.box(axes)
        moved = lesion.displacement([axis[s] for axis, s in zip(axes, part)])
        origins[(slice(None), *part)] -= moved
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
        weights = lesion.fractions(fluid[part], [a[s] for a, s in zip(axes, part)])
        core, enhancing, edema, uptake = weights
        necrosis, swelling, enhancement = lesion.levels
        patch, codes = tissue[part], mask[part]
        patch *= 1 - edema * np.float32(1 - swelling)
        patch += core * (np.float32(necrosis) * (1 + 0.05 * uptake) - patch)
        bright = np.float32(enhancement) * (1 + 0.12 * uptake.clip(-2, 2))
        patch += enhancing * (bright - patch)
        codes[(edema > 0.5) & (codes == 0)] = EDEMA
        codes[core > 0.5] = NECROSIS
        codes[enhancing > 0.5] = ENHANCING
    return mask * brain
