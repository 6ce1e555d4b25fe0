"""Is a difference between two rows of a table more than chance?"""

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from evaluation.detection.bootstrap import percentile_interval
from evaluation.detection.scores import METRICS, share_right


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
      better one), its interval and standard error over patients, the numbers of images
      that the first got right more often (`better`) and less often (`worse`), and the
      `p_value`.
    """
    difference = share_right(runs, threshold) - share_right(other_runs, threshold)
    results = {}
    for metric, positions in images.items():
        better = int((difference[positions] > 0).sum())
        worse = int((difference[positions] < 0).sum())
        results[metric] = {
            "difference": float(difference[positions].mean()),
            **_over_patients(draws.means(difference, positions)),
            "better": better,
            "worse": worse,
            "p_value": float(mcnemar([[0, better], [worse, 0]], exact=True).pvalue),
        }
    return results


def compare_rankings(rankings, other_rankings):
    """Differences of two setups in what the order of scores says.

    Args:
      rankings, other_rankings: `Ranking`s by name, of the same draws.

    Returns:
      By name a dict of the `difference`, its interval and standard error over patients,
      and its values of `chains`, by their numbers.
    """
    results = {}
    for name, own in rankings.items():
        other = other_rankings[name]
        chains, other_chains = own.by_chain(), other.by_chain()
        shared = [chain for chain in chains if chain in other_chains]
        results[name] = {
            "difference": float(own.of_runs.mean() - other.of_runs.mean()),
            **_over_patients(own.drawn - other.drawn),
            "chains": {chain: chains[chain] - other_chains[chain] for chain in shared},
        }
    return results


def _over_patients(drawn):
    """Interval and standard error of a difference, from its value in each draw."""
    known = drawn[~np.isnan(drawn)]
    error = float(known.std(ddof=1)) if len(known) > 1 else None
    return {**percentile_interval(drawn), "patients_se": error}


def correct_for_many(comparisons):
    """Adds `p_holm` to all comparisons of a table: Holm (1979), each metric by itself.

    The main test is that of accuracy; those of the other metrics say where a difference
    of accuracy comes from.

    Args:
      comparisons: list of what `compare` gives; changed in place.
    """
    for metric in METRICS if comparisons else ():
        p_values = [comparison[metric]["p_value"] for comparison in comparisons]
        for comparison, p_holm in zip(
            comparisons, multipletests(p_values, method="holm")[1]
        ):
            comparison[metric]["p_holm"] = float(p_holm)
