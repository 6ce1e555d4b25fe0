"""When the networks grow: resolution and fade-in weight by the number of images shown.

Karras et al. (2018), section 2 and appendix A: a first phase at 4x4, then for each
resolution a fade-in and a stabilise phase. Everything here is a pure function.
"""

import dataclasses

from dataset.errors import UserError


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of training at one resolution.

    Attributes:
      resolution: height and width of the images, in pixels.
      fading: whether the layers of this resolution are being faded in.
      start: number of images shown before it.
      stop: number of images shown at its end.
    """

    resolution: int
    fading: bool
    start: int
    stop: int

    @property
    def name(self):
        return f"{self.resolution:03d}px-{'fade' if self.fading else 'stabilise'}"


def resolutions(resolution):
    """4, 8, ..., resolution.

    Raises:
      UserError: `resolution` is not a power of 2 from 4 on.
    """
    if resolution < 4 or resolution & (resolution - 1):
        raise UserError(f"--resolution={resolution}: expected a power of 2 from 4 on.")
    return [2**r for r in range(2, resolution.bit_length())]


def schedule(resolution, *, stabilize_kimg, fade_kimg, batch_size):
    """The phases of a training, each a whole number of batches.

    Args:
      resolution: the final resolution, in pixels.
      stabilize_kimg: thousands of images of the stabilise phases, list of one number
        for all or of one for each of 4, 8, ..., resolution.
      fade_kimg: the same for the fade phases of 8, ..., resolution.
      batch_size: images per step.

    Raises:
      UserError: a list has another length, or a phase would have no step.
    """
    sizes = resolutions(resolution)
    stabilize = _per_phase("stabilize_kimg", stabilize_kimg, sizes)
    fade = _per_phase("fade_kimg", fade_kimg, sizes[1:])
    lengths = [(sizes[0], False, stabilize[0])]
    for size, fade_length, length in zip(sizes[1:], fade, stabilize[1:]):
        lengths += [(size, True, fade_length), (size, False, length)]
    phases, start = [], 0
    for size, fading, kimg in lengths:
        steps = round(float(kimg) * 1000 / batch_size)
        if steps < 1:
            flag = "fade_kimg" if fading else "stabilize_kimg"
            raise UserError(
                f"--{flag}={kimg}: not one batch of {batch_size} images at {size} px."
            )
        stop = start + steps * batch_size
        phases.append(Phase(size, fading, start, stop))
        start = stop
    return phases


def kimg_of_epochs(resolution, num_epochs, num_images):
    """The length of a phase, in thousands of images, if all share `num_epochs`."""
    num_phases = 2 * len(resolutions(resolution)) - 1
    return num_epochs * num_images / num_phases / 1000


def _per_phase(flag, numbers, sizes):
    if len(numbers) == 1:
        return list(numbers) * len(sizes)
    if len(numbers) != len(sizes):
        raise UserError(
            f"--{flag}: {len(numbers)} numbers, expected 1 or {len(sizes)} (one for"
            f" each of {', '.join(map(str, sizes))} px)."
        )
    return list(numbers)


def alpha_at(phase, images_shown):
    """The weight of the new layers: 0 at the start of a fade, 1 from its end on.

    Works on Python numbers and on tensors.
    """
    if not phase.fading:
        return images_shown * 0 + 1
    return (images_shown - phase.start) / (phase.stop - phase.start)


def steps_every(kimg, batch_size, phase):
    """The steps of a phase after which something is done: its last, and some others.

    Args:
      kimg: thousands of images, of the whole training, between two.
      batch_size: images per step.
      phase: a `Phase`.

    Returns:
      A set of numbers of finished steps.
    """
    first, last = phase.start // batch_size, phase.stop // batch_size
    every = max(1, int(kimg * 1000 / batch_size))
    return {last, *(n for n in range(0, last, every) if n > first)}
