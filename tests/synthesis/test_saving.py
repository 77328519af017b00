"""When states of a search are saved."""

import itertools

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.synthesis import search as search_module
from tests.conftest import make_tiny_vgg


def saved_steps(monkeypatch, seconds_a_look, **config):
    """The steps after which states are saved, where every look at the clock takes some seconds."""
    clock = itertools.count(0.0, seconds_a_look)
    monkeypatch.setattr(search_module.time, "monotonic", lambda: next(clock))
    network = make_tiny_vgg()
    targets = np.full([1, *network.signal.shape], 0.5, np.float32)
    search = search_module.Search(network, "conv1_2", mm.SynthesisConfig(iterations=8, **config))
    steps = []
    search.run(targets, save=lambda state: steps.append(state.step), progress=False)
    return steps


def test_states_are_saved_every_so_many_steps(monkeypatch):
    assert saved_steps(monkeypatch, 0.001, save_every=4) == [4, 8]


def test_states_are_saved_by_time_where_steps_are_slow(monkeypatch):
    steps = saved_steps(monkeypatch, 7.0, save_minutes=0.1)  # 6 seconds
    assert len(steps) > 3 and steps[-1] == 8


def test_the_clock_starts_anew_with_every_state(monkeypatch):
    assert len(saved_steps(monkeypatch, 7.0, save_minutes=1.0)) < len(
        saved_steps(monkeypatch, 7.0, save_minutes=0.1)
    )


@pytest.mark.parametrize("minutes", [0, 0.01, -5, "soon", float("nan")])
def test_minutes_that_cannot_be_are_refused(minutes):
    with pytest.raises(mm.InputError, match="save_minutes"):
        mm.SynthesisConfig(save_minutes=minutes)


def test_when_states_are_saved_is_no_other_run():
    often = mm.SynthesisConfig(save_minutes=1, save_every=10)
    assert (
        often.identity() == mm.SynthesisConfig().identity()
        and often.values() != mm.SynthesisConfig().values()
    )
