"""Metamers on disk."""

import dataclasses
import json
import math
import wave

import numpy as np
import pytest
import scipy.stats

import model_metamers as mm
from model_metamers import InputError, criteria
from model_metamers.errors import StorageError
from model_metamers.runs import record, shown_files
from model_metamers.synthesis import adam, lbfgs
from model_metamers.synthesis.state import SearchState, read_state, write_state


@pytest.fixture(scope="module")
def image_metamer(tiny_vgg, small_images):
    config = mm.SynthesisConfig(iterations=20, seed=3)
    return mm.synthesize(tiny_vgg, "conv2_2", small_images[0], config, progress=False)


@pytest.fixture(scope="module")
def sound_metamer(tiny_word_cnn, small_sounds):
    config = mm.SynthesisConfig(iterations=20)
    return mm.synthesize(tiny_word_cnn, "conv_2", small_sounds[0], config, progress=False)


@pytest.mark.parametrize(("kind", "extension"), [("image_metamer", "png"), ("sound_metamer", "wav")])
def test_saved_metamer_reads_back_in_full(tmp_path, request, kind, extension):
    metamer = request.getfixturevalue(kind)
    mm.save(metamer, tmp_path / "m")
    names = sorted(p.name for p in (tmp_path / "m").iterdir())
    assert names == sorted(["metamer.json", "metamer.npz", f"metamer.{extension}", f"target.{extension}"])
    loaded = mm.load(tmp_path / "m")
    for field in dataclasses.fields(metamer):
        ours, theirs = getattr(metamer, field.name), getattr(loaded, field.name)
        if isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs, field.name


def test_criteria_are_measured_again_on_the_file(tmp_path, image_metamer, tiny_vgg, small_images):
    null = mm.null_distribution(tiny_vgg, tiny_vgg.layers, small_images, progress=False)
    saved = mm.save(image_metamer, tmp_path / "m", tiny_vgg, null)
    shown = mm.load_image(tmp_path / "m" / "metamer.png", tiny_vgg.signal)
    expected = criteria.measure(tiny_vgg, image_metamer.target, shown)
    assert saved["file"]["spearman"] == pytest.approx(expected.spearman)
    assert saved["file"]["spearman"] != pytest.approx(saved["float"]["spearman"], abs=1e-9)
    assert saved["file"]["verdict"]["null_max"] == null.maximum("conv2_2")
    assert saved == json.loads((tmp_path / "m" / "metamer.json").read_text())


@pytest.mark.parametrize("gain", [1.0, 1e-3, 30.0], ids=["as found", "a few steps high", "clipped"])
def test_sound_criteria_are_measured_on_the_wav_as_read_back(
    tmp_path, sound_metamer, tiny_word_cnn, small_sounds, gain
):
    null = mm.null_distribution(tiny_word_cnn, tiny_word_cnn.layers, small_sounds, progress=False)
    signal = (gain * sound_metamer.signal).astype(np.float32)
    floats = criteria.measure(tiny_word_cnn, sound_metamer.target, signal)
    metamer = dataclasses.replace(sound_metamer, signal=signal, measurement=floats)
    saved = mm.save(metamer, tmp_path / "m", tiny_word_cnn, null)
    with wave.open(str(tmp_path / "m" / "metamer.wav")) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnframes()) == (4000, 2, 1000)
        heard = np.frombuffer(file.readframes(1000), "<i2") / 32768
    assert np.abs(heard - np.clip(signal, -1, 32767 / 32768)).max() <= 0.5001 / 32768
    both = np.stack([metamer.target, heard.astype(np.float32)])
    for layer, values in tiny_word_cnn.activations(both, tiny_word_cnn.layers).items():
        rho = scipy.stats.spearmanr(*values.numpy().reshape(2, -1)).statistic
        assert saved["file"]["spearman"][layer] == pytest.approx(rho, abs=1e-6), layer
    assert saved["file"]["spearman"]["cochleagram"] != pytest.approx(floats.spearman["cochleagram"], abs=1e-9)
    logits = tiny_word_cnn.logits(both).numpy()
    assert saved["file"]["signal_label"] == logits[1].argmax()
    for part, measured in (("file", saved["file"]), ("float", dataclasses.asdict(floats))):
        verdict = saved[part]["verdict"]
        assert verdict["rho"] == measured["spearman"]["conv_2"]
        assert verdict["same_class"] == (measured["signal_label"] == measured["target_label"])


def test_sound_that_exceeds_the_range_is_clipped_and_counted(tmp_path, sound_metamer, tiny_word_cnn):
    loud = sound_metamer.signal.copy()
    loud[10:15] = 2.0
    saved = mm.save(dataclasses.replace(sound_metamer, signal=loud), tmp_path / "m", tiny_word_cnn)
    assert saved["file"]["clipped_samples"] == 5
    shown = shown_files.read_shown(tmp_path / "m" / "metamer.wav", tiny_word_cnn.signal)
    assert shown.max() == pytest.approx(32767 / 32768)


def test_undefined_rho_survives_the_file(tmp_path, image_metamer):
    measured = dataclasses.replace(
        image_metamer.measurement, spearman={**image_metamer.spearman, "fc8": math.nan}
    )
    mm.save(dataclasses.replace(image_metamer, measurement=measured), tmp_path / "m")
    assert "NaN" not in (tmp_path / "m" / "metamer.json").read_text()
    assert math.isnan(mm.load(tmp_path / "m").spearman["fc8"])


def test_nothing_is_overwritten_or_left_half_written(tmp_path, image_metamer, monkeypatch):
    mm.save(image_metamer, tmp_path / "m")
    with pytest.raises(InputError, match="not overwritten"):
        mm.save(image_metamer, tmp_path / "m")
    monkeypatch.setattr(record, "write_json", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StorageError, match="other: cannot be written"):
        mm.save(image_metamer, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("metamer.json", b"", "no readable metamer"),
        ("metamer.json", b"{}", "not a metamer of this program"),
        ("metamer.json", b"[1]", "not a metamer of this program"),
        ("metamer.json", b'{"format": 1}', "no complete metamer; 'signal' is missing"),
        ("metamer.npz", b"PK", "truncated"),
        ("metamer.npz", None, "missing"),
    ],
)
def test_spoilt_folders_are_refused(tmp_path, image_metamer, file, content, message):
    mm.save(image_metamer, tmp_path / "m")
    path = tmp_path / "m" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        mm.load(tmp_path / "m")


def test_state_reads_back(tmp_path, small_images):
    for optimizer in (adam, lbfgs):
        state = SearchState.fresh(small_images, 7, optimizer.fresh(small_images))
        write_state(tmp_path / "s.npz", state)
        back = read_state(tmp_path / "s.npz")
        assert back.arrays.keys() == state.arrays.keys()
        for name, array in state.arrays.items():
            np.testing.assert_array_equal(back.arrays[name], array)
