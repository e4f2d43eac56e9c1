"""Whether two histograms over the same bins were drawn from one population: how far apart, and beyond what chance does.

Counts are sequences of one length, a number for each bin, in the same order.
"""

import math
from collections.abc import Sequence

Counts = Sequence[float]

EXPECTED_AT_LEAST = 5
"""Patients that a bin must be expected to have in the smaller sample; it is merged with the next one until then.

What is expected goes by the mean of both shares: by that of all patients, a bin that a large sample leaves empty would
be rare however full it is in the small one, and be merged away with the very difference that is looked for.

Source: Cochran, "Some Methods for Strengthening the Common Chi-Squared Tests", Biometrics 10 (1954) 417-451.
"""


def measure_psi(here: Counts, reference: Counts) -> float:
    """Return the population stability index less what chance alone would make of it, at least 0.

    Half a patient more is counted in each bin, so that one that is empty on one side gives a number; one that is empty
    on both is none. Two samples of n and N patients from one population have an index of (bins - 1) (1/n + 1/N) on
    average. Raises ZeroDivisionError where either holds no patient.

    Source: Siddiqi, "Credit Risk Scorecards" (2006), for the index; Yurdakul, "Statistical Properties of Population
    Stability Index", dissertation, Western Michigan University (2018), for what chance makes of it.
    """
    pairs = [(one, other) for one, other in zip(here, reference, strict=True) if one or other]
    bins, n, of_reference = len(pairs), sum(here), sum(reference)
    index = 0.0
    for one, other in pairs:
        share, expected = (one + 0.5) / (n + bins / 2), (other + 0.5) / (of_reference + bins / 2)
        index += (share - expected) * math.log(share / expected)
    return max(0.0, index - (bins - 1) * (1 / n + 1 / of_reference))


def doubt_one_population(here: Counts, reference: Counts) -> float:
    """Return the p-value of Pearson's chi-squared test that both samples are of one population."""
    merged = merge_rare(here, reference)
    n, of_reference = sum(here), sum(reference)
    statistic = 0.0
    for pair in merged:
        for found, size in zip(pair, (n, of_reference), strict=True):
            expected = sum(pair) * size / (n + of_reference)
            statistic += (found - expected) ** 2 / expected
    return survive(statistic, len(merged) - 1)


def merge_rare(here: Counts, reference: Counts) -> list[tuple[float, float]]:
    """Return the counts of both, bin by bin, of bins that were merged until each is expected to have enough of both."""
    n, of_reference = sum(here), sum(reference)
    twice_least = 2 * EXPECTED_AT_LEAST / min(n, of_reference)
    merged: list[tuple[float, float]] = []
    one, other = 0.0, 0.0
    for place in range(len(here)):
        one, other = one + here[place], other + reference[place]
        if one / n + other / of_reference >= twice_least:
            merged.append((one, other))
            one, other = 0.0, 0.0
    last = merged.pop() if merged else (0.0, 0.0)  # takes what is left
    return [*merged, (last[0] + one, last[1] + other)]


def survive(statistic: float, degrees: int) -> float:
    """Return the probability that chi-squared of so many degrees of freedom exceeds the statistic; 1 for none.

    Source: Abramowitz, Stegun, "Handbook of Mathematical Functions" (1964), 26.4.4 to 26.4.8.
    """
    half = statistic / 2
    if not degrees or not half:
        return 1.0
    # From one or two degrees on, each two more add a term.
    found, below = (math.erfc(math.sqrt(half)), 1) if degrees % 2 else (math.exp(-half), 2)
    for already in range(below, degrees, 2):
        found += math.exp(already / 2 * math.log(half) - half - math.lgamma(already / 2 + 1))
    return min(1.0, found)
