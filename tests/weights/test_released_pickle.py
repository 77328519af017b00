"""Pickles like the authors': read without running anything, and built into a network."""

import collections
import functools
import io
import os
import pickle
import sys
import tarfile
import types

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.catalog import released_audio
from model_metamers.networks import audio_architecture
from model_metamers.networks.auditory_cnn import AuditoryCNN, word_architecture
from model_metamers.networks.tasks import WORD_TASK
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.weights import download, manifest, released_pickle
from tests.builders.tf1_checkpoints import write_tf1_checkpoint

WORDS = [f"word_{i:03d}" for i in range(794)]
FRONTEND = CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201)
SAMPLES = 1000


def small_word_architecture(reduced_aliasing=True):
    return word_architecture(reduced_aliasing, (3, 4, 4, 5, 4), 8, {WORD_TASK: 794})


@pytest.fixture
def lab_code(monkeypatch):
    """A module `audio_cnn_helpers` that exists while a pickle is written; calling it is a failure."""
    module = types.ModuleType("audio_cnn_helpers")
    for name in ("conv2d", "multi_fc_top_classification", "hanning_pooling"):
        exec(f"def {name}(*args, **kwargs): raise AssertionError('called')", module.__dict__)
        getattr(module, name).__module__ = "audio_cnn_helpers"
    monkeypatch.setitem(sys.modules, "audio_cnn_helpers", module)
    return module


def pickled(architecture, lab_code, protocol=3) -> bytes:
    """As the lab's make_brain_net writes it: the classes stand in the last partial alone."""
    layers = []
    for item in architecture:
        kind, args = item["layer_type"], dict(item["args"])
        if kind == "hpool":
            layers.append(functools.partial(lab_code.hanning_pooling, **args))
        elif kind == "multi_fc_top_classification":
            layers.append(functools.partial(lab_code.multi_fc_top_classification, **args))
        else:
            layers.append(functools.partial(tf.nn.relu, **args))
    *body, top = architecture
    without = {key: value for key, value in top["args"].items() if key != "n_classes_dict"}
    content = {
        "instructions": "call one after the other",
        "layer_list": layers,
        "graph_architecture": [*body, {**top, "args": without}],
    }
    return pickle.dumps(content, protocol)


def word_encodings(words=WORDS, numpy_1=True) -> bytes:
    """As released: integers are NumPy's, pickled by NumPy 1."""
    content = {
        "word_idx_to_word": {np.int64(i): word for i, word in enumerate(words)},
        "word_to_word_idx": {word: np.int64(i) for i, word in enumerate(words)},
    }
    data = pickle.dumps(content, 3)
    return data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray") if numpy_1 else data


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("reduced_aliasing", [True, False])
def test_architecture_is_read_as_plain_data(tmp_path, lab_code, monkeypatch, reduced_aliasing, protocol):
    architecture = small_word_architecture(reduced_aliasing)
    path = tmp_path / "word_network.pckl"
    path.write_bytes(pickled(architecture, lab_code, protocol))
    monkeypatch.delitem(sys.modules, "audio_cnn_helpers")
    assert released_pickle.read_architecture(path) == audio_architecture.normalized(architecture)
    assert "audio_cnn_helpers" not in sys.modules


@pytest.mark.parametrize("reduced_aliasing", [True, False])
def test_released_network_equals_the_architecture_built_here(tmp_path, lab_code, reduced_aliasing):
    architecture = small_word_architecture(reduced_aliasing)
    (tmp_path / "net.pckl").write_bytes(pickled(architecture, lab_code))
    (tmp_path / "words.pckl").write_bytes(word_encodings())
    ours = AuditoryCNN("ours", architecture, ("cochleagram", "logits"), WORDS, FRONTEND, SAMPLES)
    ours.initialize(3)
    values = {name: v.numpy() for name, v in ours.weights.items()}
    prefix = write_tf1_checkpoint(tmp_path / "net.ckpt", {**values, "global_step": np.zeros([1], np.float32)})
    theirs = released_audio.load_released_network(
        tmp_path / "net.pckl", prefix, tmp_path / "words.pckl", frontend=FRONTEND, num_samples=SAMPLES
    )
    early = ("pool_0_0", "pool_1_0") if reduced_aliasing else ("conv_0", "conv_1")
    assert theirs.layers == ("cochleagram", *early, "conv_2", "conv_3", "conv_4", "fc_intermediate", "logits")
    assert theirs.classes == tuple(WORDS) and theirs.stages == ours.stages
    sounds = np.random.RandomState(0).randn(2, SAMPLES).astype(np.float32) * 0.1
    expected = ours.activations(sounds, ours.stages)
    for stage, value in theirs.activations(sounds, theirs.stages).items():
        np.testing.assert_array_equal(value, expected[stage])


def test_checkpoint_that_does_not_fit_is_reported(tmp_path, lab_code):
    (tmp_path / "net.pckl").write_bytes(pickled(small_word_architecture(), lab_code))
    prefix = write_tf1_checkpoint(
        tmp_path / "n.ckpt", {"brain_network/conv_0/bias": np.zeros([9], np.float32)}
    )
    with pytest.raises(
        InputError, match=r"missing: .*misshaped: brain_network/conv_0/bias is \[9\], needs \[3\]"
    ):
        released_audio.load_released_network(
            tmp_path / "net.pckl", prefix, frontend=FRONTEND, num_samples=SAMPLES
        )


def test_network_of_the_catalog_is_built_from_what_was_fetched(tmp_path, lab_code, monkeypatch):
    name = "word_aliased_released"
    monkeypatch.setattr(manifest, "downloads_folder", lambda: tmp_path)
    with pytest.raises(InputError, match=f"fetch_checkpoint --network={name} gets it"):
        released_audio.build_downloaded(name)
    chosen = manifest.find_download(name)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for roles in chosen.networks.values():
            for file, content in (
                (roles["checkpoint"], b"-"),
                (roles["architecture"], pickled(small_word_architecture(False), lab_code)),
            ):
                member = tarfile.TarInfo(file)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    download.fetch(chosen, tmp_path, url=str(tmp_path / "a.tar.gz"), progress=False)
    network = released_audio.build_downloaded(name)
    assert network.name == name and network.frontend.num_filters == 211 and network.signal.shape == (40000,)
    assert network.layers[1] == "conv_0" and network.classes[323] == "human"


def test_another_number_of_words_is_refused(tmp_path, lab_code):
    architecture = word_architecture(True, (3, 4, 4, 5, 4), 8, {WORD_TASK: 6})
    (tmp_path / "net.pckl").write_bytes(pickled(architecture, lab_code))
    with pytest.raises(InputError, match=r"classes are .*6.*names 794"):
        released_audio.build_released_network(tmp_path / "net.pckl")


@pytest.mark.parametrize("numpy_1", [True, False])
def test_word_encodings(tmp_path, numpy_1):
    (tmp_path / "words.pckl").write_bytes(word_encodings(numpy_1=numpy_1))
    assert released_pickle.read_word_encodings(tmp_path / "words.pckl") == tuple(WORDS)


@pytest.mark.parametrize(
    "content",
    [
        {"word_idx_to_word": {0: "a", 2: "b"}, "word_to_word_idx": {"a": 0, "b": 2}},
        {"word_idx_to_word": {0: "a", 1: "b"}, "word_to_word_idx": {"a": 1, "b": 0}},
        {"word_idx_to_word": {0: "a", 1: "a"}, "word_to_word_idx": {"a": 0}},
        {"word_idx_to_word": {"0": "a"}, "word_to_word_idx": {"a": 0}},
        {"word_idx_to_word": {True: "a", 0: "b"}, "word_to_word_idx": {"a": 1, "b": 0}},
        {"word_idx_to_word": {}, "word_to_word_idx": {}},
        {"word_idx_to_word": {0: "a"}},
        [1, 2],
    ],
)
def test_word_encodings_that_do_not_agree_are_refused(tmp_path, content):
    (tmp_path / "words.pckl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match="word encodings"):
        released_pickle.read_word_encodings(tmp_path / "words.pckl")


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "function, args, name",
    [
        (os.system, ("touch {}",), "posix.system"),
        (eval, ("open('{}', 'w')",), "builtins.eval"),
        (exec, ("open('{}', 'w')",), "builtins.exec"),
        (getattr, ("{}", "upper"), "builtins.getattr"),
        (os.execv, ("/bin/touch", ["touch", "{}"]), "posix.execv"),
        (__import__("subprocess").Popen, (["touch", "{}"],), "subprocess.Popen"),
        (__import__("importlib").import_module, ("antigravity",), "importlib.import_module"),
        (collections.Counter, ("{}",), "collections.Counter"),
        (np.load, ("{}",), "numpy.load"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_foreign_global_is_refused_and_not_run(tmp_path, lab_code, function, args, name, protocol):
    witness = tmp_path / "witness"
    args = tuple([x.format(witness) for x in a] if isinstance(a, list) else a.format(witness) for a in args)
    content = pickle.loads(pickled(small_word_architecture(), lab_code))
    content["layer_list"][2] = Calls(function, *args)
    path = tmp_path / "evil.pckl"
    path.write_bytes(pickle.dumps(content, protocol))
    last = name.rpartition(".")[2]
    with pytest.raises(InputError, match=rf"asks for '[\w.]*\.{last}'.*refused and nothing of it was run"):
        released_pickle.read_architecture(path)
    with pytest.raises(InputError, match="refused"):
        released_pickle.read_word_encodings(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"cfunctools\npartial\n(cposix\nsystem\nS'touch W'\ntR.",  # partial of a foreign name
        b"caudio_cnn_helpers\nos.system\n(S'touch W'\ntRcos\nsystem\n(S'touch W'\ntR.",
        b"(S'touch W'\nios\nsystem\n.",  # INST
        b"cfunctools\npartial\n(caudio_cnn_helpers\nf\ntR(tR.",  # calling a partial
        b"\x80\x02cfunctools\npartial\n)\x81.",  # NEWOBJ without a function, never set up
        b"ccollections\nOrderedDict\n(I1\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O8'\nI0\nI1\ntRS'12345678'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(S'x'\nS'x'\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"Pid\n.",  # persistent reference
        b"\x82\x01.",  # registered extension
        b"]r\xff\xff\xff\xff.",  # a place in memory far outside
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fab.",  # bytes of an absurd length
        b"(((((((((((((",
        b".",
        b"",
        b"\x00garbage",
        b"(dp0\n.",  # an empty dict
        b"I7\n.",
    ],
)
def test_crafted_pickles_are_refused(tmp_path, monkeypatch, body):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crafted.pckl").write_bytes(body.replace(b"W", b"witness"))
    for read in (released_pickle.read_architecture, released_pickle.read_word_encodings):
        with pytest.raises(InputError, match=r"crafted\.pckl"):
            read(tmp_path / "crafted.pckl")
    assert not (tmp_path / "witness").exists()


def test_calling_stand_ins_does_nothing(tmp_path, lab_code, monkeypatch):
    """A pickle that calls TensorFlow instead of naming it is read, and nothing happens."""
    content = pickle.loads(pickled(small_word_architecture(), lab_code))
    content["layer_list"][0] = Calls(tf.io.write_file, str(tmp_path / "witness"), "x")
    content["layer_list"][1] = Calls(lab_code.conv2d, 1)
    (tmp_path / "net.pckl").write_bytes(pickle.dumps(content))
    released_pickle.read_architecture(tmp_path / "net.pckl")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
def test_truncated_pickle_is_refused(tmp_path, lab_code, keep):
    data = pickled(small_word_architecture(), lab_code)
    (tmp_path / "cut.pckl").write_bytes(data[: int(keep * len(data))])
    with pytest.raises(InputError, match="truncated, damaged or no pickle"):
        released_pickle.read_architecture(tmp_path / "cut.pckl")


def test_large_and_missing_files_are_refused(tmp_path):
    (tmp_path / "large.pckl").write_bytes(b"N" * (1 << 20) + b".")
    with pytest.raises(InputError, match="1048577 bytes"):
        released_pickle.read_architecture(tmp_path / "large.pckl")
    with pytest.raises(InputError, match="cannot be read"):
        released_pickle.read_architecture(tmp_path / "none.pckl")


def test_random_damage_is_refused_or_changes_data_only(tmp_path, lab_code):
    """Whatever single bytes change, nothing but InputError comes out."""
    data = bytearray(pickled(small_word_architecture(), lab_code))
    random = np.random.RandomState(1)
    path = tmp_path / "damaged.pckl"
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[random.randint(len(data))] = random.randint(256)
        path.write_bytes(damaged)
        try:
            released_pickle.read_architecture(path)
        except InputError:
            refused += 1
    assert refused > 100
