"""How well a reader in training tells images apart: by class, and over time."""

import numpy as np

from dataset.records import label_name
from evaluation.training_series import REAL
from evaluation.turing_scores import confusion, score

WINDOW = 20  # images of the moving accuracy


def training_scores(replies, questions):
    """Scores of the replies so far.

    Args:
      replies: list of dicts of `source`, `label` and, by question, what was said.
      questions: some of `evaluation.turing_scores.QUESTIONS`.

    Returns:
      A dict of `rows`: a list of dicts of `name` (all images, then each source and
      class that came) and, by question, `right`, `images`, and accuracy `value` with
      the ends `low` and `high` of its 95 % Wilson interval. And of `moving`: by
      question, the accuracy of the last 20 replies after each reply.
    """
    if not replies:
        return {"rows": [], "moving": {question: [] for question in questions}}
    groups = {"all": replies}
    # Real ones first, tumors before others, whatever came first.
    for reply in sorted(
        replies, key=lambda r: (r["source"] != REAL, r["source"], -r["label"])
    ):
        name = f"{reply['source']}, {label_name(reply['label'])}"
        groups.setdefault(name, []).append(reply)
    return {
        "rows": [
            {"name": name, **{q: _accuracy(own, q) for q in questions}}
            for name, own in groups.items()
        ],
        "moving": {q: moving_accuracy(_is_right(replies, q)) for q in questions},
    }


def truth(image):
    """The right answers to both questions, by question."""
    return {"real": image["source"] == REAL, "tumor": image["label"] == 1}


def _is_right(replies, question):
    return [truth(reply)[question] == reply[question] for reply in replies]


def _accuracy(replies, question):
    matrix = confusion(
        [truth(reply)[question] for reply in replies],
        [reply[question] for reply in replies],
    )
    found = score(matrix)
    right = matrix[0][0] + matrix[1][1]
    return {"right": right, **{k: found[k] for k in ("images", "value", "low", "high")}}


def moving_accuracy(is_right, window=WINDOW):
    """After each reply, the share of right ones among the last `window`."""
    sums = np.cumsum([0, *is_right])
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - window, 0)
    return ((sums[ends] - sums[begins]) / (ends - begins)).tolist()
