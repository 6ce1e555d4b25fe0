"""What scanners make of an artificial brain: contrast, vessels, shading, blur, noise.

Intensities are relative to white matter, which is 1.
"""

import numpy as np
from scipy import ndimage

from dataset.anatomy import SmoothField


class Scanner:
    """A T1c scan's settings, drawn by a `np.random.Generator`."""

    def __init__(self, rng):
        self.blur = np.full(3, rng.uniform(0.3, 0.7))  # Standard deviations, mm.
        self.blur[rng.integers(3)] += rng.exponential(0.5)  # Along one: thick slices.
        self.blur = np.minimum(self.blur, 2.0)
        self.fluid = rng.uniform(0.2, 0.5)  # Cerebrospinal fluid's intensity.
        self.grey = rng.uniform(0.7, 0.93)  # Grey matter's.
        self.atrophy = rng.uniform(0.0, 0.12)  # Of the template's greys, how far fluid.
        self.vessel = rng.uniform(1.2, 2.0)  # Intensity of blood with contrast agent.
        self.texture = SmoothField(rng, 5)
        self.shading = SmoothField(rng, 70)  # Of the coil's sensitivity.
        self.veins = SmoothField(rng, 6)  # Of their contrast.
        self.spots = SmoothField(rng, 3.5)  # Where small vessels are.
        self.shading_strength = rng.uniform(0.02, 0.12)  # Of the logarithm.
        self.noise = rng.uniform(0.008, 0.035)  # Of each channel of the complex signal.
        self.gain = 10 ** rng.uniform(2.1, 3.3)  # White matter in the file.

    def tissue(self, intensity, vessels, axes):
        """The brain without lesions, float32 [x, y, z].

        Args:
          intensity, vessels: the template's volumes, float32 [x, y, z], warped.
          axes: the positions of their voxels.
        """
        # The template is a mean of many brains: the ramps between the plateaus are
        # narrow to give it the crisp borders of a single one.
        knots = np.array([0.3, 0.58, 0.68, 0.82, 1.0])
        knots[:2] += self.atrophy * np.array([1.0, 0.5])
        levels = [self.fluid, self.grey - 0.02, self.grey + 0.02, 0.98, 1.04]
        tissue = np.interp(intensity, knots, levels).astype(np.float32)
        tissue *= 1 + np.float32(0.02) * self.texture(axes)
        sulci = np.clip((0.62 - intensity) / 0.12, 0, 1) * (intensity > 0.42)
        small = sulci * np.clip(self.spots(axes) - 1.4, 0, 1)
        large = vessels * np.clip(0.55 + 0.35 * self.veins(axes), 0, 1)
        return tissue + np.maximum(small, large) * (self.vessel - tissue)

    def acquire(self, tissue, brain, axes, rng):
        """The scan, int16 [x, y, z], at least 1 in `brain` and 0 outside of it."""
        spacing = axes[0][1] - axes[0][0]
        signal = tissue * np.exp(np.float32(self.shading_strength) * self.shading(axes))
        signal = ndimage.gaussian_filter(signal, self.blur / spacing, truncate=3)
        signal = signal[brain]
        noise = np.float32(self.noise) * rng.standard_normal((2, signal.size), "f4")
        magnitude = np.hypot(signal + noise[0], noise[1])  # Rician
        scan = np.zeros(brain.shape, np.int16)
        scan[brain] = np.clip(np.round(self.gain * magnitude), 1, 32767)
        return scan
