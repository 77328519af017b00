"""Judged blocks as units: the same bytes by whoever looks, no TensorFlow in who hands them out, refusals."""

import dataclasses
import json
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import model_metamers as mm
from model_metamers import runs
from model_metamers.catalog import named_network
from model_metamers.catalog.named_network import Named
from model_metamers.execution import driving
from model_metamers.execution.units import Needs, UnitFailed, do
from model_metamers.recognition import judge_worker, judged_blocks, kept, network_judge, presentations
from model_metamers.recognition.generators import named_by
from model_metamers.runs import search_batches
from model_metamers.signals import files
from tests.builders.file_units import Threads
from tests.builders.metamers import write_metamers
from tests.conftest import make_tiny_word_cnn

JUDGES = '''
import numpy as np
import tensorflow as tf

import model_metamers as mm


class Sums(mm.Network):
    """Pixels weighted; it names the brightest colour."""

    def __init__(self, power):
        spec = mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0)
        super().__init__(f"sums_{power}", spec, ("sum", "logits"), ("r", "g", "b"))
        self.checkpoint_digest, self.power = f"power {power}", float(power)

    def forward(self, signals, training=False):
        weights = tf.constant(np.linspace(0.1, 1.0, 48).reshape(4, 4, 3), tf.float32)
        logits = tf.reduce_mean(signals**self.power, axis=[1, 2])
        return {"sum": mm.Stage(signals * weights), "logits": mm.Stage(logits)}


def network(power=1):
    return Sums(power)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the file of two judges and metamers of five pictures."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "sums.py").write_text(JUDGES)
    (folder / "in").mkdir()
    for i in range(5):
        Image.effect_noise((4, 4), 60 + i).convert("RGB").save(folder / "in" / f"n{i}.png")
    network = named_network.load(f"{folder}/sums.py:network")
    stimuli = files.load_signals(files.find_files([folder / "in"], network.signal), network.signal)
    run = runs.Run(network, ("sum",), stimuli, {}, folder / "run", mm.SynthesisConfig(iterations=2))
    runs.execute([run], progress=False)
    return folder


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 4)


def judged(place, out) -> list[tuple[Named, list[kept.Block]]]:
    """What each of the two judges is to look at, and what it is named by."""
    shown = presentations.find([place / "run"], "none")
    named = [Named(f"{place}/sums.py:network", checkpoint) for checkpoint in (None, "2")]
    loaded = [named_network.load(*one) for one in named]
    cut = [kept.blocks(judge, shown, kept.kept_folder(out, judge)) for judge in loaded]
    return list(zip(named, cut, strict=True))


def in_threads(units, sees, writes):
    return driving.drive(units, Threads(1), Needs.here(0, sees, writes), progress=False)


def logits_files(out) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_workers_keep_the_bytes_of_one_process(place, tmp_path):
    for _, cut in judged(place, tmp_path / "own"):
        driving.do_alone(cut, progress=False)
    assert judged_blocks.look_elsewhere(judged(place, tmp_path / "theirs"), in_threads) == {}
    own = logits_files(tmp_path / "own")
    assert own == logits_files(tmp_path / "theirs") and len(own) == 2 * 3  # of ten presentations each
    for named, cut in judged(place, tmp_path / "theirs"):
        network = named_network.load(*named)
        shown = [one for block in cut for one in block.shown]
        expected = network_judge.logits(network, np.stack([one.read(network.signal) for one in shown]))
        np.testing.assert_allclose(kept.logits_of(cut, shown), expected, rtol=1e-6)
        np.testing.assert_allclose(kept.logits_of(cut, shown[::-1]), expected[::-1], rtol=1e-6)


def test_workers_look_at_nothing_again_but_what_is_damaged(place, tmp_path, caplog):
    caplog.set_level(logging.INFO, "model_metamers")
    judged_blocks.look_elsewhere(judged(place, tmp_path), in_threads)
    before = logits_files(tmp_path)
    given = []

    def noting(units, sees, writes):
        given.extend(unit.key for unit in units if not unit.done())
        return in_threads(units, sees, writes)

    assert judged_blocks.look_elsewhere(judged(place, tmp_path), noting) == {} and not given
    block = judged(place, tmp_path)[1][1][2]
    block.path.write_bytes(block.path.read_bytes()[:50])
    assert judged_blocks.look_elsewhere(judged(place, tmp_path), noting) == {}
    assert given == [block.key] and logits_files(tmp_path) == before
    assert [message.endswith("computed again") for message in caplog.messages] == [True]


@pytest.mark.parametrize("part", ["file", "float"])
def test_workers_judge_sounds_and_cochleagrams(tiny_word_cnn, small_sounds, tmp_path, monkeypatch, part):
    """Through the same view of the judge as one process."""
    view = mm.cochleagram_view(tiny_word_cnn)
    targets = mm.cochleagram(small_sounds[:2], tiny_word_cnn.frontend).numpy()
    write_metamers(view, targets, ("conv_2",), (0,), tmp_path / "metamers" / "coch")
    write_metamers(tiny_word_cnn, small_sounds[:2], ("conv_2",), (0,), tmp_path / "metamers" / "wave")
    judge = make_tiny_word_cnn(seed=1)
    monkeypatch.setattr(judge_worker, "loaded_network", lambda *_: judge)
    shown = presentations.find([tmp_path / "metamers"], part)
    own, theirs = (kept.blocks(judge, shown, tmp_path / way) for way in ("own", "theirs"))
    assert {block.judge.signal.kind for block in own} == {"sound", "cochleagram"}
    driving.do_alone(own, progress=False)
    assert judged_blocks.look_elsewhere([(Named("word_tiny"), theirs)], in_threads) == {}
    assert logits_files(tmp_path / "own") == logits_files(tmp_path / "theirs")


@pytest.mark.parametrize("by", ["judges", "record"])
def test_workers_build_judges_of_keras_files_anew(place, tmp_path, monkeypatch, by):
    """As --judges names them in this folder, or as a record does."""
    monkeypatch.chdir(tmp_path)
    tf.keras.utils.set_random_seed(3)
    inputs = tf.keras.Input((4, 4, 3))
    flat = tf.keras.layers.Flatten(name="flat")(tf.keras.layers.ReLU(name="relu")(inputs))
    tf.keras.Model(inputs, tf.keras.layers.Dense(3, name="top")(flat), name="mine").save("mine.keras")
    signal = {"kind": "image", "shape": [4, 4, 3], "low": 0, "high": 1, "layers": ["relu"]}
    (tmp_path / "fed.json").write_text(json.dumps({**signal, "classes": ["r", "g", "b"]}))
    named = named_network.read_spec("mine.keras=fed.json")
    judge = named_network.load(*named)
    if by == "record":
        named = Named(*named_by(judge.name, judge.checkpoint_place))
    shown = presentations.find([place / "run"], "none")
    own, theirs = (kept.blocks(judge, shown, tmp_path / way) for way in ("own", "theirs"))
    driving.do_alone(own, progress=False)
    units = [judged_blocks.unit(block, named) for block in theirs]
    assert {(unit.network, unit.signal) for unit in units} == {
        (str(tmp_path / "mine.keras"), str(tmp_path / "fed.json"))
    }
    monkeypatch.chdir("/")
    for unit in units:
        do(unit, Needs.here(0))
    assert logits_files(tmp_path / "own") == logits_files(tmp_path / "theirs")


def test_other_weights_and_other_files_are_refused(place, tmp_path):
    ((named, (block, *_)), _) = judged(place, tmp_path)
    unit = judged_blocks.unit(block, named)
    assert block.folder.name in unit.key and unit.steps == 4
    turned = {"places": unit.places[::-1], "stems": unit.stems[::-1]}
    nowhere = (str(tmp_path / "nowhere"), *unit.places[1:])
    for wrong, text in (
        (dataclasses.replace(unit, checkpoint="3"), "other weights on"),
        (dataclasses.replace(unit, digest="0" * 64), "other files on"),
        (dataclasses.replace(unit, **turned), "other files on"),
        (dataclasses.replace(unit, places=nowhere), "nowhere"),
    ):
        with pytest.raises(UnitFailed, match=text) as caught:
            do(wrong, Needs.here(0))
        assert "\n" not in str(caught.value)
    assert not logits_files(tmp_path)
    do(unit, Needs.here(0))
    assert block.done() and unit.done()


def test_what_fails_is_told_of_and_the_rest_is_kept(place, tmp_path, monkeypatch):
    look = judge_worker.look

    def no_power(unit):
        if unit.checkpoint == "2" and unit.number == 1:
            raise mm.InputError("it cannot be read")
        look(unit)

    monkeypatch.setattr(judge_worker, "look", no_power)
    (_, (_, (_, lost, _))) = given = judged(place, tmp_path)
    assert judged_blocks.look_elsewhere(given, in_threads) == {lost.key: "it cannot be read"}
    assert [block.done() for _, cut in given for block in cut].count(False) == 1 and not lost.done()


def test_units_are_unpickled_without_tensorflow(place, tmp_path):
    units = [judged_blocks.unit(block, named) for named, cut in judged(place, tmp_path) for block in cut]
    code = (
        "import pickle, sys\n"
        "units = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "assert not any(unit.done() for unit in units) and len({unit.key for unit in units}) == len(units)\n"
        "assert len({unit.group for unit in units}) == 2\n"
        "assert not {'tensorflow', 'keras', 'scipy', 'PIL'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(units).hex()], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_worker_must_see_the_files_of_the_judges_and_of_a_presentation(place, tmp_path):
    seen = {}

    def noting(units, sees, writes):
        seen.update(sees=sees, writes=writes)
        return {}

    given = judged(place, tmp_path)
    judged_blocks.look_elsewhere(given, noting)
    assert seen["sees"] == [place / "sums.py", given[0][1][0].shown[0].path]
    assert seen["writes"] == [cut[0].folder for _, cut in given]
    (tmp_path / "w.npz").write_bytes(b"")
    (tmp_path / "m.keras").write_bytes(b"")
    assert search_batches.files_of_network("vgg_19_small", f"{tmp_path}/w.npz", None) == [tmp_path / "w.npz"]
    assert search_batches.files_of_network(f"{tmp_path}/m.keras", None, None) == [tmp_path / "m.keras"]
    assert search_batches.files_of_network("vgg_19_small", "random:1", None) == []


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        (1, 1, ""),
        (None, None, ""),
        (1, 2, "threads=1 there, 2 now"),
        (1, None, "threads=1 there, None now"),
        (None, 1, "without --threads"),
    ],
)
def test_logits_of_other_threads_are_refused(place, tmp_path, first, then, told):
    kept.claim_threads(tmp_path, first)
    ((_, cut), _) = judged(place, tmp_path)
    driving.do_alone(cut, progress=False)
    assert (tmp_path / "logits" / "settings.json").exists() == (first is not None)
    if not told:
        kept.claim_threads(tmp_path, then)
        return
    with pytest.raises(mm.OtherSettingsError, match=told):
        kept.claim_threads(tmp_path, then)
