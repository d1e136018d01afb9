"""Statistics: the same numbers however the runs are divided, and percentiles that are exact to three digits."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.aggregate.stats import PERCENTILES, Percentiles, Rate, Statistics, Tally, rounded, wilson

US = st.integers(0, 10**12)
RESULTS = st.sampled_from([None, "success", "failure", "error", "timeout", "cancellation", "skip"])
RUNS = st.lists(st.tuples(RESULTS, st.tuples(*[st.none() | US] * 5)), max_size=60)


def tally_of(runs):
    tally = Tally()
    for result, durations in runs:
        tally.add(result, durations)
    return tally


def test_statistics_of_four_runs():
    tally = tally_of(
        [
            ("success", (1_000_000, 10_000, None, None, 900_000)),
            ("success", (2_004_900, None, None, None, 2_000_000)),
            ("failure", (3_000_000, None, None, None, None)),
            ("skip", (5_000, None, None, None, None)),
            (None, (None, 20_000, None, None, None)),
        ]
    )
    assert tally.statistics() == Statistics(
        runs=5,
        open=1,
        results={"failure": 1, "skip": 1, "success": 2},
        rate=wilson(2, 3),
        durations={
            "run": Percentiles(4, 1.0, 3.0, 3.0),
            "selection": Percentiles(2, 0.01, 0.02, 0.02),
            "execution": Percentiles(2, 0.9, 2.0, 2.0),
        },
    )


@given(st.lists(US, min_size=1, max_size=200))
def test_a_percentile_is_the_rounded_one_of_the_exact_values(values):
    tally = tally_of([("success", (value, None, None, None, None)) for value in values])
    found = tally.statistics().durations["run"]
    exact = [
        rounded(sorted(values)[math.ceil(Fraction(percent * len(values), 100)) - 1]) / 1e6 for percent in PERCENTILES
    ]
    assert [found.p50, found.p95, found.p99] == exact


@given(US)
def test_rounding_is_within_half_a_percent(value):
    assert abs(rounded(value) - value) * 200 <= value
    assert len(str(rounded(value)).rstrip("0")) <= 3


@given(RUNS, RUNS)
def test_two_tallies_add_up_to_one_of_all_runs(some, others):
    merged = tally_of(some)
    merged.merge(tally_of(others))
    assert merged == tally_of(some + others)


@given(RUNS, RUNS)
def test_a_run_that_is_taken_out_leaves_no_trace(stay, go):
    tally = tally_of(stay + go)
    for result, durations in go:
        tally.add(result, durations, -1)
    assert tally == tally_of(stay)


# Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(successes, total, low, high):
    found = wilson(successes, total)
    assert Rate(found.success, round(found.low, 4), round(found.high, 4)) == Rate(successes / total, low, high)
    assert wilson(total - successes, total).low == pytest.approx(1 - found.high)
