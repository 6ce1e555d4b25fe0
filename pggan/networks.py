"""Generator and discriminator of Karras et al. (2018), table 2, for grey images.

The networks of all resolutions share their layers: each is one functional model over
(images or latents, alpha), and growing means continuing with the next one.
"""

import keras

from gan.layers import Upsample
from pggan import growth
from pggan.layers import (
    SQRT_2,
    Bias,
    EqualizedConv2D,
    EqualizedDense,
    FadeIn,
    MinibatchStddev,
    PixelNorm,
)


def feature_maps(stage, fmap_base, fmap_max):
    """nf(s) = min(fmap_base / 2^s, fmap_max); resolution 2^r uses stage r - 1."""
    return max(1, min(fmap_base // 2**stage, fmap_max))


def _maps_at(size, fmap_base, fmap_max):
    return feature_maps(size.bit_length() - 2, fmap_base, fmap_max)


def _activate(x):
    return keras.layers.LeakyReLU(0.2)(x)


def build_generators(
    resolution: int,
    *,
    latent_size: int = 512,
    fmap_base: int = 8192,
    fmap_max: int = 512,
) -> dict[str, keras.Model]:
    """The generators of all resolutions up to `resolution`, over the same layers.

    Returns:
      Dict of "4px", "8px", ... to model: latents float32 [batch, latent_size] and alpha
      float32 [batch] to images float32 [batch, size, size, 1], unbounded.
    """
    latents = keras.Input([latent_size], name="latents")
    alpha = keras.Input([], name="alpha")
    maps = _maps_at(4, fmap_base, fmap_max)
    x = PixelNorm()(latents)
    x = EqualizedDense(16 * maps, SQRT_2 / 4, use_bias=False, name="latents_to_4px")(x)
    x = Bias(name="bias_4px")(keras.layers.Reshape([4, 4, maps])(x))
    x = PixelNorm()(_activate(x))
    x = PixelNorm()(_activate(EqualizedConv2D(maps, 3, name="conv_4px")(x)))
    image = None
    generators: dict[str, keras.Model] = {}
    for size in growth.resolutions(resolution):
        if size > 4:
            maps = _maps_at(size, fmap_base, fmap_max)
            x = keras.layers.Identity()(x)  # Once `Upsample`: checkpoints count layers.
            for part in ("a", "b"):
                conv = EqualizedConv2D(
                    maps, 3, upsampled=part == "a", name=f"conv_{part}_{size}px"
                )
                x = PixelNorm()(_activate(conv(x)))
        smaller, image = image, _to_image(size)(x)
        output = image
        if smaller is not None:
            output = FadeIn(dtype="float32")([Upsample()(smaller), image, alpha])
        generators[f"{size}px"] = keras.Model(
            [latents, alpha], output, name=f"generator_{size}px"
        )
    return generators


def _to_image(size):
    """The 1x1 convolution to grey; linear, there is no tanh."""
    return EqualizedConv2D(1, 1, gain=1.0, dtype="float32", name=f"to_image_{size}px")


def build_discriminators(
    resolution: int,
    *,
    fmap_base: int = 8192,
    fmap_max: int = 512,
    stddev_group: int = 16,
) -> dict[str, keras.Model]:
    """The discriminators of all resolutions up to `resolution`, over the same layers.

    Returns:
      Dict of "4px", "8px", ... to model: images float32 [batch, size, size, 1] and
      alpha float32 [batch] to scores float32 [batch].
    """

    def maps_at(size):
        return _maps_at(size, fmap_base, fmap_max)

    pool = keras.layers.AveragePooling2D(2)
    from_image = {}
    blocks = {4: _top_block(maps_at(4), maps_at(2), stddev_group)}
    for size in growth.resolutions(resolution):
        conv = EqualizedConv2D(maps_at(size), 1, name=f"from_image_{size}px")
        from_image[size] = keras.Sequential([conv, keras.layers.LeakyReLU(0.2)])
        if size > 4:
            blocks[size] = keras.Sequential(
                [
                    EqualizedConv2D(maps_at(size), 3, name=f"conv_a_{size}px"),
                    keras.layers.LeakyReLU(0.2),
                    EqualizedConv2D(maps_at(size // 2), 3, name=f"conv_b_{size}px"),
                    keras.layers.LeakyReLU(0.2),
                    pool,
                ]
            )
    discriminators = {}
    for size in from_image:
        images = keras.Input([size, size, 1], name="images")
        alpha = keras.Input([], name="alpha")
        x = blocks[size](from_image[size](images))
        if size > 4:
            old = from_image[size // 2](pool(images))
            x = FadeIn(dtype="float32")([old, x, alpha])
        while size > 4:
            size //= 2
            x = blocks[size](x)
        name = f"{images.shape[1]}px"
        discriminators[name] = keras.Model(
            [images, alpha], x, name=f"discriminator_{name}"
        )
    return discriminators


def _top_block(maps, dense_maps, stddev_group):
    return keras.Sequential(
        [
            MinibatchStddev(stddev_group),
            EqualizedConv2D(maps, 3, name="conv_4px"),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Flatten(),
            EqualizedDense(dense_maps, name="dense"),
            keras.layers.LeakyReLU(0.2),
            EqualizedDense(1, gain=1.0, dtype="float32", name="scores"),
            keras.layers.Reshape([], dtype="float32"),
        ]
    )
