"""What the benchmarks make of what they measured; no peer is started."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from scipy.stats import binom

from bench import results
from bench.benchmarks import cost, fairness_report, file_report, files
from bench.benchmarks.cost import rank_of_interval
from bench.benchmarks.fairness import Seen
from bench.benchmarks.fairness_report import FAIRNESS
from bench.benchmarks.profile import read_stacks
from bench.benchmarks.race import GOALS
from bench.figures import Figures, Goal, median, row_of, scored, values_of
from bench.load import wrk
from bench.load.flood import KINDS
from bench.load.lag import EVERY_S, p99_of_all
from bench.processes import children, family, peak_mb
from bench.services.contenders import BARE, FEW, MANY, OURS, TEMPLATE
from bench.services.environments import LOCKS, locked_version

PRINTED = """\
Running 3s test @ http://127.0.0.1:20000
  2 threads and 2 connections
Requests/sec:   1000.00
bench job 3000002 0199-b
bench job 3000001 0199-a
bench job 0
bench submitted 3000
bench scored 2998
bench refused 0
bench p50_us 2500.5
bench p99_us 9000
bench broken 0
bench duration_us 3000000
"""

RESULTS = """\
# What was measured

An old head.

## The ledger: 10 jobs

old

## Why

written by hand
"""

STACKS = """\
process 7:"python -m worker";thread (7): MainThread;main (a.py:1);wait (b.py:2) 30
process 7:"python -m worker";process 8:"python";thread (8): MainThread;main (a.py:1);score (c.py:3) 40
process 7:"python -m worker";process 9:"python";thread (9): MainThread;main (a.py:1);score (c.py:3);run (d.py:4) 20
"""


def test_what_the_clients_saw_is_read_from_among_the_lines_of_wrk() -> None:
    seen = wrk.parse(PRINTED)
    assert (seen.submitted, seen.scored, seen.refused, seen.broken) == (3000, 2998, 0, 0)
    assert (seen.p50_ms, seen.p99_ms, seen.seconds) == (2.5005, 9, 3)


def test_the_jobs_submitted_last_are_known_in_their_order_and_a_client_that_submitted_none_names_none() -> None:
    assert wrk.parse(PRINTED).latest == ("0199-a", "0199-b")


def test_a_job_of_many_patients_repeats_the_table(tmp_path: Path) -> None:
    (line,) = wrk.write_patients(tmp_path / "many", 1_000).read_text().splitlines()
    assert line.count('"age"') == 1_000
    assert len(wrk.write_patients(tmp_path / "one", 1).read_text().splitlines()) == 303


def test_a_service_is_credited_with_the_way_that_suits_it_better() -> None:
    figures: Figures = {("x", 64, "scored"): 10, ("x", 64, "seen"): 12}
    assert scored(figures, "x", 64) == 12
    with pytest.raises(KeyError):
        scored(figures, "y", 64)


def test_a_median_is_taken_over_the_rounds_that_have_the_figure() -> None:
    key = ("x", 1, "p50")
    assert median([{key: 1}, {}, {key: 5}, {key: 2}], key) == 2
    assert median([{}], key) is None


def test_a_goal_is_held_against_the_median_of_the_ratios_of_each_round() -> None:
    ours, theirs = (OURS, MANY, "seen"), (TEMPLATE, MANY, "scored")
    rounds: list[Figures] = [{ours: 100, theirs: 10}, {ours: 30, theirs: 2}, {ours: 90, theirs: 10}, {ours: 1}]
    over_template = GOALS[0]
    assert values_of(over_template, rounds) == [10, 15, 9]
    assert row_of(over_template, rounds) == f"| {over_template.text} | >= 10.00 | 10.00 | yes | 10.00, 15.00, 9.00 |"


def test_a_goal_may_be_not_to_exceed_and_one_that_was_not_measured_says_so() -> None:
    short = Goal("wait", lambda figures: figures[BARE, FEW, "p50"], 2, at_least=False)
    assert short.is_met(2)
    assert not short.is_met(2.1)
    assert row_of(short, [{}]) == "| wait | <= 2.00 | not measured | | |"


def test_a_section_takes_the_place_of_its_own_and_of_no_other() -> None:
    text = results.replace(RESULTS, "The ledger", ["## The ledger: 20 jobs", "", "new"], ["The race", "The ledger"])
    assert text.startswith(results.head())
    assert "old" not in text
    assert text.endswith("## The ledger: 20 jobs\n\nnew\n\n## Why\n\nwritten by hand\n")


def test_a_new_section_stands_where_its_title_does() -> None:
    text = results.replace(RESULTS, "The race", ["## The race", "", "new"], ["The race", "The ledger"])
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## The race",
        "## The ledger: 10 jobs",
        "## Why",
    ]


def test_threads_of_one_name_count_as_one_and_those_of_children_apart() -> None:
    children, parent = read_stacks(STACKS)
    assert (children.name, children.samples) == ("children's MainThread", 60)
    assert (parent.name, parent.samples) == ("MainThread", 30)
    assert children.within == {"main (a.py:1)": 60, "score (c.py:3)": 60, "run (d.py:4)": 20}
    assert children.itself == {"score (c.py:3)": 40, "run (d.py:4)": 20}


def test_a_function_is_worth_a_line_if_it_takes_clearly_less_than_its_caller() -> None:
    children, parent = read_stacks(STACKS)
    assert children.branches() == ["run (d.py:4)"]
    assert parent.branches() == []


def test_threads_that_differ_by_a_number_count_as_one() -> None:
    (pool,) = read_stacks("thread (8): uvloop_0;main (a.py:1) 1\nthread (9): uvloop_11;main (a.py:1) 2\n")
    assert (pool.name, pool.samples) == ("uvloop", 3)


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda lock: lock.stem)
def test_every_environment_is_locked_to_exact_versions_of_what_it_asks_for(lock: Path) -> None:
    for wanted in lock.with_suffix(".in").read_text().split():
        package = wanted.partition("[")[0].partition(">")[0]
        assert locked_version(lock.stem, package)[0].isdigit()
    assert all("==" in line or "--hash=sha256:" in line for line in lock.read_text().splitlines())


def test_files_are_held_to_their_goals_and_what_was_not_measured_is_said() -> None:
    figures: Figures = {(files.OURS, 10, "all"): 1, (files.SCRIPT, 10, "all"): 1.5, (files.MLFLOW, 10, "all"): 12}
    figures |= {(files.OURS, 100, "all"): 12.5, (files.OURS, 10, "cpu"): 2}
    lines = list(file_report.report([figures], 10))
    met = [line.split(" | ")[1:4] for line in lines if " >= " in line or " <= " in line]
    assert met[:3] == [[">= 10.00", "12.00", "yes"], ["<= 2.00", "0.67", "yes"], [">= 0.90", "0.80", "no"]]
    assert met[3][1] == "not measured"
    assert "| Scoreline | 10 | 1.00 | 10 | 2.00 |" in lines


def test_the_processes_of_a_service_are_found_with_their_children_and_their_memory() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo; wait"], stdout=subprocess.PIPE) as shell:
        assert shell.stdout
        shell.stdout.readline()
        found = family()
        sleeper = next(pid for pid in found if pid in list(children(shell.pid)))
        assert peak_mb(sleeper) > 0
        os.kill(sleeper, signal.SIGTERM)


def test_the_interval_of_a_median_is_that_of_the_binomial_law() -> None:
    for count in range(6, 80):
        rank = rank_of_interval(count)
        assert binom.cdf(rank, count, 0.5) <= 0.025 < binom.cdf(rank + 1, count, 0.5)
    assert rank_of_interval(3) == 0


def test_a_key_is_held_harmless_by_what_it_saw_of_an_idle_service() -> None:
    idle, beside = Seen([0.001] * 98 + [0.002] * 2, 0, [0.5]), Seen([0.004] * 100, 1, [3.0, 1.0])
    figures = {key: value for kind in KINDS for key, value in beside.figures(kind).items()}
    figures |= {key: value for kind in KINDS for key, value in idle.figures(f"{kind} idle").items()}
    values = [values_of(goal, [figures])[0] for goal in FAIRNESS]
    assert values == [4, 2, 1, 3] * len(KINDS)
    assert [goal.is_met(value) for goal, value in zip(FAIRNESS, values, strict=True)] == [False, True, False, False] * 4
    assert "| answers | flooded | 100 | 4.0 | 4.0 | 1.0 | 3.0 |  |  |  |  |  |" in fairness_report.tabulate([figures])


def test_a_key_that_was_never_served_is_no_better_off_than_one_that_waited() -> None:
    assert Seen([], 9, [1]).figures("x")["x", 1, "p50"] == float("inf")


def test_two_sides_of_a_cost_are_told_by_their_names() -> None:
    pairs = [(cost.Cost(10, 4, 90), cost.Cost(10, 5, 100))] * 6
    assert list(cost.table("now", "before", pairs))[2:] == [
        "| gateway CPU a job, µs | 10.0 | 10.0 | 1.000 | 1.000 to 1.000 |",
        "| worker CPU a job, µs | 4.0 | 5.0 | 0.800 | 0.800 to 0.800 |",
        "| jobs scored a second | 90.0 | 100.0 | 0.900 | 0.900 to 0.900 |",
    ]


def test_a_stop_of_seconds_shows_in_the_p99_though_one_client_saw_it_once() -> None:
    assert p99_of_all([EVERY_S / 2] * 1000) == EVERY_S / 2
    assert 1.9 < p99_of_all([EVERY_S / 2] * 1000 + [2]) <= 2
