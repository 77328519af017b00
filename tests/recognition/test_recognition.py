"""Networks judging what another network made: who counts, what is right, the points."""

from pathlib import Path

import numpy as np
import pytest
import soxr
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError
from model_metamers.execution import driving
from model_metamers.networks.keras_network import from_keras
from model_metamers.recognition import decisions, kept, network_judge, points, presentations
from model_metamers.recognition.labels import truths
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from tests.builders.metamers import write_metamers
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn

keras = tf.keras


def test_recognize_names_the_largest_logit(tiny_vgg, small_images):
    expected = tiny_vgg.logits(small_images).numpy().argmax(axis=1)
    assert mm.recognize(tiny_vgg, small_images) == [f"class_{i}" for i in expected]
    assert mm.recognize(tiny_vgg, small_images[0]) == [f"class_{expected[0]}"]
    assert set(mm.recognize(tiny_vgg, small_images, ["class_1", "class_2"])) <= {"class_1", "class_2"}
    with pytest.raises(InputError, match="values lie in"):
        mm.recognize(tiny_vgg, small_images * 255)


def judged(network, found, folder, classes=None, rule=None):
    """Judgements of one judge."""
    logits = kept.kept_logits(network, found, folder, progress=False)
    rule = decisions.decision(rule)
    return network_judge.judgements(network, found, truths(found, classes), logits, rule)


def small_judge(size: int = 24) -> mm.Network:
    """A Keras network of 0-255 images of another size, its classes in reverse."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input([size, size, 3])
    x = keras.layers.Conv2D(4, 5, 3, activation="relu", name="conv")(inputs)
    outputs = keras.layers.Dense(7, name="top")(keras.layers.Flatten(name="flat")(x))
    signal = mm.SignalSpec("image", (size, size, 3), 0.0, 255.0)
    classes = [f"class_{i}" for i in reversed(range(7))]
    return from_keras(keras.Model(inputs, outputs, name="judge"), ["conv"], signal, classes)


@pytest.fixture(scope="module")
def image_run(tmp_path_factory, tiny_vgg, small_images):
    """Two seeds; at conv3_4 the metamers of signal_0 fail, and that of signal_1 and seed 1."""
    fails = {("conv3_4", "signal_0", 0), ("conv3_4", "signal_0", 1), ("conv3_4", "signal_1", 1)}
    return write_metamers(
        tiny_vgg,
        small_images,
        ("conv1_2", "conv3_4"),
        (0, 1),
        tmp_path_factory.mktemp("run"),
        passing=lambda *place: place not in fails,
    )


def test_judging_images_of_another_network(image_run, tmp_path, small_images):
    found = presentations.find([image_run], "file")
    order = [("natural", None), *((layer, seed) for layer in ("conv1_2", "conv3_4") for seed in (0, 1))]
    assert [p.layer for p in found] == ["natural"] * 4 + ["conv1_2"] * 8 + ["conv3_4"] * 8
    assert {(p.layer, p.search_seed) for p in found} == set(order)
    judge = small_judge()
    labels = {f"signal_{i}": f"class_{i % 2}" for i in range(4)}
    rows = judged(judge, network_judge.presentations_for(judge, found), tmp_path, labels)
    assert all(path.suffix == ".npz" for path in tmp_path.iterdir())
    for row, one in zip(rows, found, strict=True):
        image = mm.load_image(one.folder / f"{one.stem}.png", judge.signal)
        assert row.answer == judge.classes[int(judge.logits(image[None]).numpy().argmax())]
        assert row.correct == (row.answer == labels[row.stimulus])
    curve = points.of_judgements(rows, {(network_judge.judge_of(judge), "fine"): 1 / 7}, 1000)
    assert [(p.layer, p.n, p.stimuli, p.seeds, p.passed, p.total) for p in curve] == [
        ("natural", 4, 4, None, 4, 4),
        ("conv1_2", 8, 4, 2, 8, 8),
        ("conv3_4", 5, 3, 2, 5, 8),
    ]
    for point in curve:
        counted = [r.correct for r in rows if r.layer == point.layer and r.counted]
        assert point.proportion == np.mean(counted)
    assert np.isnan(curve[0].sem_with_seeds) and curve[1].sem_with_seeds >= 0
    assert [r.reason for r in rows if not r.counted] == ["set to fail"] * 3


def test_float_signals_are_judged_unrounded(image_run, tmp_path, tiny_vgg):
    found = presentations.find([image_run], "float")
    logits = kept.kept_logits(tiny_vgg, found, tmp_path, progress=False)
    for row, one in zip(logits, found, strict=True):
        metamer = mm.load(one.folder)
        signal = metamer.target if one.layer == "natural" else metamer.signal
        np.testing.assert_allclose(row, tiny_vgg.logits(signal[None])[0], rtol=1e-4, atol=1e-6)


def test_without_labels_the_generator_tells_the_truth(image_run, tmp_path, tiny_vgg, small_images):
    found = presentations.find([image_run], "none")
    own = [f"class_{i}" for i in tiny_vgg.logits(small_images).numpy().argmax(axis=1)]
    rows = judged(small_judge(), found, tmp_path)
    assert [row.truth for row in rows[:4]] == own
    assert {row.truth_source for row in rows} == {"generator"} and all(row.counted for row in rows)


def test_truths_that_a_judge_cannot_know_do_not_count(image_run, tmp_path):
    found = presentations.find([image_run])
    labels = {"signal_0": "class_0", "signal_1": "elsewhere", "signal_2": "class_2", "signal_3": "class_3"}
    judge = small_judge()
    rows = judged(judge, found, tmp_path / "a", labels)
    of_1 = [row for row in rows if row.stimulus == "signal_1"]
    assert all(row.correct is None and not row.counted for row in of_1)
    assert of_1[0].reason == "judge has no class 'elsewhere'"
    rows = judged(judge, found, tmp_path / "a", labels, ["class_0", "class_2"])
    assert {row.stimulus for row in rows if row.counted} == {"signal_0", "signal_2"}
    with pytest.raises(InputError, match="1 stimuli have no label, such as signal_3"):
        truths(found, {k: v for k, v in labels.items() if k != "signal_3"})


def test_runs_that_cannot_be_told_apart_are_refused(image_run, tmp_path, tiny_vgg, small_images):
    assert presentations.find([image_run, image_run / "0"]) == presentations.find([image_run])
    again = write_metamers(tiny_vgg, small_images[:2], ("conv1_2",), (0,), tmp_path / "again")
    with pytest.raises(InputError, match="two metamers of the same network, layer, stimulus"):
        presentations.find([image_run, again])
    other = write_metamers(tiny_vgg, small_images[1:3], ("conv1_2",), (2,), tmp_path / "other")
    with pytest.raises(InputError, match="two targets of the name 'signal_0'"):
        presentations.find([image_run, other])
    for path in other.rglob("metamer.json"):
        record = read_json(path)
        del record["file"]["verdict"]
        write_json(path, sealed(record))
    with pytest.raises(InputError, match="no metamer has a verdict"):
        presentations.find([other])
    (path.parent / "metamer.png").unlink()
    with pytest.raises(InputError, match=r"metamer\.png: missing"):
        presentations.find([other], "none")
    path.write_text("{")
    with pytest.raises(InputError, match="no readable metamer"):
        presentations.find([other], "none")
    for arguments in ((["nowhere"],), ([image_run], "both")):
        with pytest.raises(InputError, match=r"no such folder|expected one of"):
            presentations.find(*arguments)


def sound_metamer(path: Path, sounds: np.ndarray, rate: int) -> None:
    """A sound "metamer" of a network of another rate, saved as any other."""
    spec = mm.SignalSpec("sound", sounds[0].shape, -1.0, 1.0, sample_rate=rate, rms=0.1)
    measured = mm.Measurement({"conv": 0.9, "logits": 1.0}, 2, 2, "word_2", "word_2")
    metamer = mm.Metamer(
        "other_rate",
        "sha256:0",
        "conv",
        path.name,
        sounds[0],
        sounds[1],
        spec,
        mm.SynthesisConfig(),
        1,
        np.zeros(1),
        np.zeros(1, int),
        measured,
    )
    mm.save(metamer, path)


def test_judging_sounds_of_another_rate(tmp_path, tiny_word_cnn):
    time = np.arange(4000) / 8000
    glide = np.sin(2 * np.pi * (200 + 300 * time) * time) * np.hanning(4000)
    sounds = np.stack([0.9 * glide, 0.05 * glide]).astype(np.float32)  # their levels differ
    sound_metamer(tmp_path / "run" / "glide", sounds, 8000)
    found = presentations.find([tmp_path / "run"], "none")
    assert network_judge.presentations_for(tiny_word_cnn, found) == found
    logits = kept.kept_logits(tiny_word_cnn, found, tmp_path / "kept", progress=False)
    for one, sound, row in zip(found, (sounds[1], sounds[0]), logits, strict=True):
        rounded = np.rint(sound.astype(np.float64) * 32768) / 32768
        heard = soxr.resample(rounded, 8000, 4000, quality="VHQ")[500:1500].astype(np.float32)
        np.testing.assert_allclose(one.read(tiny_word_cnn.signal), heard, atol=1e-6)
        np.testing.assert_allclose(row, tiny_word_cnn.logits(heard[None])[0], rtol=1e-3)
    assert np.abs(logits[1]).sum() > 1.5 * np.abs(logits[0]).sum()  # the levels were kept
    sound_metamer(tmp_path / "short" / "glide", sounds[:, :1500], 8000)
    with pytest.raises(InputError, match="too short"):
        network_judge.presentations_for(tiny_word_cnn, presentations.find([tmp_path / "short"], "none"))
    with pytest.raises(InputError, match="vgg_tiny judges images, and none of these is one"):
        network_judge.presentations_for(make_tiny_vgg(), found)


def test_judging_cochleagrams(tmp_path, tiny_word_cnn, small_sounds):
    view = mm.cochleagram_view(tiny_word_cnn)
    targets = mm.cochleagram(small_sounds[:2], tiny_word_cnn.frontend).numpy()
    write_metamers(view, targets, ("conv_2",), (0,), tmp_path / "coch")
    write_metamers(tiny_word_cnn, small_sounds[:2], ("conv_2",), (0,), tmp_path / "wave")
    found = presentations.find([tmp_path], "float")
    assert {(p.generator, p.optimized, p.layer) for p in found} == {
        ("word_tiny", optimized, layer)
        for optimized in ("waveform", "cochleagram")
        for layer in ("natural", "conv_2")
    }
    judge = make_tiny_word_cnn(seed=1)
    logits = kept.kept_logits(
        judge, network_judge.presentations_for(judge, found), tmp_path / "kept", progress=False
    )
    own = mm.cochleagram_view(judge)
    for one, row in zip(found, logits, strict=True):
        if one.optimized == "cochleagram":
            metamer = mm.load(one.folder)
            signal = metamer.target if one.layer == "natural" else metamer.signal
            np.testing.assert_allclose(row, own.logits(signal[None])[0], rtol=1e-3)
    natural = [row for one, row in zip(found, logits, strict=True) if one.layer == "natural"]
    np.testing.assert_allclose(natural[:2], natural[2:], rtol=1e-3)


def test_points_draw_for_themselves(image_run, tmp_path):
    """A point's error does not depend on which others are asked for."""
    found, judge = presentations.find([image_run]), small_judge()
    labels = {f"signal_{i}": f"class_{i}" for i in range(4)}
    rows = judged(judge, found, tmp_path, labels)
    chance = {(network_judge.judge_of(judge), "fine"): 1 / 7}
    every = points.of_judgements(rows, chance, 200)
    assert points.of_judgements([r for r in rows if r.layer == "conv3_4"], chance, 200) == every[2:]


def test_parts_of_what_is_shown_are_looked_at_apart(image_run, tiny_vgg, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 2)
    found = presentations.find([image_run])
    whole = kept.kept_logits(tiny_vgg, found, tmp_path / "whole", progress=False)
    blocks = kept.blocks(tiny_vgg, found, tmp_path / "parts")
    assert len(list((tmp_path / "whole").iterdir())) == len(blocks) >= 4
    assert [block.number for block in blocks] == list(range(len(blocks)))
    for i in (2, 0, 1):
        driving.do_alone(blocks[i::3], progress=False)
    assert all(block.done() for block in blocks)
    with monkeypatch.context() as patched:
        patched.setattr(kept, "logits", lambda *_: pytest.fail("all of it was looked at"))
        assert (kept.kept_logits(tiny_vgg, found, tmp_path / "parts", progress=False) == whole).all()
