"""Intervals of proportions; whether two rows differ by more than chance."""

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evaluation.bootstrap import percentile_interval


def wilson_interval(proportion, num_images):
    """Two ends of the 95 % interval of a proportion: Wilson (1927), not corrected.

    The proportion may be a mean over runs, which do not multiply the images: they are
    of the same ones, which is no more evidence about others.
    """
    low, high = proportion_confint(proportion * num_images, num_images, method="wilson")
    return float(low), float(high)


def format_p(value):
    """A p-value as printed."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def compare(share_right, other_share, images, draws):
    """Tests a row against another one on the same images.

    The exact test of McNemar (1947): of the images on which the two differ, does either
    win more than half? With several runs the one wins that is right in more of them.
    It takes images as independent, which slices of a patient are not; the interval of
    the difference is over patients and does not.

    Args:
      share_right, other_share: of the runs that get an image right, float64 [images].
      images: positions of the images by metric.
      draws: `PatientDraws`.

    Returns:
      By metric a dict of the `difference` (a fraction, positive if the first is the
      better one), its interval and standard error over patients, the numbers of images
      that the first got right more often (`better`) and less often (`worse`), and the
      `p_value`.
    """
    difference = share_right - other_share
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
    """Differences of two rows in what the order of scores says.

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


def correct_for_many(comparisons, metrics):
    """Adds `p_holm` to all comparisons of a table: Holm (1979), each metric by itself.

    The main test is that of accuracy; those of the other metrics say where a difference
    of accuracy comes from.

    Args:
      comparisons: list of what `compare` gives; changed in place.
      metrics: names of those that have a `p_value`.
    """
    for metric in metrics if comparisons else ():
        p_values = [comparison[metric]["p_value"] for comparison in comparisons]
        corrected = multipletests(p_values, method="holm")[1]
        for comparison, p_holm in zip(comparisons, corrected):
            comparison[metric]["p_holm"] = float(p_holm)
