"""The cochleagram in NumPy against that of TensorFlow, which is held to the authors' own."""

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.frontends.numpy_cochleagram import numpy_cochleagram
from model_metamers.signals.cochleagram_config import CochleagramConfig


@pytest.mark.parametrize(
    ("samples", "config"),
    [
        (4000, CochleagramConfig()),
        (4000, CochleagramConfig(num_filters=211)),
        (1000, CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201)),
        (900, CochleagramConfig(sample_rate=6000, num_filters=31, high_hz=2900.0, window_size=7)),  # < stride
    ],
    ids=["171", "211", "small", "short window"],
)
def test_equals_tensorflow(samples, config):
    random = np.random.RandomState(0)
    waveform = 0.1 * random.standard_normal(samples) * np.linspace(0, 1, samples)
    waveform[samples // 2 : samples * 5 // 8] = 0.0
    expected = cochleagram(waveform[np.newaxis].astype(np.float32), config)[0, :, :, 0].numpy()
    found = numpy_cochleagram(waveform, config)
    assert found.shape == expected.shape
    # Where an envelope is next to nothing, its power of 0.3 magnifies float32's rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


def test_silence_and_refusals():
    config = CochleagramConfig()
    assert not numpy_cochleagram(np.zeros(4000), config).any()
    for samples, message in ((4050, "multiple of 100 samples"), (4001, "even")):
        with pytest.raises(InputError, match=message):
            numpy_cochleagram(np.zeros(samples), config)
    with pytest.raises(InputError, match=r"must be \[samples\], got shape \[1, 4000\]"):
        numpy_cochleagram(np.zeros([1, 4000]), config)
