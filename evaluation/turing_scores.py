"""What readers of a Visual Turing Test could tell apart, with its uncertainty.

The first question's positive answer is `real`, the second's `tumor`. Confusion matrices
are [[right positive, wrong negative], [wrong positive, right negative]]: as Table 2 of
Han et al. (2019) prints them, R as R, R as S, S as R, S as S.
"""

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats import inter_rater

from evaluation.statistics import wilson_interval

QUESTIONS = ("real", "tumor")

# Han et al. (2019), Table 2, whose fourth heading has a typo: it is S as S. Tumor
# answers are divided into those to real and to synthetic images, as far as printed.
PAPER_TABLE = {
    "real": [[73, 27], [14, 86]],
    "tumor": [[77, 23], [2, 98]],
    "tumor_by_source": {"real": [[39, 11], [0, 50]], "synthetic": [[38, 12], [2, 48]]},
}


def confusion(truth, said):
    """[[said yes of yes, no of yes], [yes of no, no of no]], two bool [images]."""
    truth, said = np.asarray(truth, bool), np.asarray(said, bool)
    return [
        [int((said == answer)[truth == value].sum()) for answer in (True, False)]
        for value in (True, False)
    ]


def score(matrix):
    """Accuracy of a confusion matrix, and whether it differs from guessing.

    Returns:
      A dict of the accuracy's `value` and the ends `low` and `high` of its 95 % Wilson
      interval, the number of `images`, the `confusion` matrix, and the two-sided
      `p_value` of the exact binomial test against guessing, one half.
    """
    images = sum(map(sum, matrix))
    right = matrix[0][0] + matrix[1][1]
    return _with_interval(right / images, images, matrix, right, images)


def _with_interval(value, images, matrix, right, decided):
    low, high = wilson_interval(value, images)
    return {
        "value": value,
        "low": low,
        "high": high,
        "images": images,
        "confusion": matrix,
        "p_value": float(binomtest(right, decided).pvalue) if decided else 1.0,
    }


def score_reader(truth, said):
    """Both questions of a reader, from dicts of `real` and `tumor`, bool [images].

    Returns:
      `score` by question, and `tumor_by_source`: the tumor question's confusion
      matrices on the real and on the synthetic images alone.
    """
    real = truth["real"]
    scores = {q: score(confusion(truth[q], said[q])) for q in QUESTIONS}
    scores["tumor_by_source"] = {
        source: confusion(truth["tumor"][chosen], said["tumor"][chosen])
        for source, chosen in (("real", real), ("synthetic", ~real))
    }
    return scores


def pool(truth, readers):
    """All readers together.

    They saw the same images, so more readers are not more images: the interval is that
    of their mean accuracy on this number of images, and the test counts images that
    more than half of the readers answered rightly, leaving out ties.

    Returns:
      As `score_reader`, with `confusion` summed over the readers.
    """
    each = [score_reader(truth, said) for said in readers]
    pooled = {
        "tumor_by_source": {
            source: _sum(scores["tumor_by_source"][source] for scores in each)
            for source in ("real", "synthetic")
        }
    }
    for question in QUESTIONS:
        right = np.mean([s[question] == truth[question] for s in readers], axis=0)
        pooled[question] = _with_interval(
            float(right.mean()),
            len(right),
            _sum(scores[question]["confusion"] for scores in each),
            int((right > 0.5).sum()),
            int((right != 0.5).sum()),
        )
    return pooled


def _sum(matrices):
    return np.sum(list(matrices), axis=0).tolist()


def agreement(readers):
    """Kappa of two or more readers: Cohen's (1960) for two, Fleiss' (1971) for more.

    Returns:
      By question a dict of `kappa` (1: the same answers, 0: as by chance; None where
      all readers gave one answer to all images) and `method`; None for one reader.
    """
    if len(readers) < 2:
        return None
    return {q: _kappa(np.array([said[q] for said in readers])) for q in QUESTIONS}


def _kappa(answers):
    """Kappa of bool [readers, images]."""
    method = "Cohen" if len(answers) == 2 else "Fleiss"
    if (answers == answers[0, 0]).all():
        return {"kappa": None, "method": method}
    if len(answers) == 2:
        kappa = inter_rater.cohens_kappa(confusion(*answers)).kappa
    else:
        yes = answers.sum(0)
        counts = np.stack([yes, len(answers) - yes], axis=1)  # [images, answers]
        kappa = inter_rater.fleiss_kappa(counts)
    return {"kappa": float(kappa), "method": method}
