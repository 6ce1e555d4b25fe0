"""Classic data augmentation of Han et al. (2019): flips and one affine warp.

The parameters have the names and the meaning that they have in Keras'
`ImageDataGenerator.apply_transform`, whose pixels this reproduces.
"""

import numpy as np
from scipy import ndimage

CLASSIC_STREAM = 3
SHEAR_UNITS = ("percent", "degrees")


def parameters(seed, n, size, *, rotation, shift, shear, shear_unit, zoom):
    """The transform of image number `n`, a function of (seed, n).

    Args:
      seed: seed of the set.
      n: number of the image.
      size: its height and width in pixels.
      rotation: largest angle in degrees.
      shift: largest shift in percent of the size.
      shear: largest shear, in `shear_unit`.
      shear_unit: `percent` of the height, the tangent of the angle, or `degrees`.
      zoom: largest zoom in percent, each axis on its own.

    Returns:
      A dict of `theta` (degrees), `tx`, `ty` (pixels), `shear` (degrees), `zx`, `zy`
      (factors), `flip_horizontal`, `flip_vertical`.
    """
    generator = np.random.Generator(np.random.PCG64([CLASSIC_STREAM, seed, n]))
    angle, right, down, slant, wide, high = generator.uniform(-1.0, 1.0, 6)
    flip_horizontal, flip_vertical = generator.random(2) < 0.5
    if shear_unit == "percent":
        shear_angle = float(np.rad2deg(np.arctan(slant * shear / 100.0)))
    else:
        shear_angle = slant * shear
    return {
        "theta": angle * rotation,
        "tx": right * shift / 100.0 * size,
        "ty": down * shift / 100.0 * size,
        "shear": shear_angle,
        "zx": 1.0 + wide * zoom / 100.0,
        "zy": 1.0 + high * zoom / 100.0,
        "flip_horizontal": bool(flip_horizontal),
        "flip_vertical": bool(flip_vertical),
    }


def transform(image, *, flip_horizontal, flip_vertical, **warp):
    """Applies `parameters` to an image; points from outside it are 0.

    Args:
      image: uint8 [size, size].
      flip_horizontal: whether to mirror left and right, after the warp.
      flip_vertical: whether to mirror top and bottom, after the warp.
      **warp: the other parameters.

    Returns:
      uint8 [size, size].
    """
    matrix, offset = _affine(len(image), **warp)
    # Float arithmetic: on uint8 SciPy would cut the fraction off, which darkens.
    # OpenCV's warp is faster but knows only 1/32 of a pixel.
    warped = ndimage.affine_transform(
        image.astype(np.float32), matrix, offset, order=1, mode="constant", cval=0.0
    )
    flipped = warped[
        :: -1 if flip_vertical else 1,
        :: -1 if flip_horizontal else 1,
    ]
    return np.rint(flipped).astype(np.uint8)


def _affine(size, theta, tx, ty, shear, zx, zy):
    """Where in the input an output pixel comes from: matrix [2, 2] and offset [2].

    About the image's center, in (x, y): rotation * (shear * zoom * p + shift). SciPy's
    coordinates are (row, column), so both axes are exchanged at the end.
    """
    turn, slant = np.deg2rad([theta, shear])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shearing = np.array([[1.0, -np.sin(slant)], [0.0, np.cos(slant)]])
    matrix = rotation @ shearing @ np.diag([zx, zy])
    center = np.full(2, size / 2 - 0.5)
    offset = rotation @ [tx, ty] + center - matrix @ center
    return matrix[::-1, ::-1], offset[::-1]
