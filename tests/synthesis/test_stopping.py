"""Criteria end the search of each signal by itself, and change nothing of the others."""

import dataclasses

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.runs import verdict_table
from model_metamers.synthesis import stopping
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import read_state, write_state
from tests.builders.logarithm import RATE, Logarithm, null_of, targets

CHECKED_EVERY = 2
TARGETS = targets(4)
NETWORK = Logarithm()  # one for all, as what it compiles is kept


@pytest.fixture(autouse=True)
def frequent_checks(monkeypatch):
    monkeypatch.setattr(stopping, "EVERY", {"adam": CHECKED_EVERY, "lbfgs": CHECKED_EVERY})


def config(**changes) -> mm.SynthesisConfig:
    given = mm.SynthesisConfig(
        iterations=60, learning_rate=RATE, save_every=2, log_every=1, stop_when="verdict"
    )
    return dataclasses.replace(given, **changes)


def searched(pictures, null, state=None, saved=None, **changes):
    """The state at the end of a search, which must not be interrupted."""
    search = Search(NETWORK, "log", config(**changes), null)
    save = None if saved is None else lambda s: saved.setdefault(s.step, s)
    state, finished = search.run(pictures, state=state, save=save, progress=False)
    assert finished
    return state


def stops(state) -> list[int | None]:
    return [state.stopped_at(place) for place in range(len(state.signals))]


@pytest.fixture(scope="module", params=["adam", "lbfgs"])
def optimizer(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def unstopped(optimizer):
    """The states of a search without criteria, by iteration, and the rho that they reach."""
    saved: dict[int, object] = {}
    given = config(stop_when=None, optimizer=optimizer)
    Search(NETWORK, "log", given).run(TARGETS, save=lambda s: saved.setdefault(s.step, s), progress=False)
    rho = {
        step: [
            mm.criteria.measure(NETWORK, target, signal, "log").spearman["log"]
            for target, signal in zip(TARGETS, state.signals, strict=True)
        ]
        for step, state in saved.items()
    }
    return saved, rho


def expected_stops(saved, rho, maximum: float) -> list[int | None]:
    """The second of the first two checks in a row that a signal passes, by a plain reading of the rule."""
    ends: list[int | None] = []
    for place, target in enumerate(TARGETS):
        passed = [
            step
            for step in sorted(saved)
            if rho[step][place] > maximum
            and mm.criteria.measure(NETWORK, target, saved[step].signals[place]).same_class
        ]
        second = (step for step in passed if step - CHECKED_EVERY in passed and step < 60)
        ends.append(next(second, None))
    return ends


def between(saved, rho) -> float:
    """A null maximum that the signals do not exceed at the same time."""
    medians = (float(np.median(rho[step])) for step in sorted(saved))
    return next(m for m in medians if len(set(expected_stops(saved, rho, m))) > 1)


def test_each_signal_ends_by_itself_and_keeps_the_bits_of_that_iteration(optimizer, unstopped):
    saved, rho = unstopped
    maximum = between(saved, rho)
    state = searched(TARGETS, null_of(maximum), optimizer=optimizer)
    assert stops(state) == expected_stops(saved, rho, maximum)
    assert len(set(stops(state))) > 1 and any(stops(state))
    for place, end in enumerate(stops(state)):
        end = end or 60
        np.testing.assert_array_equal(state.signals[place], saved[end].signals[place])
        np.testing.assert_array_equal(state.losses[:end, place], saved[60].losses[:end, place])
        assert np.isfinite(state.losses[end, place]) and np.isnan(state.losses[end + 1 :, place]).all()


def test_the_last_loss_is_that_of_the_signal_that_is_kept(optimizer, unstopped):
    maximum = between(*unstopped)
    given = config(optimizer=optimizer)
    metamers = mm.synthesize(NETWORK, "log", TARGETS, given, progress=False, null=null_of(maximum))
    for metamer in metamers:
        reached, wanted = (
            NETWORK.activations(signal[None], ["log"])["log"].numpy()
            for signal in (metamer.signal, metamer.target)
        )
        assert metamer.loss[-1] == pytest.approx(0.5 * np.sum((reached - wanted) ** 2), rel=1e-4)
        assert metamer.loss_iterations[-1] == metamer.iterations == (metamer.stopped_at or 60)
        assert (metamer.stop_reason is None) == (metamer.stopped_at is None)
        if metamer.stopped_at:
            before = metamer.stopped_at - CHECKED_EVERY
            assert metamer.stop_reason.endswith(f"at iterations {before} and {metamer.stopped_at}")
            assert mm.check(metamer, null_of(maximum)).passes


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.6, 0.9])
def test_stopping_and_continuing_gives_the_same_bits_and_ends(tmp_path, optimizer, unstopped, moment):
    null, saved = null_of(between(*unstopped)), {}
    unbroken = searched(TARGETS, null, saved=saved, optimizer=optimizer)
    write_state(tmp_path / "state.npz", saved[sorted(saved)[int(moment * len(saved))]])
    resumed = searched(TARGETS, null, read_state(tmp_path / "state.npz"), optimizer=optimizer)
    for name, array in unbroken.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name])


def test_a_search_is_over_when_all_have_ended_and_a_state_of_its_end_stays(optimizer):
    state = searched(TARGETS, null_of(-1.0), optimizer=optimizer)
    ends = stops(state)
    assert all(ends) and state.step == max(ends) < 60
    again = searched(TARGETS, null_of(-1.0), state, optimizer=optimizer)
    for name, array in state.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])


@pytest.mark.parametrize("maximum", [1.0, np.nan])
def test_a_null_that_nothing_exceeds_stops_nothing(optimizer, unstopped, maximum):
    state = searched(TARGETS, null_of(maximum), optimizer=optimizer)
    assert stops(state) == [None] * 4
    np.testing.assert_array_equal(state.signals, unstopped[0][60].signals)


@pytest.mark.parametrize("iterations", [100, 200])
def test_converged_waits_until_the_loss_hardly_falls(optimizer, iterations):
    by_verdict = searched(TARGETS, null_of(-1.0), optimizer=optimizer)
    given = {"optimizer": optimizer, "stop_when": "converged", "iterations": iterations}
    state = searched(TARGETS, null_of(-1.0), **given)
    assert min(end or iterations for end in stops(state)) > max(stops(by_verdict))
    stretch = iterations // 10
    for place, end in enumerate(stops(state)):
        lowest = [state.losses[:step, place].min() for step in range(1, (end or iterations) + 1)]
        flat = [
            step
            for step in range(CHECKED_EVERY, (end or iterations) + 1, CHECKED_EVERY)
            if step > stretch and step < iterations and lowest[step - 1] >= 0.9 * lowest[step - 1 - stretch]
        ]
        assert flat[:1] == ([end] if end else [])


def test_a_signal_that_diverges_beside_those_that_end(optimizer):
    """As in a batch in which none ends: the others' bits are the same."""
    pictures = TARGETS.copy()
    pictures[2] = 1.0  # beyond the limit: its logarithm is no number
    broken = searched(pictures, null_of(-1.0), optimizer=optimizer)
    whole = searched(TARGETS, null_of(-1.0), optimizer=optimizer)
    assert broken.diverged == {2: 0} and stops(broken)[2] is None
    for place in (0, 1, 3):
        assert stops(broken)[place] == stops(whole)[place]
        np.testing.assert_array_equal(broken.signals[place], whole.signals[place])


@pytest.mark.parametrize(
    ("null", "message"),
    [
        (None, r"stop_when=verdict: needs a null distribution; give one \(null, --null\)"),
        (dataclasses.replace(null_of(0.5), checkpoint="other"), "measure one for it"),
        (null_of(0.5, layer="logits"), "has no layer 'log'"),
    ],
)
def test_searches_without_their_null_are_refused(null, message):
    with pytest.raises(InputError, match=message):
        mm.synthesize(NETWORK, "log", TARGETS, config(), progress=False, null=null)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stop_when": "soon"}, "'verdict' or 'converged'"),
        ({"stop_when": ""}, "'verdict' or 'converged'"),
        ({"stop_when": "converged", "precision": "bfloat16"}, "too short for it"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        config(**change)


def test_folders_of_searches_that_are_not_stopped_are_as_before():
    assert "stop_when" not in config(stop_when=None).identity()
    assert config().identity()["stop_when"] == "verdict"


def test_states_of_searches_with_and_without_criteria_are_not_mixed():
    saved = {}
    searched(TARGETS, null_of(0.9), saved=saved)
    with pytest.raises(InputError, match="another search"):
        searched(TARGETS, None, saved[4], stop_when=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stopped", np.zeros(3, np.int32)),
        ("stopped", np.full(4, 6, np.int32)),
        ("passes", np.full(4, -1, np.int32)),
        ("passes", np.zeros(4, np.float32)),
        ("passes", None),
    ],
)
def test_checks_that_do_not_fit_a_state_are_refused(tmp_path, name, value):
    saved = {}
    searched(TARGETS, null_of(0.9), saved=saved)
    write_state(tmp_path / "state.npz", dataclasses.replace(saved[4], **{name: value}))
    with pytest.raises(InputError, match="no state of a search of this program"):
        read_state(tmp_path / "state.npz")


def make_run(out, pictures=TARGETS, null=None, **changes) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(pictures)}
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, config(**changes), null=null)


def test_a_run_records_where_its_searches_ended(tmp_path):
    done = runs.execute([make_run(tmp_path)], page=runs.Page("t", "c"), progress=False)
    ends = [made.record.stopped_at for made in done.made]
    assert any(ends) and all(
        made.record.iterations == end or not end for made, end in zip(done.made, ends, strict=True)
    )
    loaded = mm.load(tmp_path / "logarithm" / "log" / "p0")
    assert loaded.stopped_at == ends[0] and loaded.stop_reason == done.made[0].record.stop_reason
    assert loaded.loss_iterations[-1] == loaded.iterations
    rows = verdict_table.verdict_rows(done.made)
    assert rows[0][-1] == "stopped at" and [row[-1] for row in rows[1:]] == [str(end or "") for end in ends]
    assert done.page.read_text().count("stopped: rho was above") == sum(map(bool, ends))
    unstopped = runs.execute([make_run(tmp_path / "without", stop_when=None)], progress=False)
    assert verdict_table.verdict_rows(unstopped.made)[0][-1] == "as file"


def test_a_run_belongs_to_its_null(tmp_path):
    runs.execute([make_run(tmp_path / "own")], progress=False)
    with pytest.raises(InputError, match=r"other settings \(null=of signals [0-9a-f]+ there"):
        runs.check(run := make_run(tmp_path / "own", TARGETS[:3]))
        runs.claim(run)
    runs.execute([make_run(tmp_path / "given", null=null_of(0.5))], progress=False)
    with pytest.raises(InputError, match=r"other settings \(null=[0-9a-f]+ there"):
        runs.claim(make_run(tmp_path / "given", null=null_of(0.6)))
    free = make_run(tmp_path / "free", stop_when=None, null=null_of(0.5))
    runs.execute([free], progress=False)
    runs.claim(dataclasses.replace(free, null=null_of(0.6)))


def test_a_run_without_a_null_is_refused_before_work(tmp_path):
    with pytest.raises(InputError, match=r"stop_when=verdict: needs a null distribution.*--null_inputs"):
        runs.execute([make_run(tmp_path, TARGETS[:1])], progress=False)
    assert not list(tmp_path.iterdir())


def test_a_stopped_run_ends_with_the_same_bytes(tmp_path, monkeypatch):
    runs.execute([make_run(tmp_path / "whole", null=null_of(0.9))], progress=False)
    advance, broken = Search._advance, make_run(tmp_path / "broken", null=null_of(0.9))

    def stopped(search, now, wanted, length):
        if now.step >= 12:
            raise KeyboardInterrupt
        return advance(search, now, wanted, min(length, 12 - now.step))

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Search, "_advance", stopped)
        runs.execute([broken], progress=False)
    runs.execute([broken], progress=False)
    for name in ("metamer.npz", "metamer.json"):
        for place in range(4):
            one, other = (
                tmp_path / out / "logarithm" / "log" / f"p{place}" / name for out in ("whole", "broken")
            )
            assert one.read_bytes() == other.read_bytes()
