"""The mathematics of drift, held against scipy and against chance itself."""

import numpy as np
import pytest
from scipy import stats

from monitoring.two_samples import doubt_one_population, measure_psi, merge_rare, survive

SHARES = np.array([0.3, 0.05, 0.2, 0.15, 0.1, 0.2])


@pytest.mark.parametrize("degrees", range(1, 30))
def test_the_chi_squared_distribution_is_scipys(degrees: int) -> None:
    for statistic in (1e-9, 0.1, 1, 3.84, 10, 33, 100, 700, 1400):
        assert survive(statistic, degrees) == pytest.approx(stats.chi2.sf(statistic, degrees), rel=1e-9, abs=1e-300)


def test_no_degree_of_freedom_and_no_difference_are_no_doubt() -> None:
    assert survive(0, 3) == survive(5, 0) == 1
    assert doubt_one_population([200, 0], [303, 0]) == 1


def test_the_test_is_scipys_where_no_bin_is_rare() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        here, reference = random.multinomial(500, SHARES), random.multinomial(303, SHARES)
        expected = stats.chi2_contingency([here, reference], correction=False).pvalue
        assert doubt_one_population(here.tolist(), reference.tolist()) == pytest.approx(expected, rel=1e-9)


def test_rare_bins_are_merged_until_each_is_expected_to_hold_five_of_both() -> None:
    assert merge_rare([0, 1, 50, 50, 2], [0, 2, 50, 50, 0]) == [(51, 52), (52, 50)]
    assert merge_rare([1, 1], [1, 1]) == [(2, 2)]
    merged = merge_rare([0, 3, 9, 400, 0, 88], [5, 0, 7, 200, 0, 91])
    assert stats.contingency.expected_freq(np.transpose(merged)).min() >= 5
    assert np.sum(merged, axis=0).tolist() == [500, 303]


def test_the_test_doubts_one_population_as_often_as_its_size_says() -> None:
    random = np.random.default_rng(1)
    runs = 4_000
    samples = [
        (random.multinomial(200, SHARES).tolist(), random.multinomial(303, SHARES).tolist()) for _ in range(runs)
    ]
    doubted = np.array([doubt_one_population(*both) for both in samples])
    for size in (0.2, 0.05, 0.01):
        low, high = stats.binom.ppf([0.001, 0.999], runs, size)
        assert low <= (doubted < size).sum() <= high


@pytest.mark.parametrize("n", [420, 42_000, 4_200_000])
def test_a_bin_that_nobody_is_in_any_more_is_seen_however_many_patients_there_are(n: int) -> None:
    assert doubt_one_population([n, 0], [97, 206]) < 1e-50
    assert doubt_one_population([0, n, 0, 0], [80, 20, 103, 100]) < 1e-50


def test_the_test_keeps_its_size_where_one_sample_is_far_larger() -> None:
    random = np.random.default_rng(3)
    shares, runs = np.array([0.5, 0.3, 0.15, 0.03, 0.015, 0.005]), 4_000
    samples = [
        (random.multinomial(50_000, shares).tolist(), random.multinomial(303, shares).tolist()) for _ in range(runs)
    ]
    doubted = np.array([doubt_one_population(*both) for both in samples])
    for size in (0.2, 0.05, 0.01):
        low, high = stats.binom.ppf([0.001, 0.999], runs, size)
        assert low <= (doubted < size).sum() <= high


def test_the_index_is_the_populations_own_whatever_the_samples_size() -> None:
    """Uncorrected it is 0.05 higher for the small samples, and 0.02 of one population."""
    other = np.array([0.1, 0.1, 0.3, 0.15, 0.15, 0.2])
    true = float(((other - SHARES) * np.log(other / SHARES)).sum())
    random = np.random.default_rng(2)
    for n in (200, 500, 50_000):
        found = [
            measure_psi(random.multinomial(n, other).tolist(), random.multinomial(303, SHARES).tolist())
            for _ in range(500)
        ]
        assert np.mean(found) == pytest.approx(true, abs=0.03)
    same = [
        measure_psi(random.multinomial(500, SHARES).tolist(), random.multinomial(303, SHARES).tolist())
        for _ in range(500)
    ]
    assert np.median(same) < 0.005
    assert max(same) < 0.1


def test_an_empty_bin_on_one_side_gives_a_number_and_one_on_both_is_none() -> None:
    assert measure_psi([0, 500], [150, 153]) > 1
    assert measure_psi([0, 250, 250], [0, 150, 153]) == measure_psi([250, 250], [150, 153])
