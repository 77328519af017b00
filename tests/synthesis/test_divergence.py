"""A signal whose loss is no longer a number is left out, and the others of its batch go on."""

import dataclasses
import pickle

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.synthesis import adam, starts
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import SearchState, read_state, write_state
from tests.builders.logarithm import RATE, Logarithm, targets
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn

CONFIG = mm.SynthesisConfig(iterations=30, learning_rate=RATE, save_every=10, log_every=1)


def search(config: mm.SynthesisConfig = CONFIG) -> Search:
    return Search(Logarithm(), "log", config)


def test_a_target_that_is_overshot_is_left_out_and_named():
    state, finished = search().run(targets(8, 5), progress=False)
    assert finished and state.step == 30
    assert list(state.diverged) == [5] and 3 < state.diverged[5] < 20
    assert np.isfinite(state.losses[: state.diverged[5], 5]).all()
    assert np.isinf(state.losses[state.diverged[5] :, 5]).all()
    assert np.isfinite(np.delete(state.losses, 5, axis=1)).all() and np.isfinite(state.signals).all()


@pytest.mark.parametrize("diverging", [0, 3, 7])
def test_the_others_have_the_bits_they_have_without_it(diverging):
    """Of a batch of the same size, since bits depend on it."""
    broken, _ = search().run(targets(8, diverging), progress=False)
    whole, _ = search().run(targets(8), progress=False)
    assert list(broken.diverged) == [diverging] and not whole.diverged
    for name in ("signals", "m", "v"):
        ours, theirs = (np.delete(state.arrays[name], diverging, axis=0) for state in (broken, whole))
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(*(np.delete(s.losses, diverging, axis=1) for s in (broken, whole)))
    seven, _ = search().run(np.delete(targets(8), diverging, axis=0), progress=False)
    np.testing.assert_allclose(np.delete(broken.signals, diverging, axis=0), seven.signals, atol=1e-5)


def diverging_above(network: mm.Network, limit: float) -> mm.Network:
    """The network, whose activations are no numbers for signals of a larger mean square than this."""
    original = network.forward

    def forward(signals, training=False):
        stages = original(signals, training)
        power = tf.reduce_mean(signals**2, axis=list(range(1, signals.shape.rank)))
        nothing = tf.where(power < limit, 0.0, np.nan)  # 0 * log(...) would be folded to 0 by TensorFlow 2.16

        def spoilt(stage):
            shape = [-1] + [1] * (stage.value.shape.rank - 1)
            return dataclasses.replace(stage, value=stage.value + tf.reshape(nothing, shape))

        return {name: spoilt(stage) for name, stage in stages.items()}

    network.forward = forward
    return network


@pytest.mark.parametrize(("kind", "layer"), [("image", "conv3_4"), ("image", "fc7"), ("sound", "conv_2")])
def test_seven_of_eight_in_a_convolutional_network(small_images, small_sounds, kind, layer):
    """One start explodes at once; where it does not, the others' bits are the same."""
    make = make_tiny_vgg if kind == "image" else make_tiny_word_cnn
    signals = small_images if kind == "image" else small_sounds
    network = diverging_above(make(), 0.5)
    batch = np.concatenate([signals[:4], signals[:4][:, ::-1]])
    config = mm.SynthesisConfig(iterations=20, log_every=1)
    common = np.broadcast_to(starts.start(network.signal, 0), batch.shape)
    exploding = common.copy()
    exploding[3] = 0.99
    search = Search(network, layer, config)
    broken, _ = search.run(batch, exploding, progress=False)
    whole, _ = search.run(batch, common, progress=False)
    assert broken.diverged == {3: 0} and not whole.diverged
    np.testing.assert_array_equal(np.delete(broken.signals, 3, axis=0), np.delete(whole.signals, 3, axis=0))
    np.testing.assert_array_equal(np.delete(broken.losses, 3, axis=1), np.delete(whole.losses, 3, axis=1))
    kept = [i for i in range(8) if i != 3]
    seven, _ = Search(network, layer, config).run(batch[kept], common[kept], progress=False)
    np.testing.assert_allclose(broken.signals[kept], seven.signals, atol=2e-5)


@pytest.mark.parametrize("length", [1, 7, 30])
def test_how_steps_are_grouped_changes_nothing(monkeypatch, length):
    """The groups depend on the machine's speed, and what is saved must not."""
    whole, _ = search().run(targets(4, 1), progress=False)
    advance = Search._advance

    def in_parts(own, state, wanted, steps):
        while steps:
            part = min(length, steps)
            state, steps = advance(own, state, wanted, part), steps - part
        return state

    monkeypatch.setattr(Search, "_advance", in_parts)
    other, _ = search().run(targets(4, 1), progress=False)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])


def test_a_saved_state_goes_on_with_what_was_left_out(tmp_path):
    unbroken, _ = search().run(targets(4, 1), progress=False)
    saved = []
    search().run(targets(4, 1), save=saved.append, progress=False)
    for number, state in enumerate(saved):
        write_state(tmp_path / f"{number}.npz", state)
        resumed, finished = search().run(
            targets(4, 1), state=read_state(tmp_path / f"{number}.npz"), progress=False
        )
        assert finished and resumed.diverged == unbroken.diverged
        for name, array in unbroken.arrays.items():
            np.testing.assert_array_equal(array, resumed.arrays[name])
    assert [bool(state.diverged) for state in saved] == [unbroken.diverged[1] < 10, True, True]


def test_a_batch_that_diverges_as_a_whole_ends_there():
    state, finished = search().run(np.repeat(targets(1, 0), 3, axis=0), progress=False)
    assert finished and len(state.diverged) == 3 and state.step < 30


def test_a_target_without_finite_activations_is_left_out_and_all_of_them_are_refused():
    pictures = targets(3)
    pictures[1] = 0.9
    state, _ = search().run(pictures, progress=False)
    assert state.diverged == {1: 0}
    with pytest.raises(mm.InputError, match="activations at log are not finite; check the weights"):
        search().run(pictures[1:2], progress=False)


def test_a_last_step_that_leads_nowhere_is_noticed():
    end = search().run(targets(2, 1), progress=False)[0].diverged[1]
    state, _ = search(dataclasses.replace(CONFIG, iterations=end)).run(targets(2, 1), progress=False)
    assert state.step == end and state.diverged == {1: end}


def test_synthesize_names_what_diverged_and_hands_over_the_rest():
    with pytest.raises(
        mm.DivergedError, match=r"signal_2 at iteration \d+\); lower the learning rate"
    ) as caught:
        mm.synthesize(Logarithm(), "log", targets(4, 2), CONFIG, progress=False)
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.stimuli == ("signal_2",) and 3 < error.iteration < 20
    assert [metamer.stimulus for metamer in error.metamers] == ["signal_0", "signal_1", "signal_3"]
    assert all(np.isfinite(metamer.loss).all() and metamer.iterations == 30 for metamer in error.metamers)
    with pytest.raises(mm.DivergedError) as caught:
        mm.synthesize(Logarithm(), "log", targets(1, 0)[0], CONFIG, progress=False)
    assert caught.value.metamers == []


def stop_at(monkeypatch, step: int) -> None:
    """Ctrl-C once a search is as far."""
    advance = Search._advance

    def stopped(own, state, wanted, length):
        if state.step >= step:
            raise KeyboardInterrupt
        return advance(own, state, wanted, min(length, step - state.step))

    monkeypatch.setattr(Search, "_advance", stopped)


def test_ctrl_c_stops_a_loop_over_images_and_offers_what_there_was(monkeypatch):
    stop_at(monkeypatch, 10)
    begun = []
    with pytest.raises(KeyboardInterrupt) as caught:
        for picture in targets(3):
            begun.append(picture)
            mm.synthesize(Logarithm(), "log", picture, CONFIG, progress=False)
    assert len(begun) == 1
    assert type(caught.value) is mm.Stopped and "iteration 10 of 30" in str(caught.value)
    (metamer,) = caught.value.metamers
    assert metamer.iterations == 10 and metamer.loss[-1] < metamer.loss[0]


@pytest.mark.parametrize(("step", "left"), [(0, 3), (5, 3), (25, 2)])
def test_what_is_offered_leaves_out_what_diverged(monkeypatch, step, left):
    stop_at(monkeypatch, step)
    with pytest.raises(mm.Stopped) as caught:
        mm.synthesize(Logarithm(), "log", targets(3, 1), CONFIG, progress=False)
    assert [m.iterations for m in caught.value.metamers] == [step] * left
    assert all(np.isfinite(m.loss).all() for m in caught.value.metamers)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("losses", np.zeros([5, 2], np.float32)),
        ("signals", np.zeros([2, 4, 4, 3], np.float64)),
        ("m", np.zeros([1, 4, 4, 3], np.float32)),
        ("beta_powers", np.zeros(3, np.float32)),
        ("step", 31),
        ("step", -1),
    ],
)
def test_states_that_do_not_fit_are_refused(tmp_path, change, value):
    state = SearchState.fresh(targets(2), 30, adam.fresh(targets(2)))
    if change in state.optimizer:
        state.optimizer[change] = value
    else:
        state = dataclasses.replace(state, **{change: value})
    write_state(tmp_path / "state.npz", state)
    with pytest.raises(mm.InputError):
        search().run(targets(2), state=read_state(tmp_path / "state.npz"), progress=False)
