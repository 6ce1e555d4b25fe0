"""From distances to what a person looks at first, and what is proposed to them."""

import collections

import numpy as np

from dataset.shards import label_name
from filtering.decisions import DISCARD, KEEP


def ranked(clusters, strangeness):
    """Numbers clusters anew, so that 0 is the strangest.

    Args:
      clusters: int [images], from 0, none empty.
      strangeness: float [images]; a cluster's is the median of its images'.

    Returns:
      int [images].
    """
    medians = [np.median(strangeness[clusters == n]) for n in range(clusters.max() + 1)]
    order = np.argsort(-np.array(medians), kind="stable")
    return np.argsort(order)[clusters]


def propose(suspicion, max_suspicion):
    """`keep` or `discard` for each image, an array of texts."""
    return np.where(suspicion > max_suspicion, DISCARD, KEEP)


def summaries(clusters, labels, suspicion, proposals):
    """What `clusters.json` says of each cluster, but for its sheet.

    Args:
      clusters, labels: int [images].
      suspicion, proposals: float and text [images], or None both.

    Returns:
      List of dicts. A cluster is proposed for discarding if most of its images are.
    """
    listed = []
    for number in range(clusters.max() + 1):
        own = clusters == number
        size = int(own.sum())
        counts = collections.Counter(label_name(label) for label in labels[own])
        values = dict.fromkeys(("suspicion", "num_proposed", "proposal"))
        if suspicion is not None:
            discarded = int((proposals[own] == DISCARD).sum())
            values = {
                "suspicion": round(float(np.median(suspicion[own])), 4),
                "num_proposed": discarded,
                "proposal": DISCARD if 2 * discarded > size else KEEP,
            }
        listed.append({"size": size, "labels": dict(sorted(counts.items())), **values})
    return listed
