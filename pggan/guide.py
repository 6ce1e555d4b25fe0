"""A detector that guides G: images that are hard for it, and yet of their class.

What Han et al. (2019) name as future work, after the three-player GAN of Vandenhende et
al. (2019), https://arxiv.org/abs/1903.03496: a loss that aims at classification and not
at looks. The detector has been trained on real images and does not change.
"""

import os
from collections.abc import Callable

import tensorflow as tf

from dataset.errors import UserError
from dataset.records import LABEL_NAMES

TUMOR = LABEL_NAMES[1]


def open_guide(
    guide_dir: str | None, guide_weight: float, label: str
) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """A function of images to probabilities of their own class; None without weight.

    No model tracks the detector, so that it is in no checkpoint.

    Args:
      guide_dir: folder of a SavedModel by `classifier.export`.
      guide_weight: weight of the loss.
      label: name of the class that is generated.

    Returns:
      Function of float32 [batch, size, size, 1] in [-1, 1] to float32 [batch].

    Raises:
      UserError: there is no such detector.
    """
    if not guide_weight:
        return None
    if not guide_dir:
        raise UserError(
            f"--guide_weight={guide_weight:g}: no detector; expected --guide_dir, a"
            " folder of classifier.export."
        )
    if not os.path.isfile(os.path.join(guide_dir, "saved_model.pb")):
        raise UserError(
            f"--guide_dir={guide_dir}: no saved_model.pb in it; expected a folder of"
            " classifier.export."
        )
    try:
        detector = tf.saved_model.load(guide_dir)
        # On a replica: its mirrored variables have no value between replicas.
        tf.distribute.get_strategy().run(detector, [tf.zeros([1, 32, 32, 1])])
    except (TypeError, ValueError, IndexError, OSError, tf.errors.OpError) as error:
        raise UserError(
            f"--guide_dir={guide_dir}: not a detector of classifier.export:"
            f" {str(error).splitlines()[0]}"
        ) from error

    def own_class(images):
        tumor = detector(images)
        return tumor if label == TUMOR else 1.0 - tumor

    return own_class
