"""How far generated images are from real ones of the same size.

The sliced Wasserstein distance of Karras et al. (2018), times 1,000, its mean over the
levels of the pyramid: from images of the averaged generator to those of validation
patients, of which the training knows distances only. Two more tell what a distance is
worth. That to training images falls alone where images are learnt by heart. That of
training to validation images, both real, is the floor: what other patients' have.
"""

import numpy as np
import tensorflow as tf

from dataset.record_faults import record_errors
from dataset.records import to_float, to_uint8
from features import wasserstein
from pggan import input_pipeline
from training import input as training_input

# A sixteenth of the work of `evaluation.quality`, whose distances are a tenth lower for
# it, but as uncertain: that comes from the number of images.
NUM_PATCHES, NUM_DIRECTIONS = 32, 128
# Differs from the paper: one level more, of 8 px, where a patch is nearly the whole
# image. At 32 px a generator can be as near as real images by the levels of 32 and 16
# whose heads are all of one shape.
COARSEST = wasserstein.PATCH
RESAMPLES = 20
DRAWN_AT_ONCE = 32
PLACE_STREAM, LATENT_STREAM, RESAMPLING_STREAM = 2, -2, 3


class References:
    """Real images of one size, to which generated ones are compared.

    Args:
      training_images, validation_images: uint8 [images, size, size], equally many.
      seed: of patches and directions, the same for all comparisons.

    Attributes:
      floor: distance of the training images to the validation images.
    """

    def __init__(self, training_images, validation_images, seed):
        self._training_images = training_images
        self._seed = seed
        self._directions = wasserstein.directions(seed, NUM_DIRECTIONS)
        self._validation = self._slices(validation_images)
        self._training = self._slices(training_images)
        self.floor = _mean(_distances(self._training, self._validation))

    def __len__(self):
        return len(self._training_images)

    def _slices(self, images):
        patches = wasserstein.patches_per_level(
            images, self._seed, NUM_PATCHES, COARSEST
        )
        return {
            size: wasserstein.slices(own, self._directions)
            for size, own in patches.items()
        }

    def compare(self, images):
        """The distances of as many images, by what a line of the log calls them.

        Args:
          images: uint8 [images, size, size].
        """
        own = self._slices(images)
        levels = _distances(own, self._validation)
        return {
            "swd": _mean(levels),
            **{f"swd_{size}px": distance for size, distance in levels.items()},
            "swd_training": _mean(_distances(own, self._training)),
            "swd_floor": self.floor,
        }

    def noise(self):
        """By how much the distance of so few images depends on which are drawn.

        The standard deviation over sets that are drawn from the training images with
        replacement. Generated images are of the same latents each time, so theirs
        changes by less as long as the generator stays.
        """
        draws = np.random.default_rng([RESAMPLING_STREAM, self._seed])
        distances = [
            _mean(_distances(self._slices(self._training_images[n]), self._validation))
            for n in draws.integers(len(self), size=[RESAMPLES, len(self)])
        ]
        return float(np.std(distances, ddof=1))


def _distances(slices_a, slices_b):
    """The distance at each level, times 1,000."""
    return {
        size: 1e3 * float(wasserstein.slices_distance(own, slices_b[size]).mean())
        for size, own in slices_a.items()
    }


def _mean(levels):
    return float(np.mean([*levels.values()]))


def real_images(chosen, *, resolution, size, seed):
    """Images as a training sees them while it is at `size` px.

    Args:
      chosen: `training.input.ChosenImages`.
      resolution: the final resolution, in pixels.
      size: the current one.
      seed: of the places in `resolution`.

    Returns:
      uint8 [images, size, size].
    """
    examples = training_input.shuffled_examples(
        [chosen], start=0, stop=len(chosen), seed=seed, shuffle=False
    )

    def prepare(example):
        place_seed = training_input.image_seed(seed, example["n"], PLACE_STREAM)
        image = to_float(example["image"])
        return to_uint8(input_pipeline.at_size(image, resolution, size, place_seed))

    images = examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    with record_errors([chosen]):
        (batch,) = training_input.finish(images.batch(len(chosen))).as_numpy_iterator()
    return batch[..., 0]


def generated_images(model, num_images, *, alpha, seed):
    """Images of the averaged generator at its current size, of fixed latents.

    Args:
      model: a `PGGAN`.
      alpha: weight of the layers that fade in.
      seed: of the latents.

    Returns:
      uint8 [num_images, size, size].
    """
    latents = tf.random.stateless_normal(
        [num_images, model.latent_size], seed=[seed, LATENT_STREAM]
    )
    average = model.averaged_generators[model.resolution_key]
    images = []
    for first in range(0, num_images, DRAWN_AT_ONCE):
        some = latents[first : first + DRAWN_AT_ONCE]
        drawn = average([some, tf.fill([len(some)], alpha)], training=False)
        images.append(to_uint8(drawn)[..., 0].numpy())
    return np.concatenate(images)
