"""VGGish's log-mel against the released numpy code and against plain TensorFlow operations."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends.log_mel import LogMelConfig, log_mel, log_mel_examples, mel_filters
from tests.builders import tf1_audio
from tests.builders.front_ends import compiled, with_gradient
from tests.goldens import seeded_sounds

_GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "vggish.npz"
_SOUNDS = seeded_sounds.sounds()


@pytest.mark.parametrize("kind", _SOUNDS)
def test_equals_the_released_code(kind):
    golden = np.load(_GOLDEN)
    found = log_mel(_SOUNDS[kind][np.newaxis])[0].numpy()
    name = f"log_mel/{kind}"
    summary = seeded_sounds.summary(name, found, 200)
    np.testing.assert_array_equal(summary[f"{name}/shape"], golden[f"{name}/shape"])
    np.testing.assert_allclose(summary[f"{name}/totals"], golden[f"{name}/totals"], rtol=1e-7)
    np.testing.assert_allclose(summary[f"{name}/values"], golden[f"{name}/values"], atol=1e-6)


@pytest.mark.parametrize("kind", ["harmonic", "noise"])
def test_gradient_equals_plain_operations(kind):
    sound = _SOUNDS[kind][np.newaxis]
    found, gradient = with_gradient(log_mel_examples, sound)
    expected, expected_gradient = with_gradient(tf1_audio.log_mel, sound.astype(np.float64))
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    error = np.linalg.norm(gradient - expected_gradient) / np.linalg.norm(expected_gradient)
    assert error < 1e-6


def test_slope_is_clipped_where_the_logarithm_is_steep():
    quiet = 1e-3 * _SOUNDS["noise"][np.newaxis]
    norms = [
        np.linalg.norm(
            with_gradient(lambda w, clip=clip: log_mel(w, LogMelConfig(slope_clip=clip)), quiet)[1]
        )
        for clip in (1.0, 10.0, 100.0, 1e6)
    ]
    assert norms[1] == pytest.approx(10 * norms[0], rel=1e-3)
    assert norms[3] == pytest.approx(norms[2], rel=1e-6)  # 1 / offset is the largest slope


@pytest.mark.parametrize(
    "run",
    [lambda f: f, tf.function, compiled],
    ids=["eager", "function", "xla"],
)
def test_silence_has_a_finite_gradient(run):
    for kind in ("silence", "gap"):
        found, gradient = with_gradient(run(log_mel), _SOUNDS[kind][np.newaxis])
        assert np.isfinite(found).all() and np.isfinite(gradient).all()
    assert gradient.any()
    found, gradient = with_gradient(run(log_mel), _SOUNDS["silence"][np.newaxis])
    np.testing.assert_allclose(found, np.log(0.01), rtol=1e-6)
    assert not gradient.any()


@pytest.mark.parametrize(
    ("num_samples", "frames", "examples"),
    [(32000, 198, 2), (400, 1, 0), (559, 1, 0), (560, 2, 0), (15600, 96, 1), (15599, 95, 0)],
)
def test_framing(num_samples, frames, examples):
    sound = _SOUNDS["noise"][np.newaxis, :num_samples]
    whole = log_mel(sound)
    assert whole.shape == (1, frames, 64)
    if not examples:
        with pytest.raises(InputError, match="shorter than one example of 96 frames, 15600 samples"):
            log_mel_examples(sound)
        return
    cut = log_mel_examples(sound)
    assert cut.shape == (1, examples, 96, 64)
    np.testing.assert_array_equal(tf.reshape(cut, [1, -1, 64]), whole[:, : 96 * examples])


def test_unknown_batch_size_and_batch_equals_single():
    traced = tf.function(log_mel_examples, input_signature=[tf.TensorSpec([None, 32000], tf.float32)])
    together = traced(np.stack(list(_SOUNDS.values())))
    for i, sound in enumerate(_SOUNDS.values()):
        np.testing.assert_allclose(together[i], log_mel_examples(sound[np.newaxis])[0], atol=1e-6)


def test_low_frequencies_come_first_and_later_sound_later():
    seconds = np.arange(32000) / 16000
    tone = (0.1 * np.sin(2 * np.pi * 1000 * seconds) * (seconds >= 1)).astype(np.float32)
    found = log_mel(tone[np.newaxis])[0].numpy()
    centres_hz = 700 * np.expm1(np.linspace(*(1127 * np.log1p(np.array([125, 7500]) / 700)), 66)[1:-1] / 1127)
    assert centres_hz[found[150].argmax()] == pytest.approx(1000, rel=0.05)
    assert found[101:].max(axis=1).min() > 0 > found[:95].max()


def test_mel_filters_equal_tensorflows():
    expected = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0, tf.float64)
    np.testing.assert_allclose(mel_filters(257, 16000, 64, 125.0, 7500.0), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "config", "message"),
    [
        ([1, 399], None, "399 samples is shorter than one frame of 400"),
        ([32000], None, r"\[batch, samples\]"),
        ([1, 32000, 1], None, r"\[batch, samples\]"),
        ([1, 32000], LogMelConfig(sample_rate=8000), "half the sample rate, 4000 Hz"),
        ([1, 32000], LogMelConfig(low_hz=7500.0), "from 7500 to 7500 Hz"),
    ],
)
def test_refusals(shape, config, message):
    with pytest.raises(InputError, match=message):
        log_mel(np.zeros(shape, np.float32), config)
