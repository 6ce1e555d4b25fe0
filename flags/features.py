"""Flags of what images are compared by, other than pixels."""

from flags.kinds import choice, integer, path

BACKBONES = (
    "inception_v3",
    "densenet121",
    "densenet169",
    "densenet201",
    "resnet50",
    "descriptors",
)


def define_features(automatic=""):
    """Flags of what images are compared by, other than pixels.

    Args:
      automatic: what the default backbone, `auto`, stands for, a sentence; without it
        the first of `BACKBONES` is the default.
    """
    return dict(
        backbone=choice(
            ["auto", *BACKBONES] if automatic else BACKBONES,
            "Network whose pooled features images are compared by, or descriptors:"
            " measures of layout, edges, detail and symmetry made by hand, which need"
            f" no weights.{automatic and ' ' + automatic}",
        ),
        weights=path(
            "Weights of the network: imagenet (Keras' own, from its cache or"
            " downloaded), none (random, a weak measure) or the path of a file of"
            " Keras' layout.",
            default="imagenet",
            required=False,
        ),
        feature_size=integer(
            0,
            "Height and width, in pixels, at which the network sees images; 0 for its"
            " own, 299 or 224.",
        ),
    )
