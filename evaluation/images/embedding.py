"""t-SNE of sets of images: the choice of images, and their coordinates in a plane.

Van der Maaten and Hinton (2008), https://jmlr.org/papers/v9/vandermaaten08a.html, as
scikit-learn approximates it (Barnes-Hut, angle 0.5). It starts from the first two
principal components, so that coordinates depend less on chance; the learning rate is
the larger of 50 and a 48th of the number of images.
"""

import dataclasses

import numpy as np
import tqdm
from sklearn.manifold import TSNE

from dataset.errors import UserError
from dataset.image_sets import ImageSet
from dataset.records import label_name


@dataclasses.dataclass(frozen=True)
class Points:
    """Some images of a set, each a vector.

    Attributes:
      images: the `ImageSet`.
      positions: in it, int [points].
      vectors: float32 [points, values].
    """

    images: ImageSet
    positions: np.ndarray
    vectors: np.ndarray

    @property
    def labels(self):
        return self.images.labels[self.positions]


@dataclasses.dataclass(frozen=True)
class Panel:
    """Real images and those of one synthetic set in a common plane.

    Attributes:
      name: of the synthetic set.
      real, synthetic: `Points`.
      real_coordinates, synthetic_coordinates: float32 [points, 2].
    """

    name: str
    real: Points
    real_coordinates: np.ndarray
    synthetic: Points
    synthetic_coordinates: np.ndarray

    @property
    def sides(self):
        """(`Points`, coordinates) of the real and of the synthetic images."""
        real = (self.real, self.real_coordinates)
        return real, (self.synthetic, self.synthetic_coordinates)


def choose_points(images, classes, num_images, seed):
    """Positions of `num_images` images of each class, chosen by the seed.

    Raises:
      UserError: the set has fewer.
    """
    draws = np.random.default_rng([seed, 7])
    chosen = []
    for label in classes:
        positions = np.flatnonzero(images.labels == label)
        if len(positions) < num_images:
            raise UserError(
                f"--num_images={num_images}: {images.name} has {len(positions)}"
                f" {label_name(label)} images."
            )
        chosen.append(draws.choice(positions, num_images, replace=False))
    return np.concatenate(chosen)


def embed(points, *, joint, perplexity, num_iterations, seed):
    """Brings images to a plane.

    Args:
      points: list of `Points`: of the real images, then of each synthetic set.
      joint: whether all sets share one plane, in which the real images have the
        same coordinates in every panel, or each has its own with them, as in the paper.
      perplexity, num_iterations, seed: as the flags.

    Returns:
      A list of `Panel`s, and the Kullback-Leibler divergence left of each plane.

    Raises:
      UserError: the perplexity is too large for so few images.
    """
    real, *synthetic = points
    planes = [[real, *synthetic]] if joint else [[real, one] for one in synthetic]
    panels, divergences = [], []
    for plane in tqdm.tqdm(planes, "evaluation.tsne", unit="plane"):
        vectors = np.concatenate([part.vectors for part in plane])
        if perplexity >= len(vectors):
            raise UserError(
                f"--perplexity={perplexity:g}: expected less than the {len(vectors)}"
                " images of a plane."
            )
        model = TSNE(
            perplexity=perplexity,
            max_iter=num_iterations,
            n_iter_without_progress=num_iterations,  # All of them, as in the paper.
            init="pca",
            random_state=seed,
        )
        coordinates = model.fit_transform(vectors)
        divergences.append(float(model.kl_divergence_))
        ends = np.cumsum([len(part.positions) for part in plane])[:-1]
        real_coordinates, *others = np.split(coordinates, ends)
        for part, own in zip(plane[1:], others):
            name = part.images.name
            panels.append(Panel(name, real, real_coordinates, part, own))
    return panels, divergences
