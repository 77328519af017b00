"""Rates that no sound has are refused before anything is allocated for them."""

import numpy as np
import pytest
import soundfile
import soxr

from model_metamers import InputError, SignalSpec
from model_metamers.signals import refit, sounds
from model_metamers.signals.resampling import resample


def test_another_rate_is_soxrs():
    waveform = np.random.RandomState(0).randn(800)
    np.testing.assert_array_equal(
        resample(waveform, 8000, 20000), soxr.resample(waveform, 8000, 20000, "VHQ")
    )
    assert resample(waveform, 8000, 8000) is waveform
    assert len(resample(waveform, 384_000, 4000)) == 8


@pytest.mark.parametrize(
    ("samples", "old", "new"),
    [(800, 1, 2**40), (800, 2**40, 1), (800, 8, 8001), (10**6, 8, 8000), (1, 1, 10**9)],
)
def test_rates_that_no_sound_has_are_refused(samples, old, new):
    waveform = np.zeros(samples)
    with pytest.raises(InputError, match=f"at {old} Hz is wanted at {new} Hz"):
        resample(waveform, old, new)


def test_the_file_is_named(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(800)), 8000)
    with pytest.raises(InputError, match=r"a\.wav: a sound of 800 samples"):
        sounds.read_waveform(tmp_path / "a.wav", 10**9)
    own, other = (SignalSpec("sound", (800,), -1.0, 1.0, sample_rate=rate) for rate in (2**40, 8000))
    with pytest.raises(InputError, match="a record: a sound of 800 samples"):
        refit.refit(np.zeros(800, np.float32), own, other, "a record")
