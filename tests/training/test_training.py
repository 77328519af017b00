"""The training loop: it learns, goes on to the same weights, stops, and refuses to lose a state."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.training import loop, plan, state, stopping
from tests.builders import binaries
from tests.builders.small_training import (
    SETTINGS,
    Plain,
    assert_same_weights,
    bright_and_dark,
    train,
    training_plan,
    values_of,
)

_ROOT = Path(__file__).resolve().parents[2]


def test_training_learns_and_follows_the_data(tmp_path):
    network, outcome = train(tmp_path, 30)
    assert outcome.steps == 240 and outcome.metrics["accuracy"] > 0.95
    assert outcome.reason == "30 epochs are done"
    assert np.abs(network.weights["norm/moving_mean"].numpy()).max() > 0.01
    history = json.loads((tmp_path / "history.json").read_text())
    assert [entry["step"] for entry in history] == list(range(8, 241, 8))
    assert list((tmp_path / "summaries").glob("events*"))


@pytest.mark.parametrize("clip_norm", [None, 0.4])
def test_steps_are_those_written_out(tmp_path, clip_norm):
    """Descent on cross-entropy and half the squared kernels, clipped together, at each step's rate."""
    rates, decay = [0.5, 0.2, 0.1], 0.3
    network, (images, labels) = Plain(hidden=False), bright_and_dark(24)
    network.weights["norm/beta"].assign(np.ones(16))  # no kernel: it does not decay
    hidden, top = (network.weights[f"{name}/kernel"].numpy().astype(np.float64) for name in ("hidden", "top"))
    norms = []
    for rate, x, own in zip(rates, images.reshape(3, 8, 48), labels.reshape(3, 8), strict=True):
        logits = x @ hidden @ top
        wrong = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(2)[own]
        gradients = [x.T @ wrong @ top.T / 8 + decay * hidden, hidden.T @ x.T @ wrong / 8 + decay * top]
        norms.append(np.sqrt(sum(np.sum(g**2) for g in gradients)))
        shrunk = min(1.0, (clip_norm or np.inf) / norms[-1])
        hidden, top = (w - rate * shrunk * g for w, g in zip((hidden, top), gradients, strict=True))
    assert min(norms) > 0.45  # so that 0.4 clips every one
    changes = {
        "batches": lambda epoch, first: tf.data.Dataset.from_tensor_slices((images, labels)).batch(8),
        "steps_per_epoch": 3,
        "schedule": lambda step: rates[step],
        "weight_decay": decay,
        "clip_norm": clip_norm,
    }
    optimizer = tf.keras.optimizers.SGD(1.0)
    loop.train(network, optimizer, training_plan(network, 1, **changes), tmp_path, SETTINGS, progress=False)
    np.testing.assert_allclose(network.weights["hidden/kernel"], hidden, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network.weights["top/kernel"], top, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(network.weights["norm/beta"], np.ones(16))


class _Stop(Exception):
    pass


@pytest.mark.parametrize("stop_at", [5, 8, 19])
def test_interrupted_training_goes_on_to_the_same_weights(tmp_path, stop_at):
    """Dropout, the order of the batches, Adam's moments and the moving averages all go on."""
    whole, _ = train(tmp_path / "whole", 4, saves_per_epoch=2)
    taken = []

    def failing(number):
        taken.append(number)
        if number == stop_at:
            raise _Stop
        return 1e-2

    plain = training_plan(Plain(), 4).schedule
    with pytest.raises(_Stop):
        train(tmp_path / "broken", 4, saves_per_epoch=2, schedule=lambda n: failing(n) and plain(n))
    assert taken[-1] == stop_at
    found, outcome = train(tmp_path / "broken", 4, saves_per_epoch=2)
    assert outcome.steps == 32
    assert_same_weights(found, whole)
    assert (tmp_path / "broken" / "history.json").read_bytes() == (
        tmp_path / "whole" / "history.json"
    ).read_bytes()


def test_finished_training_takes_no_more_steps(tmp_path):
    first, _ = train(tmp_path, 2)
    again, outcome = train(tmp_path, 2, schedule=lambda step: pytest.fail("a step was taken"))
    assert outcome.steps == 16
    assert_same_weights(again, first)


def test_dropout_depends_on_the_seed(tmp_path):
    first, _ = train(tmp_path / "a", 1, seed=1)
    other, _ = train(tmp_path / "b", 1, seed=2)
    assert not np.array_equal(first.weights["top/kernel"], other.weights["top/kernel"])


def test_training_stops_where_it_is_good_enough(tmp_path):
    _, outcome = train(tmp_path, 60, stopping=stopping.Stopping({"accuracy": 0.9}), evaluations_per_epoch=2)
    assert outcome.steps < 480 and outcome.metrics["accuracy"] >= 0.9
    assert "accuracy" in outcome.reason and "reached 0.9" in outcome.reason
    history = json.loads((tmp_path / "history.json").read_text())
    assert all(entry["accuracy"] < 0.9 for entry in history[:-1])
    _, again = train(tmp_path, 60, stopping=stopping.Stopping({"accuracy": 0.9}), evaluations_per_epoch=2)
    assert again == outcome


@pytest.mark.parametrize(
    ("times", "expected"), [(1, [8, 16]), (2, [4, 8, 12, 16]), (0.5, [16]), (3, [3, 6, 8, 11, 14, 16])]
)
def test_what_is_due(times, expected):
    training = training_plan(Plain(), 2)
    assert [step for step in range(1, 17) if training.is_due(step, times)] == expected


def test_another_training_in_the_folder_is_refused(tmp_path):
    train(tmp_path, 1)
    network = Plain()
    with pytest.raises(
        InputError, match=r"other settings \(command=\['--seed=0'\] there, \['--seed=1'\] now\)"
    ):
        state.TrainingState(tmp_path, network, tf.keras.optimizers.Adam(), {"command": ["--seed=1"]})


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_state(tmp_path):
    train(tmp_path, 1)
    with pytest.raises(InputError, match=r"no longer a number|hold NaN"):
        train(tmp_path, 5, schedule=lambda step: 1e38)
    network = Plain()
    optimizer = tf.keras.optimizers.Adam()
    optimizer.build([v for v in network.weights.values() if v.trainable])
    kept = state.TrainingState(tmp_path, network, optimizer, SETTINGS)
    assert int(kept.step) == 8 and all(np.isfinite(value).all() for value in values_of(network).values())


def test_a_full_disk_stops_it_with_a_line_and_a_good_state(tmp_path):
    """A limit on the size of files stands in for the full disk: the write fails the same way."""
    train(tmp_path, 1)
    program = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(_ROOT)!r})
import model_metamers as mm
from tests.builders import small_training as t
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
try:
    t.train(pathlib.Path({str(tmp_path)!r}), 3)
except mm.InputError as error:
    print("refused:", error)
"""
    result = binaries.run_program(program)
    assert "refused:" in result.stdout and "cannot be saved" in result.stdout, result.stderr[-2000:]
    assert "goes on from ckpt-8" in result.stdout
    _, outcome = train(tmp_path, 3)
    assert outcome.steps == 24


@pytest.mark.parametrize(
    "place",
    [
        "after a step",
        pytest.param("before a step", marks=pytest.mark.slow),
        pytest.param("evaluating", marks=pytest.mark.slow),
    ],
)
def test_told_to_stop_it_saves_where_it_is(tmp_path, monkeypatch, place):
    whole, _ = train(tmp_path / "whole", 3)
    owner, name = {
        "before a step": (tf, "constant"),
        "after a step": (state.TrainingState, "advance"),
        "evaluating": (plan.TrainingPlan, "is_due"),
    }[place]
    function, calls = getattr(owner, name), []

    def stopped(*args, **kwargs):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, stopped)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "out", 3)
    monkeypatch.undo()
    saved = [path.stem for path in (tmp_path / "out").glob("ckpt-*.index")]
    network, outcome = train(tmp_path / "out", 3)
    assert len(calls) >= 12 and saved and outcome.steps == 24
    assert_same_weights(network, whole)


def test_half_written_states_are_removed(tmp_path):
    train(tmp_path, 1)
    (tmp_path / "ckpt-9_temp").mkdir()
    (tmp_path / "ckpt-9_temp" / "part").write_bytes(b"x")
    train(tmp_path, 2)
    assert not (tmp_path / "ckpt-9_temp").exists()


def test_summaries_that_cannot_be_written_hide_no_other_error(tmp_path):
    program = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(_ROOT)!r})
from model_metamers.errors import InputError
from model_metamers import summaries
folder = pathlib.Path({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for count, ending in ((5, "its own"), (5, "none"), (500, "none")):
    try:
        with summaries.summaries(folder / f"{{ending}} {{count}}"):
            for step in range(count):  # the tenth is written at once
                summaries.scalar("loss", 1.0, step)
            if ending == "its own":
                raise InputError("another one")
    except InputError as error:
        print(ending, "refused:", error)
"""
    result = binaries.run_program(program)
    lines = result.stdout.strip().splitlines()
    assert lines[:1] == ["its own refused: another one"], result.stderr[-2000:]
    assert len(lines) == 3 and all("summaries cannot be written" in line for line in lines[1:])
