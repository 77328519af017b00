"""What a network is fed: numbers of any kind are kept as Python's, what makes no sense is refused."""

import dataclasses
import json

import numpy as np
import pytest

from model_metamers import CochleagramConfig, InputError, SignalSpec, load_sound

SOUND = {"kind": "sound", "shape": (8000,), "low": -1.0, "high": 1.0, "sample_rate": 8000, "rms": 0.1}


@pytest.mark.parametrize(
    "given",
    [
        {"shape": (np.int64(8000),)},
        {"shape": [8000]},
        {"shape": np.array([8000])},
        {"shape": (8e3,)},
        {"sample_rate": np.int32(8000)},
        {"sample_rate": 8000.0},
        {"low": np.float64(-1), "high": np.float32(1)},
        {"rms": np.float64(0.1)},
    ],
)
def test_numbers_of_any_kind_are_kept_as_pythons(given):
    spec = SignalSpec(**{**SOUND, **given})
    assert spec == SignalSpec(**SOUND) and hash(spec) == hash(SignalSpec(**SOUND))
    assert json.dumps(dataclasses.asdict(spec)) == json.dumps(dataclasses.asdict(SignalSpec(**SOUND)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": 8000}, "shape=8000: expected such as"),
        ({"shape": None}, "shape=None: expected such as"),
        ({"shape": ("8000",)}, "shape='8000': expected a number"),
        ({"shape": (0,)}, "at least 1"),
        ({"shape": (-5,)}, "at least 1"),
        ({"shape": (2.5,)}, "whole number"),
        ({"low": None}, "low=None: expected a number"),
        ({"high": "1"}, "high='1'"),
        ({"low": float("nan")}, "low=nan: expected a number"),
        ({"low": 1.0, "high": 1.0}, "must be below"),
        ({"sample_rate": "8000"}, "sample_rate='8000'"),
        ({"sample_rate": None}, "needs its sample_rate"),
        ({"sample_rate": -1}, "needs its sample_rate"),
        ({"sample_rate": True}, "expected a number"),
        ({"rms": "0.1"}, "rms='0.1'"),
        ({"kind": None}, "kind is"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(given, message):
    with pytest.raises(InputError, match=message) as refusal:
        SignalSpec(**{**SOUND, **given})
    assert "\n" not in str(refusal.value)


def test_front_ends_keep_plain_numbers_too():
    config = CochleagramConfig(sample_rate=np.int64(8000), high_hz=np.float32(4000), num_filters=171.0)
    assert config == CochleagramConfig(sample_rate=8000, high_hz=4000.0)
    json.dumps(dataclasses.asdict(config))
    for wrong in ({"sample_rate": "8000"}, {"num_filters": 2.5}, {"high_hz": None}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            CochleagramConfig(**wrong)


@pytest.mark.parametrize("given", [None, np.zeros(8000), b"a.wav", 3])
def test_a_sound_is_given_by_its_path(given):
    with pytest.raises(InputError, match="expected a sound file's path, got"):
        load_sound(given, SignalSpec(**SOUND))
