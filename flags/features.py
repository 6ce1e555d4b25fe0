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


def define_features():
    """Flags of what images are compared by, other than pixels."""
    return dict(
        backbone=choice(
            BACKBONES,
            "Network whose pooled features images are compared by, or descriptors:"
            " measures made by hand, which need no weights.",
        ),
        weights=path(
            "Weights of the network: imagenet (Keras' own, from its cache or the net),"
            " none (random, a weak measure) or the path of a file of Keras' layout.",
            default="imagenet",
            required=False,
        ),
        feature_size=integer(
            0,
            "Height and width, in pixels, at which the network sees images; 0 for its"
            " own, 299 or 224.",
        ),
    )
