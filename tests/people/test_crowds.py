"""Many people at once, kills, and hostile requests; `python -m tests.builders.crowds` is the full size."""

import pytest

from tests.builders import crowds


@pytest.mark.slow
def test_people_wait_for_a_moment_only(tmp_path):
    seen = crowds.with_sessions(tmp_path, sessions=50, answers=10, mean_pause_s=2.0)
    assert seen["memory_mb"] < 80 and seen["p99_ms"] < 1000, seen


@pytest.mark.slow
def test_answers_back_to_back_are_all_stored(tmp_path):
    seen = crowds.with_sessions(tmp_path, sessions=30, answers=60, mean_pause_s=0.0)
    assert seen["memory_mb"] < 80 and seen["answers_per_s"] > 100, seen


@pytest.mark.slow
def test_kills_lose_nothing_that_was_acknowledged_and_double_nothing(tmp_path):
    seen = crowds.with_kills(tmp_path, sessions=30, answers=40, kills=4, mean_pause_s=0.3)
    assert seen["kills"] == 4 and seen["finished"] == 30, seen
    assert seen["lost"] == seen["doubled"] == 0 and seen["stored"] == seen["acknowledged"] == 1200, seen


def test_hostile_requests_are_refused_and_leave_nothing(tmp_path):
    seen = crowds.with_hostile(tmp_path, 300)
    assert sum(seen["statuses"].values()) == 300 and len(seen["statuses"]) > 5 and not seen["lines_of_log"], (
        seen
    )


@pytest.mark.slow
def test_ten_thousand_hostile_requests(tmp_path):
    seen = crowds.with_hostile(tmp_path, 10_000, seed=1)
    assert sum(seen["statuses"].values()) == 10_000 and not seen["lines_of_log"], seen
