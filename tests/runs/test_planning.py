"""What a run would take: counted exactly, timed on a few steps, and nothing written."""

import dataclasses

import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.runs import planning
from model_metamers.runs.batches import Shard
from model_metamers.runs.null_planning import NullPlan
from model_metamers.runs.planning import Cost, Plan, Unit
from model_metamers_experiments import plan_tables
from tests.builders.logarithm import RATE, Logarithm, targets

NETWORK = Logarithm()
CONFIG = mm.SynthesisConfig(iterations=200, learning_rate=RATE)
PAGE = runs.Page("title", "command")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(planning, "_SECONDS", 0.05)


def make_run(out, count: int = 5, **more) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(targets(count))}
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, CONFIG, 2, **more)


def made_of(plan: Plan) -> list[tuple]:
    return [tuple(unit) for unit in plan.units]


def test_what_is_left_is_counted_and_nothing_is_written(tmp_path):
    plan = planning.plan(make_run(tmp_path / "out"))
    assert made_of(plan) == [(0, "log", 2), (1, "log", 2), (2, "log", 1)] and plan.there == 0
    assert plan.costs.keys() == {("log", 2), ("log", 1)} and plan.steps == 200 and plan.metamers == 5
    assert all(cost.step > 0 and cost.once > 0 for cost in plan.costs.values())
    assert plan.null > 0 and plan.metamer > 0 and plan.page > 0 and plan.start > 0 and plan.memory > 1e6
    assert not list(tmp_path.iterdir())
    assert made_of(planning.plan(make_run(tmp_path / "out", shard=Shard(1, 2)))) == [(0, "log", 2)]


def test_what_is_there_is_not_planned_again_and_takes_the_room_that_was_planned(tmp_path):
    planned = planning.plan(make_run(tmp_path / "out")).disk
    done = runs.execute([make_run(tmp_path / "out", shard=Shard(0, 2))], progress=False)  # first and last
    plan = planning.plan(make_run(tmp_path / "out"))
    assert done.complete and made_of(plan) == [(1, "log", 2)] and plan.there == 3
    runs.execute([make_run(tmp_path / "out")], page=PAGE, progress=False)
    plan = planning.plan(make_run(tmp_path / "out"))
    assert plan.units == [] and plan.there == 5 and not plan.costs
    taken = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert 0.7 < planned / taken < 1.3


def test_time_is_of_what_each_worker_does():
    units = [Unit(i, layer, 2) for i, layer in enumerate("aabb")]
    costs = {("a", 2): Cost(10.0, 1.0, 0.1), ("b", 2): Cost(20.0, 2.0, 0.2)}
    plan = Plan(units, 0, 100, costs, 5.0, 3.0, 0.5, 0.25, 1e6, 0)
    a, b = 1 + 10 + 1, 2 + 20 + 1  # of a batch
    assert plan.of_unit(units[0]) == a and plan.of_unit(units[3]) == b
    assert plan.seconds() == pytest.approx(5 + 3 + 10 + 20 + 2 * a + 2 * b + 8 * 0.25)
    assert plan.seconds(2) == pytest.approx(5 + 3 + 10 + 20 + a + b + 5 + 8 * 0.25)
    assert plan.seconds(4) == plan.seconds(9) == pytest.approx(5 + 3 + 20 + b + 5 + 8 * 0.25)


@pytest.mark.parametrize(
    ("search", "steps", "told"),
    [
        ({}, 200, []),
        ({"stop_when": "verdict"}, 200, ["--stop_when may end a search before."]),
        ({"starts": 3}, 600, ["searched again, from 3 starts of 200 steps."]),
        ({"stop_when": "converged", "starts": 2}, 400, ["--stop_when may", "from 2 starts of 200 steps."]),
    ],
)
def test_starts_multiply_the_steps_and_what_may_end_sooner_is_told(tmp_path, capsys, search, steps, told):
    config = dataclasses.replace(CONFIG, **search)
    plan = planning.plan(dataclasses.replace(make_run(tmp_path / "out"), config=config))
    unit = plan.units[0]
    once = dataclasses.replace(plan, starts=1)
    searched = once.of_unit(unit) - unit.size * plan.metamer
    assert plan.of_unit(unit) == pytest.approx(steps // 200 * searched + unit.size * plan.metamer)
    plan_tables.print_plan(plan, 2)
    text = capsys.readouterr().out
    assert all(reason in text for reason in told)
    most = "at most " if told else ""
    assert f"5 metamers, each of {most}{steps} steps" in text and text.count("at most") == 4 * bool(told)


def test_what_cannot_be_made_is_not_planned(tmp_path):
    with pytest.raises(mm.InputError, match="no stimuli"):
        planning.plan(make_run(tmp_path, 0))


def test_blocks_are_counted_and_tables_tell_all(capsys):
    plan = NullPlan([(0, 4, 6), (1, 4, 6), (2, 2, 1)], 4, 5.0, 1.0, 2.0, 0.5, 3.0, 1e6, 1e9)
    first, last = 4 * 2 + 8 * 0.5, 2 * 2 + 2 * 0.5
    assert plan.seconds() == 5 + 1 + 2 * first + last + 3 and plan.seconds(2) == 5 + 1 + first + last + 3
    plan_tables.print_null_plan(plan, 2)
    told = capsys.readouterr().out
    assert "3 of 4 blocks are to be measured: 10 stimuli, 13 pairs" in told and "By 2 such processes" in told


@pytest.mark.parametrize(
    "seconds, told", [(48, "48 s"), (138, "2.3 minutes"), (21960, "6.1 hours"), (1036800, "12 days")]
)
def test_times_for_people(seconds, told):
    assert plan_tables.duration(seconds) == told


@pytest.mark.parametrize("count, told", [(3200, "3.2 kB"), (5.4e6, "5.4 MB"), (2.5e9, "2.5 GB")])
def test_sizes_for_people(count, told):
    assert plan_tables.size(count) == told
