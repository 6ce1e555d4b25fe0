"""Is a difference between two rows of a table more than chance?"""

from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from evaluation.bootstrap import percentile_interval
from evaluation.statistics import METRICS, share_right


def compare(runs, other_runs, images, threshold, draws):
    """Tests a setup against another one on the same images.

    The exact test of McNemar (1947): of the images on which the two differ, does either
    win more than half? With several runs the one wins that is right in more of them.
    It takes images as independent, which slices of a patient are not; the interval of
    the difference is over patients and does not.

    Args:
      runs, other_runs: `Predictions`, one or more of each.
      images: positions of the images by metric.
      threshold: an image is called tumor from this probability on.
      draws: `PatientDraws`.

    Returns:
      By metric a dict of the `difference` (a fraction, positive if the first is the
      better one), its interval over patients, the numbers of images that the first got
      right more often (`better`) and less often (`worse`), and the `p_value`.
    """
    difference = share_right(runs, threshold) - share_right(other_runs, threshold)
    results = {}
    for metric, positions in images.items():
        better = int((difference[positions] > 0).sum())
        worse = int((difference[positions] < 0).sum())
        results[metric] = {
            "difference": float(difference[positions].mean()),
            **percentile_interval(draws.means(difference, positions)),
            "better": better,
            "worse": worse,
            "p_value": float(mcnemar([[0, better], [worse, 0]], exact=True).pvalue),
        }
    return results


def correct_for_many(comparisons):
    """Adds `p_holm` to all comparisons of a table: Holm (1979), each metric by itself.

    Accuracy is what a table is judged by; the tests of the other metrics say where a
    difference of accuracy comes from.

    Args:
      comparisons: list of what `compare` gives; changed in place.
    """
    for metric in METRICS if comparisons else ():
        p_values = [comparison[metric]["p_value"] for comparison in comparisons]
        for comparison, p_holm in zip(
            comparisons, multipletests(p_values, method="holm")[1]
        ):
            comparison[metric]["p_holm"] = float(p_holm)
