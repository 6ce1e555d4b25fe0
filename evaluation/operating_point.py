"""Sensitivity at a given specificity: a point of the empirical ROC curve.

Every detector is a network of its own, and 0.5 of one may be 0.3 of another: at a fixed
threshold two of them differ in where they stand on their ROC curves, too. At equal
specificity they do not.

With n non-tumor images and specificity s, (1 - s) n of them may be called tumor. Let t
be the highest score with more than that many at or above it. Above t every image is
called tumor. Of those at t, which only chance could order, the part L is:

    L = ((1 - s) n - #{non-tumor above t}) / #{non-tumor at t}
    sensitivity = (#{tumor above t} + L #{tumor at t}) / #{tumor}

So the specificity is s, no more and no less, whatever the ties. This is the height of
the empirical ROC curve, with the straight lines between its points whose area is the
AUC, at 1 - s; where it is vertical, its upper end.
"""

import numpy as np


def tumor_images_called(labels, scores, owner, counts, specificity):
    """How many tumor images a detector finds at a specificity, for each draw.

    Args:
      labels: int [images], 0 non-tumor, 1 tumor.
      scores: of one detector, float [images], higher for tumor.
      owner: number of each image's patient, int [images].
      counts: how often each patient is in each draw, float [draws, patients].
      specificity: in [0, 1].

    Returns:
      float64 [draws]; the number of all tumor images in draws without non-tumor ones.
    """
    tumor, patients = labels == 1, counts.shape[1]
    levels = np.unique(-scores[~tumor])  # Ascending: the highest score first.

    def counted(owner, index):
        """Images per patient whose index is at most a level's."""
        table = np.zeros([patients, len(levels) + 1])
        np.add.at(table, (owner, index), 1)
        return table.cumsum(1)

    rivals = counted(owner[~tumor], np.searchsorted(levels, -scores[~tumor]))
    found, tied = (
        counted(owner[tumor], np.searchsorted(levels, -scores[tumor], side))
        for side in ("right", "left")
    )
    at_or_above = counts @ rivals[:, :-1]  # [draws, levels]
    # Weights are whole numbers, (1 - 0.9) * 10 is not: it is a little less than 1.
    allowed = np.round((1 - specificity) * (counts @ rivals[:, -1]), 9)
    level = (at_or_above <= allowed[:, None]).sum(1)  # [draws]

    def per_draw(table):
        """Images, of all patients, at each draw's level: float64 [draws]."""
        return (counts * table.T[level]).sum(1)

    above = per_draw(np.pad(rivals, ((0, 0), (1, 0))))
    at = per_draw(rivals) - above
    part = np.divide(allowed - above, at, out=np.zeros_like(at), where=at > 0)
    return per_draw(found) + part * (per_draw(tied) - per_draw(found))
