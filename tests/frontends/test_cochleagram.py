"""The cochleagram against plain TensorFlow operations and against the authors' own."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends import cochleagram as cochleagram_module
from model_metamers.frontends.cochleagram import CochleagramConfig, cochleagram
from model_metamers.frontends.erb_filters import erb_cosine_filters
from model_metamers.frontends.numpy_cochleagram import downsampling_window, numpy_cochleagram
from tests.builders import tf1_graph
from tests.builders.front_ends import compiled, with_gradient

_GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "cochleagram.npz"
_SMALL = CochleagramConfig(sample_rate=8000, num_filters=51, high_hz=3600.0)
_PAPER = CochleagramConfig()
_RELEASED = CochleagramConfig(num_filters=211)


def _signal(kind, num_samples, sample_rate):
    if kind == "silence":
        return np.zeros(num_samples, np.float32)
    if kind == "noise":
        return 0.1 * np.random.RandomState(0).standard_normal(num_samples).astype(np.float32)
    return tf1_graph.speech_like(num_samples, sample_rate)


def _relative_l2(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("kind", ["noise", "speech"])
@pytest.mark.parametrize(
    ("config", "num_samples"),
    [
        pytest.param(_SMALL, 8000, id="small"),
        pytest.param(CochleagramConfig(num_filters=31, high_hz=7000.0, envelope_rate=400), 4000, id="400-hz"),
        pytest.param(CochleagramConfig(num_filters=31, window_size=75), 4000, id="short-window"),
        pytest.param(CochleagramConfig(num_filters=31, sample_factor=2, low_hz=50.0), 4000, id="factor-2"),
        pytest.param(_PAPER, 20000, id="paper"),
    ],
)
def test_equals_plain_operations(config, num_samples, kind):
    signal = _signal(kind, num_samples, config.sample_rate)[np.newaxis]
    found, gradient = with_gradient(cochleagram, signal, config)
    # In float64: where a band falls silent, the power of 0.3 magnifies how plain operations round.
    plain = signal.astype(np.float64)
    expected, expected_gradient = with_gradient(tf1_graph.plain_cochleagram, plain, config)
    assert found.shape == (1, config.num_filters, config.num_frames(num_samples), 1)
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())
    assert _relative_l2(gradient, expected_gradient) < 1e-5


_EXACT_CASES = {
    "small": (CochleagramConfig(8000, num_filters=53, high_hz=3600.0, sample_factor=2), 8000),
    "paper": (_PAPER, 10000),
    "stride of 7": (CochleagramConfig(1400, num_filters=19, high_hz=600.0, window_size=71), 7 * 134),
    "prime number of frames": (CochleagramConfig(num_filters=31, envelope_rate=400), 50 * 83),
    "stride of 2": (CochleagramConfig(400, num_filters=15, high_hz=190.0, window_size=9), 2 * 202),
}


@pytest.mark.parametrize("kind", ["tone", "click", "half silence"])
@pytest.mark.parametrize("case", _EXACT_CASES)
def test_silent_times_and_bands_are_exact(case, kind):
    """What is rounded in loud times and bands must not reach silent ones, where the power magnifies it."""
    config, num_samples = _EXACT_CASES[case]
    seconds = np.arange(num_samples) / config.sample_rate
    signal = {
        "tone": 0.1 * np.sin(2 * np.pi * config.high_hz / 4 * seconds),
        "click": np.arange(num_samples) == num_samples // 3,
        "half silence": _signal("noise", num_samples, 1) * (seconds < seconds[-1] / 2),
    }[kind].astype(np.float32)
    values = cochleagram(signal[np.newaxis], config).numpy()[0, :, :, 0]
    expected = numpy_cochleagram(signal, config)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * expected.max())


def test_chunks_of_single_bands_give_the_same(monkeypatch):
    batch = np.stack([_signal(kind, 4000, 20000) for kind in ("noise", "silence", "speech")])
    config = CochleagramConfig(num_filters=31)
    expected, expected_gradient = with_gradient(cochleagram, batch, config)
    monkeypatch.setattr(cochleagram_module, "_SAMPLES_PER_CHUNK", 1)
    values, gradient = with_gradient(cochleagram, batch, config)
    np.testing.assert_allclose(values, expected, atol=1e-6 * expected.max())
    assert _relative_l2(gradient, expected_gradient) < 1e-6


@pytest.mark.parametrize(
    "run",
    [lambda f: f, tf.function, compiled],
    ids=["eager", "function", "xla"],
)
def test_silence_has_a_finite_gradient(run):
    silence = np.zeros([1, 8000], np.float32)
    half_silent = np.concatenate([silence[:, :4000], _signal("noise", 4000, 8000)[np.newaxis]], axis=1)
    front_end = run(lambda waveforms, config=_SMALL: cochleagram(waveforms, config))
    for signal in (silence, half_silent):
        found, gradient = with_gradient(front_end, signal)
        assert np.isfinite(found).all() and np.isfinite(gradient).all()
    found, gradient = with_gradient(front_end, silence)
    assert not found.any() and not gradient.any()


@pytest.mark.parametrize("config", [_SMALL, CochleagramConfig(num_filters=31)], ids=["8-khz", "20-khz"])
def test_batch_equals_single(config):
    rate = config.sample_rate
    batch = np.stack([_signal(kind, rate, rate) for kind in ("noise", "silence", "speech")])
    together, gradients = with_gradient(cochleagram, batch, config)
    for i, signal in enumerate(batch):
        alone, gradient = with_gradient(cochleagram, signal[np.newaxis], config)
        np.testing.assert_allclose(together[i], alone[0], atol=1e-6 * max(alone.max(), 1))
        np.testing.assert_allclose(gradients[i], gradient[0], atol=1e-5 * max(np.abs(gradient).max(), 1))


def test_unknown_batch_size():
    traced = tf.function(cochleagram, input_signature=[tf.TensorSpec([None, 4000], tf.float32)])
    batch = np.stack([_signal(kind, 4000, 20000) for kind in ("noise", "speech")])
    np.testing.assert_allclose(traced(batch), cochleagram(batch), atol=1e-5)


def test_low_frequencies_come_first_and_later_sound_later():
    seconds = np.arange(40000) / 20000
    tone = (0.1 * np.sin(2 * np.pi * 1000 * seconds) * (seconds >= 1)).astype(np.float32)
    found = cochleagram(tone[np.newaxis]).numpy()[0, :, :, 0]
    _, centers = erb_cosine_filters(40000, 20000, 171)
    assert centers[found[:, 300].argmax()] == pytest.approx(1000, rel=0.03)
    one_khz = np.abs(centers - 1000).argmin()
    assert found[one_khz, 220:380].min() > 10 * found[one_khz, 20:180].max()


def test_downsampling_window():
    window = downsampling_window(100)
    assert window.shape == (1001,)
    assert window.sum() == pytest.approx(1.000945, abs=1e-6)
    assert window.argmax() == 500
    assert window[501] > window[499]  # the sinc's centre lies between samples 500 and 501


@pytest.mark.parametrize(
    ("shape", "config", "message"),
    [
        ([1, 4001], _PAPER, "even"),
        ([1, 4050], _PAPER, "multiple of 100 samples"),
        ([1, 75], CochleagramConfig(sample_rate=15000, high_hz=7000.0), "even"),
        ([4000], _PAPER, r"\[batch, samples\]"),
        ([1, 4000, 1], _PAPER, r"\[batch, samples\]"),
        ([1, 4000], CochleagramConfig(envelope_rate=300), "envelope_rate=300 Hz must divide"),
        ([1, 4000], CochleagramConfig(num_filters=170), "num_filters=170"),
        ([1, 4000], CochleagramConfig(sample_rate=12000, envelope_rate=120), "half the sample rate"),
    ],
)
def test_refusals(shape, config, message):
    with pytest.raises(InputError, match=message):
        cochleagram(np.zeros(shape, np.float32), config)


def _golden_signal(num_samples=4000, sample_rate=20000):
    """As goldens/make_cochleagram_golden.py draws it."""
    random = np.random.RandomState(0)
    seconds = np.arange(num_samples) / sample_rate
    signal = random.standard_normal(num_samples) * seconds
    signal[num_samples // 2 : num_samples * 5 // 8] = 0.0
    signal += 0.1 * np.sin(2 * np.pi * 440 * seconds) * (seconds > 0.14)
    return (0.1 * signal / np.sqrt(np.mean(signal**2))).astype(np.float32)


@pytest.mark.parametrize(("num_bands", "config"), [(40, _PAPER), (50, _RELEASED)], ids=["171", "211"])
def test_equals_the_authors(num_bands, config):
    golden = {
        k.removesuffix(f"_{num_bands}"): v for k, v in np.load(_GOLDEN).items() if k.endswith(f"_{num_bands}")
    }
    found, gradient = with_gradient(cochleagram, _golden_signal()[np.newaxis], config)
    values = found[0, :, :, 0]
    assert values.shape == tuple(golden["shape"])
    np.testing.assert_allclose(values.ravel()[::7], golden["values"], atol=1e-5 * values.max())
    sums = [values.sum(dtype=float), np.sum(values.astype(float) ** 2)]
    np.testing.assert_allclose(sums, golden["sums"], rtol=1e-5)
    assert 0.5 * sums[1] == pytest.approx(float(golden["loss"]), rel=1e-5)
    assert _relative_l2(gradient[0], golden["gradient"]) < 1e-5
