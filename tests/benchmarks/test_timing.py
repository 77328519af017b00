"""Rounds, medians and ratios of contenders that take a known time."""

import pytest

from benchmarks import tables, timing
from benchmarks.timing import Contender, Spread, Times


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], (3.0, 3.0, 3.0)),
        ([4.0, 1.0], (2.5, 1.0, 4.0)),
        ([9.0, 1.0, 2.0], (2.0, 1.0, 9.0)),
        ([1.0, 2.0, 2.0, 100.0], (2.0, 1.0, 100.0)),
    ],
)
def test_spread(values, expected):
    spread = Spread.of(values)
    assert (spread.median, spread.low, spread.high) == expected


@pytest.mark.parametrize(
    ("spread", "factor", "unit", "text"),
    [
        (Spread(0.2345, 0.2, 0.3), 1e3, "", "234 (200-300)"),
        (Spread(2.0, 1.5, 2.25), 1.0, "x", "2.00x (1.50-2.25)"),
        (Spread(0.00123, 0.001, 0.002), 1e3, "", "1.23 (1.00-2.00)"),
        (Spread(12345.0, 999.9, 1e6), 1.0, "", "12,345 (1,000-1,000,000)"),
    ],
)
def test_text(spread, factor, unit, text):
    assert spread.text(factor, unit) == text


class Clock:
    """Stands for both clocks; what runs moves it on."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(timing, "_processor_seconds", lambda: 2 * self.now)
        monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)


def test_contenders_run_in_turn_and_each_round_begins_with_another(monkeypatch):
    clock, calls = Clock(monkeypatch), []

    def taking(name, seconds):
        def run(repetitions):
            calls.append((name, repetitions))
            clock.now += seconds * repetitions

        return Contender(name, run)

    contenders = [taking("a", 0.25), taking("b", 0.5), taking("c", 4.0)]
    times = timing.in_turn(contenders, rounds=3, seconds=1.0)
    of_rounds = calls[2 * len(contenders) :]  # after one to compile and one to see how long it takes
    assert of_rounds == [
        *[("a", 4), ("b", 2), ("c", 1)],
        *[("b", 2), ("c", 1), ("a", 4)],
        *[("c", 1), ("a", 4), ("b", 2)],
    ]
    assert times["b"].wall == pytest.approx([0.5] * 3)
    assert times["b"].processor == pytest.approx([1.0] * 3)
    assert [times[name].repetitions for name in "abc"] == [4, 2, 1]


def test_ratios_are_taken_within_a_round():
    """A machine that is twice as slow in one round leaves the ratio as it is."""
    slow, fast = [3.0, 6.0, 3.0], [1.0, 2.0, 1.0]
    assert timing.ratios(slow, fast) == Spread(3.0, 3.0, 3.0)


def test_table_shows_how_many_times_as_fast_ours_is():
    times = {
        tables.OURS: Times((1.0, 2.0, 1.0), (1.0, 1.0, 1.0), 1),
        "theirs": Times((2.0, 5.0, 2.0), (4.0, 3.0, 3.0), 1),
    }
    ours, theirs = tables.rows(times)
    assert ours == ("ours", "1,000 (1,000-2,000)", "1,000 (1,000-1,000)", "", "")
    assert theirs[3:] == ("2.00x (2.00-2.50)", "3.00x (3.00-4.00)")


def test_time_of_programs_that_were_started_counts():
    import subprocess
    import sys

    def run(repetitions):
        subprocess.run([sys.executable, "-c", "sum(i for i in range(10**6))"], check=True)

    times = timing.in_turn([Contender("program", run)], rounds=1, seconds=0.0)
    assert times["program"].processor[0] > 0.01
