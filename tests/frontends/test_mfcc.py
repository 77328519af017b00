"""DeepSpeech's MFCCs against python_speech_features and against TensorFlow's own operations."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends.mfcc import MfccConfig, mfcc
from tests.builders import tf1_audio
from tests.builders.front_ends import compiled, with_gradient
from tests.goldens import seeded_sounds

_GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "deepspeech.npz"
_SOUNDS = seeded_sounds.sounds()
_RAW = MfccConfig("v0.5")


def _relative_l2(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("kind", _SOUNDS)
def test_equals_python_speech_features(kind):
    golden = np.load(_GOLDEN)
    found = mfcc(_SOUNDS[kind][np.newaxis])[0].numpy()
    name = f"mfcc/{kind}"
    summary = seeded_sounds.summary(name, found, 200)
    np.testing.assert_array_equal(summary[f"{name}/shape"], golden[f"{name}/shape"])
    np.testing.assert_allclose(summary[f"{name}/totals"], golden[f"{name}/totals"], rtol=1e-6)
    np.testing.assert_allclose(summary[f"{name}/values"], golden[f"{name}/values"], atol=1e-5)


@pytest.mark.parametrize("high_hz", [8000.0, 4000.0])
@pytest.mark.parametrize("kind", _SOUNDS)
def test_equals_tensorflows_operations(kind, high_hz):
    spectrogram = tf.raw_ops.AudioSpectrogram(
        input=_SOUNDS[kind][:, np.newaxis], window_size=512, stride=320, magnitude_squared=True
    )
    expected = tf.raw_ops.Mfcc(
        spectrogram=spectrogram, sample_rate=16000, upper_frequency_limit=high_hz, dct_coefficient_count=26
    )
    found = mfcc(_SOUNDS[kind][np.newaxis], MfccConfig("v0.5", high_hz=high_hz))
    assert found.shape == expected.shape == (1, 99, 26)
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def _plain_raw_op_mfcc(waveforms):
    """The preset v0.5 from other operations, in the waveforms' precision."""
    dtype = waveforms.dtype
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    spectra = tf.signal.stft(waveforms, 512, 320, 512, lambda _, dtype: tf.constant(window, dtype))
    filters = tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 20.0, 8000.0, dtype)[2:]
    bands = tf.tensordot(tf.abs(spectra)[..., 2:], filters, 1)
    cepstra = tf.signal.dct(tf1_audio.clipped_log(bands), type=2, norm="ortho")[..., :26]
    return tf.concat([np.sqrt(2) * cepstra[..., :1], cepstra[..., 1:]], axis=-1)


@pytest.mark.parametrize("kind", ["harmonic", "noise"])
@pytest.mark.parametrize(
    ("config", "plain"), [(MfccConfig(), tf1_audio.mfcc), (_RAW, _plain_raw_op_mfcc)], ids=["v0.4.1", "v0.5"]
)
def test_gradient_equals_plain_operations(config, plain, kind):
    sound = _SOUNDS[kind][np.newaxis]
    found, gradient = with_gradient(lambda waveforms: mfcc(waveforms, config), sound)
    expected, expected_gradient = with_gradient(plain, sound.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert _relative_l2(gradient, expected_gradient) < 1e-6


@pytest.mark.parametrize(
    "run",
    [lambda f: f, tf.function, compiled],
    ids=["eager", "function", "xla"],
)
@pytest.mark.parametrize("config", [MfccConfig(), _RAW], ids=["v0.4.1", "v0.5"])
def test_silence_has_a_finite_gradient(config, run):
    front_end = run(lambda waveforms: mfcc(waveforms, config))
    for kind in ("silence", "gap"):
        found, gradient = with_gradient(front_end, _SOUNDS[kind][np.newaxis])
        assert np.isfinite(found).all() and np.isfinite(gradient).all()
        assert gradient.any() == (kind == "gap")


@pytest.mark.parametrize(
    ("num_samples", "of_v041", "of_v05"),
    [(32000, 100, 99), (512, 1, 1), (513, 2, 1), (832, 2, 2), (833, 3, 2), (100, 1, None)],
)
def test_framing(num_samples, of_v041, of_v05):
    sound = _SOUNDS["noise"][np.newaxis, :num_samples]
    assert mfcc(sound).shape == (1, of_v041, 26)
    if of_v05 is None:
        with pytest.raises(InputError, match="100 samples is shorter than one frame of 512"):
            mfcc(sound, _RAW)
    else:
        assert mfcc(sound, _RAW).shape == (1, of_v05, 26)


@pytest.mark.parametrize("config", [MfccConfig(), _RAW], ids=["v0.4.1", "v0.5"])
def test_unknown_batch_size_and_batch_equals_single(config):
    signature = [tf.TensorSpec([None, 32000], tf.float32)]
    traced = tf.function(lambda waveforms: mfcc(waveforms, config), input_signature=signature)
    together = traced(np.stack(list(_SOUNDS.values())))
    for i, sound in enumerate(_SOUNDS.values()):
        np.testing.assert_allclose(together[i], mfcc(sound[np.newaxis], config)[0], atol=1e-5)


def test_fewer_coefficients_are_the_first():
    sound = _SOUNDS["harmonic"][np.newaxis]
    for preset in ("v0.4.1", "v0.5"):
        fewer = mfcc(sound, MfccConfig(preset, num_coefficients=13))
        np.testing.assert_allclose(fewer, mfcc(sound, MfccConfig(preset))[..., :13], atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "v0.6"}, "expected one of v0.4.1, v0.5"),
        ({"window": 400}, "window=400: expected a power of two"),
        ({"num_coefficients": 27}, "num_coefficients=27: expected 1 to 26"),
        ({"num_coefficients": 41, "preset": "v0.5"}, "expected 1 to 40"),
        ({"high_hz": 9000.0}, "half the sample rate, 8000"),
        ({"high_hz": 9000.0, "preset": "v0.5"}, "half the sample rate, 8000"),
    ],
)
def test_refusals(values, message):
    with pytest.raises(InputError, match=message):
        mfcc(np.zeros([1, 1000], np.float32), MfccConfig(**values))
