"""The search: its result, its batches, its continuation, its refusals."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, synthesis
from model_metamers.synthesis.adam import adam_update, learning_rate
from model_metamers.synthesis.matching import loss_and_gradient
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.under_way import UnderWay
from tests.conftest import make_tiny_vgg


def config(**changes) -> mm.SynthesisConfig:
    return dataclasses.replace(mm.SynthesisConfig(iterations=30, save_every=10, log_every=1), **changes)


def test_loss_falls_and_the_metamer_is_described(tiny_vgg, small_images):
    metamer = mm.synthesize(tiny_vgg, "conv2_2", small_images[0], config(iterations=150), progress=False)
    assert metamer.loss[-1] < 0.5 * metamer.loss[0]
    assert metamer.loss_iterations[0] == 0 and metamer.loss_iterations[-1] == 150
    assert metamer.signal.shape == (32, 32, 3) and metamer.signal.dtype == np.float32
    assert set(metamer.spearman) == set(tiny_vgg.layers)
    assert metamer.target_class in tiny_vgg.classes


def test_last_loss_is_that_of_the_signal_returned(tiny_vgg, small_images):
    metamer = mm.synthesize(tiny_vgg, "conv3_4", small_images[0], config(), progress=False)
    pair = np.stack([metamer.signal, small_images[0]])
    a, b = tiny_vgg.activations(pair, ["conv3_4"])["conv3_4"].numpy()
    assert metamer.loss[-1] == pytest.approx(0.5 * np.sum((a - b) ** 2), rel=1e-5)


@pytest.mark.parametrize("layer", ["conv1_2", "fc7"])
def test_batch_gives_the_same_signals_as_single_runs(tiny_vgg, small_images, layer):
    together = mm.synthesize(tiny_vgg, layer, small_images, config(), progress=False)
    for metamer, image in zip(together, small_images, strict=True):
        alone = mm.synthesize(tiny_vgg, layer, image, config(), progress=False)
        np.testing.assert_allclose(metamer.signal, alone.signal, atol=1e-5)
        np.testing.assert_allclose(metamer.loss, alone.loss, rtol=1e-3)


def test_sound_batch_gives_the_same_signals_as_single_runs(tiny_word_cnn, small_sounds):
    together = mm.synthesize(tiny_word_cnn, "conv_2", small_sounds, config(), progress=False)
    for metamer, sound in zip(together, small_sounds, strict=True):
        alone = mm.synthesize(tiny_word_cnn, "conv_2", sound, config(), progress=False)
        np.testing.assert_allclose(metamer.signal, alone.signal, atol=2e-5)


def test_images_stay_in_range_and_sounds_are_not_clipped(tiny_vgg, tiny_word_cnn, small_images, small_sounds):
    image = mm.synthesize(tiny_vgg, "conv1_2", small_images[0], config(learning_rate=0.3), progress=False)
    assert image.signal.min() == 0.0 and image.signal.max() == 1.0
    sound = mm.synthesize(
        tiny_word_cnn, "cochleagram", small_sounds[0], config(learning_rate=1.0), progress=False
    )
    assert np.abs(sound.signal).max() > 1.0


def test_stopping_and_continuing_gives_the_same_bits(tiny_word_cnn, small_sounds):
    search = Search(tiny_word_cnn, "conv_2", config())
    unbroken, finished = search.run(small_sounds[:2], progress=False)
    assert finished
    saved = []
    search.run(small_sounds[:2], save=lambda s: saved.append(s), progress=False)
    assert [s.step for s in saved] == [10, 20, 30]
    resumed, _ = search.run(small_sounds[:2], state=saved[0], progress=False)
    for name, array in unbroken.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name])


@pytest.mark.parametrize(
    ("optimizer", "saves", "copies"), [("adam", 30, 1), ("adam", 10, 3), ("lbfgs", 15, 2)]
)
def test_signals_are_copied_only_to_be_saved(tiny_vgg, small_images, monkeypatch, optimizer, saves, copies):
    steps, kept, advance = [], UnderWay.kept, Search._advance

    def by_single_steps(search, now, wanted, length):
        assert tf.is_tensor(now.signals) and all(map(tf.is_tensor, now.optimizer.values()))
        return advance(search, now, wanted, 1)

    def counted(now):
        steps.append(now.step)
        return kept(now)

    monkeypatch.setattr(Search, "_advance", by_single_steps)
    monkeypatch.setattr(UnderWay, "kept", counted)
    search = Search(tiny_vgg, "conv1_2", config(optimizer=optimizer, save_every=saves))
    search.run(small_images[:2], save=lambda _: None, progress=False)
    assert len(steps) == copies and steps[-1] == 30


def test_ctrl_c_keeps_the_signal_so_far(tiny_vgg, small_images, monkeypatch):
    search = Search(tiny_vgg, "conv1_2", config())
    advance = search._advance

    def interrupted(state, wanted, length):
        if state.step >= 10:
            raise KeyboardInterrupt
        return advance(state, wanted, length)

    monkeypatch.setattr(search, "_advance", interrupted)
    saved = []
    state, finished = search.run(small_images[:1], save=saved.append, progress=False)
    assert not finished and 10 <= state.step < 30 and saved[-1].step == state.step
    metamer = synthesis.to_metamers(search, ["a"], small_images[:1], state)[0]
    assert metamer.iterations == state.step and np.isfinite(metamer.loss).all()


def test_a_loss_that_is_no_number_stops_the_search(tiny_vgg, small_images):
    network = make_tiny_vgg()
    search = Search(network, "conv1_2", config())
    original = network.forward

    def overflowing(signals, training=False):
        stages = original(signals, training)
        stage = stages["conv1_2"]
        infinite = tf.where(tf.reduce_mean(signals) > 0.56, np.inf, 1.0)
        stages["conv1_2"] = dataclasses.replace(stage, value=stage.value * infinite)
        return stages

    start = np.full([32, 32, 3], 0.57, np.float32)
    network.activations(small_images[:1], ["conv1_2"])  # compiled before the change
    network.forward = overflowing
    state, finished = search.run(small_images[:1], start, progress=False)
    assert finished and state.diverged == {0: 0} and state.step < 30


def test_searches_at_a_layer_share_what_is_compiled_once_for_a_batch_size(small_images):
    network = make_tiny_vgg()
    several = [
        Search(network, "conv3_4", config(seed=seed, learning_rate=0.1 / (1 + seed))) for seed in range(3)
    ]
    for search in several:
        search.run(small_images[:2], progress=False)
        search.run(small_images[2:4], progress=False)
    (burst, *others) = {phase.burst for search in several for phase in search._phases}
    assert not others and burst.experimental_get_tracing_count() == 1


def test_searches_that_share_it_keep_their_own_rate_and_gradient(small_images):
    network, target = make_tiny_vgg(), small_images[0]
    changes = [{"learning_rate": 0.01}, {"preset": "paper"}, {"relu_gradient": "plain"}, {"seed": 3}]
    together = [mm.synthesize(network, "fc7", target, config(**one), progress=False) for one in changes]
    for one, metamer in zip(changes, together, strict=True):
        alone = mm.synthesize(make_tiny_vgg(), "fc7", target, config(**one), progress=False)
        np.testing.assert_array_equal(metamer.signal, alone.signal)
    assert len({metamer.signal.tobytes() for metamer in together}) == len(changes)


def _rate(given: mm.SynthesisConfig, network: mm.Network, step: int) -> float:
    own = given.for_network(network)
    return float(learning_rate(own.learning_rate, own.learning_rate_decay, tf.constant(step)))


def test_learning_rate_decays_as_released_and_is_constant_in_the_paper(tiny_vgg):
    # docs/sources.md 6
    assert _rate(mm.SynthesisConfig(), tiny_vgg, 15000) == pytest.approx(4.633e-4, rel=1e-3)
    assert _rate(mm.SynthesisConfig(preset="paper"), tiny_vgg, 15000) == pytest.approx(1e-3)


@pytest.mark.parametrize("step", [0, 1, 499, 999, 1500, 14999])
def test_learning_rate_falls_at_every_step_and_not_in_stairs(tiny_vgg, step):
    rate = _rate(mm.SynthesisConfig(), tiny_vgg, step)
    assert rate == pytest.approx(0.001 * 0.95 ** (step / 1000), rel=1e-6)
    halving = mm.SynthesisConfig(learning_rate=0.1, learning_rate_decay=0.5)
    assert _rate(halving, tiny_vgg, step) == pytest.approx(0.1 * 2.0 ** (-step / 1000), rel=1e-6)


def test_adam_is_tensorflow_1s_kernel():
    random = np.random.RandomState(0)
    signal = random.randn(50).astype(np.float32)
    variable, m, v = tf.Variable(signal), tf.Variable(tf.zeros(50)), tf.Variable(tf.zeros(50))
    ours, our_m, our_v = tf.constant(signal), tf.zeros(50), tf.zeros(50)
    powers = tf.constant([0.9, 0.999])
    for _ in range(20):
        gradient = tf.constant(random.randn(50).astype(np.float32) * 10.0 ** random.uniform(-9, 3))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=0.001,
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-8,
            grad=gradient,
        )
        ours, our_m, our_v = adam_update(ours, gradient, our_m, our_v, powers, 0.001)
        powers = powers * [0.9, 0.999]
    np.testing.assert_allclose(ours, variable, rtol=2e-6, atol=1e-8)


def test_linear_gradient_moves_units_that_the_plain_one_leaves_dead():
    network = make_tiny_vgg()
    network.weights["vgg_19/conv1/conv1_2/biases"].assign([-1e3] * 3)  # silent for any image
    start, wanted = tf.fill([1, 32, 32, 3], 0.5), tf.ones([1, 32, 32, 3])
    _, gradient = loss_and_gradient(network, "conv1_2", "plain", start, wanted)
    assert not np.any(gradient.numpy())
    loss, gradient = loss_and_gradient(network, "conv1_2", "linear", start, wanted)
    assert np.any(gradient.numpy()) and loss.numpy()[0] == pytest.approx(0.5 * 32 * 32 * 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iterations": 0}, "iterations=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"learning_rate_decay": 1.5}, "learning_rate_decay=1.5"),
        ({"preset": "x"}, "'released' or 'paper'"),
        ({"relu_gradient": "x"}, "'linear' or 'plain'"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        config(**change)


def test_an_unknown_layer_tells_of_those_there_are(tiny_vgg, small_images):
    with pytest.raises(InputError, match=r"no layer 'conv9'.*conv1_2.*nearest are.*conv"):
        mm.synthesize(tiny_vgg, "conv9", small_images[0], config(), progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 255, "rescale"),
        (lambda x: (x * 255).astype(np.uint8), "floating-point"),
        (lambda x: x[:31], r"expected shape \[batch, 32, 32, 3\]"),
        (lambda x: np.where(x > 0.5, np.nan, x), "NaN"),
    ],
)
def test_targets_the_network_cannot_take_are_refused(tiny_vgg, small_images, change, message):
    with pytest.raises(InputError, match=message):
        mm.synthesize(tiny_vgg, "conv1_2", change(small_images[0]), config(), progress=False)
