"""Keras models and files that cannot be used: one line of what they are and what to do."""

import io
import json
import os
import pickle
import sys
import types
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.catalog import named_network

keras = tf.keras
L = keras.layers
IMAGE = mm.SignalSpec("image", (8, 8, 3), 0.0, 1.0)
SIGNAL_JSON = {"kind": "image", "shape": [8, 8, 3], "low": 0, "high": 1}


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.dense = L.Dense(3)

    def call(self, x):
        return self.dense(L.Flatten()(x))


class Doubled(L.Layer):
    """A layer of a user's."""

    def call(self, x):
        return 2 * x


def model(*layers, shape=IMAGE.shape, units=3):
    return keras.Sequential(
        [keras.Input(shape), *layers, L.Flatten(), L.Dense(units, name="out")], name="mine"
    )


def two_inputs():
    a, b = keras.Input(IMAGE.shape), keras.Input(IMAGE.shape)
    return keras.Model([a, b], L.Dense(2)(L.Flatten()(L.Add()([a, b]))), name="mine")


def two_outputs():
    i = keras.Input(IMAGE.shape)
    return keras.Model(i, [L.Dense(2)(L.Flatten()(i)), L.Dense(3)(L.Flatten()(i))], name="mine")


def recurrent(**more):
    frames = L.Reshape([8, 24])
    return keras.Sequential([frames, L.GRU(4, name="gru", **more), L.Dense(2)], name="mine")


def stateful():
    i = keras.Input(batch_shape=[1, *IMAGE.shape])
    return keras.Model(i, recurrent(stateful=True)(i), name="mine")


def torch_module():
    """An object of a class of PyTorch's, as far as its name goes."""
    made = types.new_class("Net", (type("Module", (), {"__module__": "torch.nn.modules.module"}),))
    return made()


def sequences():
    model = recurrent(return_sequences=True)
    model.build([None, *IMAGE.shape])
    return model


def tokens():
    i = keras.Input([12], dtype="int32")
    return keras.Model(i, L.Dense(2)(L.LSTM(3)(L.Embedding(9, 4)(i))), name="mine")


def refused(what, *more):
    """The message of the InputError that `what` raises, which is one line."""
    with pytest.raises(mm.InputError) as error:
        what(*more)
    text = str(error.value)
    assert "\n" not in text and len(text) < 600 and "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("make", "is_one", "mend"),
    [
        (two_inputs, "2 inputs and 1 outputs", "keras.Model(input, output)"),
        (two_outputs, "1 inputs and 2 outputs", "keras.Model(input, output)"),
        (Subclassed, "subclass of keras.Model", "write a Network"),
        (lambda: keras.Sequential([L.Dense(3)]), "never built", "keras.Input(shape)"),
        (recurrent, "never built", "keras.Input(shape)"),
        (stateful, "mine/gru of mine is recurrent and keeps its state", "stateful=False"),
        (sequences, "gives [None, 8, 2]", "take the last answer or the mean"),
        (tokens, "[12]", "change `signal`"),
        (torch_module, "Net of PyTorch", "docs/weights_from_pytorch.md"),
        (lambda: "model.keras", "the text 'model.keras'", "keras.saving.load_model"),
        (lambda: {"conv": np.zeros(3)}, "dict, which may hold weights", "docs/weights_from_pytorch.md"),
    ],
)
def test_what_is_no_model_of_signals_is_refused(make, is_one, mend):
    text = refused(mm.from_keras, make(), [], IMAGE)
    assert is_one in text and mend in text


def test_names_serve_as_far_as_they_tell():
    """In full, or from any model on; a name of several stages is refused with them all."""
    i = keras.Input(IMAGE.shape)
    inside = model(L.Conv2D(3, 3, activation="relu", name="conv"), L.ReLU(name="only"))
    part = keras.Model(inside.inputs, inside.get_layer("only").output, name="part")
    around = keras.Model(i, part(i), name="around")
    j = keras.Input(IMAGE.shape)
    twice = L.Conv2D(3, 3, name="conv")(around(j))
    network = mm.from_keras(keras.Model(j, L.Dense(2)(L.Flatten()(twice)), name="mine"), ["only"], IMAGE)
    assert network.layers == ("around/part/only",)
    for short in ("only", "part/only", "around/part/only"):
        assert network.check_layers(short) == ("around/part/only",)
    assert network.check_layers("conv") == ("conv",)  # the name in full of one of the two
    assert network.check_layers("part/conv") == ("around/part/conv",)
    given = np.full([1, 8, 8, 3], 0.5, np.float32)
    values = network.activations(given, ["only", "part/conv"])
    assert list(values) == ["only", "part/conv"]
    search = mm.SynthesisConfig(iterations=2)
    assert mm.synthesize(network, "only", given[0], search, progress=False).layer == "around/part/only"
    assert "nearest" in refused(network.check_layers, "onlyy") or "there are" in refused(
        network.check_layers, "onlyy"
    )


def test_a_name_of_many_stages_is_told_with_some():
    i = x = keras.Input(IMAGE.shape)
    for number in range(20):
        x = model_of_one(f"block{number}")(x)
    network = mm.from_keras(keras.Model(i, L.Dense(2)(L.Flatten()(x)), name="mine"), [], IMAGE)
    text = refused(network.check_layers, "same")
    assert "'same' is no stage of mine" in text and "of 20 stages the nearest are block" in text


def model_of_one(name):
    i = keras.Input(IMAGE.shape)
    return keras.Model(i, L.Activation("tanh", name="same")(i), name=name)


def test_a_model_without_layers_to_match_says_which_there_are():
    network = mm.from_keras(model(L.Conv2D(2, 3, activation="relu", name="conv")), [], IMAGE)
    assert network.chosen_layers(["conv"]) == ("conv",)
    text = refused(network.chosen_layers)
    assert "mine names no metamer layers of its own" in text and "--layers" in text and "conv" in text


# Files.


def saved(tmp_path, what, described=True):
    path = tmp_path / "mine.keras"
    what.save(path)
    if described:
        path.with_suffix(".signal.json").write_text(json.dumps(SIGNAL_JSON))
    return path


def changed(path, change):
    """The file with its settings changed by a function of their text."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["config.json"] = change(content["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def test_a_file_with_classes_of_a_users_says_how_to_name_a_builder(tmp_path):
    path = saved(tmp_path, model(Doubled(name="twice")))
    text = refused(named_network.load, str(path))
    assert 'layer "twice" is of the class Doubled, which is not Keras\'s own' in text
    assert "--network=FILE.py:FUNCTION" in text and "docs/your_network.md" in text


def test_a_file_with_functions_of_a_users_is_refused(tmp_path):
    def mine(x):
        return x * 2

    path = saved(tmp_path, model(L.Conv2D(2, 3, activation=mine, name="conv")))
    text = refused(named_network.load, str(path))
    assert 'layer "conv" has the function mine, which is not Keras\'s own' in text


def test_code_in_a_file_is_not_run(tmp_path):
    marker = str(tmp_path / "was_run")
    lambdas = saved(tmp_path, model(L.Lambda(lambda x: [x, open(marker, "w").close()][0], name="code")))
    os.unlink(marker)  # Keras itself ran it while the model was made
    text = refused(named_network.load, str(lambdas))
    assert 'layer "code" is a Lambda, which is code' in text and not os.path.exists(marker)


@pytest.mark.parametrize(
    "entry",
    [
        {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": None},
        {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}},
        {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
        {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "theirs>Dense"},
    ],
    ids=lambda entry: str(entry.get("config"))[:20] + str(entry["class_name"]),
)
def test_settings_that_name_what_is_no_layer_are_refused_unread(tmp_path, entry, monkeypatch):
    path = saved(tmp_path, model(L.Conv2D(2, 3, activation="relu", name="conv")))
    changed(path, lambda text: text.replace('"activation": "relu"', f'"activation": {json.dumps(entry)}', 1))
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: pytest.fail("Keras read it"))
    text = refused(named_network.load, str(path))
    assert text.startswith(f"{path}: layer ")


def test_weights_of_another_file_are_refused(tmp_path):
    path = saved(tmp_path, model())
    with h5py.File(tmp_path / "private.h5", "w") as other:
        other["secret"] = np.arange(3)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as weights:
        weights["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "private.h5"), "secret")
    with zipfile.ZipFile(path) as archive:
        settings = archive.read("config.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", settings)
        archive.writestr("model.weights.h5", buffer.getvalue())
    assert "its weights lie in another file" in refused(named_network.load, str(path))


def test_files_of_others_are_known(tmp_path):
    torch = tmp_path / "weights.pth"
    with zipfile.ZipFile(torch, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"conv": [1.0]}))
    assert "holds PyTorch's weights" in refused(named_network.load, str(torch))
    renamed = tmp_path / "weights.keras"
    os.rename(torch, renamed)
    signal = tmp_path / "signal.json"
    signal.write_text(json.dumps(SIGNAL_JSON))
    text = refused(named_network.load, str(renamed), None, str(signal))
    assert "holds PyTorch's weights, not a Keras model" in text and "docs/weights_from_pytorch.md" in text
    assert "save it as .keras" in refused(named_network.load, "model.h5")
    assert "FILE.py:FUNCTION" in refused(named_network.load, "model.py")
    assert "gone.keras" in refused(named_network.load, str(tmp_path / "gone.keras"), None, str(signal))


def test_damaged_files_are_refused(tmp_path):
    path = saved(tmp_path, model(L.Conv2D(2, 3, name="conv")))
    whole = path.read_bytes()
    for damaged in (whole[:100], whole[: len(whole) // 2], b"", b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(damaged)
        assert "no readable .keras file" in refused(named_network.load, str(path))
    path.write_bytes(whole)
    changed(path, lambda text: text.replace('"filters": 2', '"filters": "many"'))
    assert f"Keras {keras.__version__} cannot load it" in refused(named_network.load, str(path))
    changed(path, lambda text: "[1, 2")
    assert "no readable .keras file" in refused(named_network.load, str(path))


def test_models_in_files_are_refused_as_models_are(tmp_path):
    path = saved(tmp_path, two_inputs())
    assert "2 inputs and 1 outputs" in refused(named_network.load, str(path))


def test_a_file_says_what_it_is_fed_beside_it_or_by_name(tmp_path):
    path = saved(tmp_path, model(), described=False)
    text = refused(named_network.load, str(path))
    assert str(tmp_path / "mine.signal.json") in text and "--signal" in text and '"shape"' in text
    gone = tmp_path / "gone.keras"
    assert refused(named_network.load, str(gone)) == f"{gone}: no such file"
    assert "leave the checkpoint out" in refused(named_network.load, str(path), "model.ckpt")
    assert "tells what a .keras file is fed" in refused(named_network.load, "vgg_19_small", None, "a.json")
    signal = tmp_path / "signal.json"
    signal.write_text(json.dumps(SIGNAL_JSON))
    named = named_network.load(str(path), signal=str(signal))
    assert named.checkpoint_place == f"{path}={signal}"
    judge = named_network.load(*named_network.read_spec(f"{path}={signal}"))
    assert (judge.name, judge.checkpoint_digest) == (named.name, named.checkpoint_digest)


def test_normalisation_is_the_networks(tmp_path):
    """The model is given (signal - mean) / std, in its own order of channels; and is another then."""
    i = keras.Input([8, 8, 1])
    grey = keras.Model(i, L.Dense(2, name="out")(L.Flatten(name="flat")(i)))
    random = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    digests = set()
    for built, more, wanted in (
        (model(), {"mean": 0.5, "std": 0.25}, (random - 0.5) / 0.25),
        (model(), {"channels": "bgr", "mean": [1, 2, 3]}, random[..., ::-1] - np.array([1, 2, 3])),
        (grey, {"channels": "grey"}, random @ np.array([[0.2989], [0.587], [0.114]])),
    ):
        path = saved(tmp_path, built)
        path.with_suffix(".signal.json").write_text(json.dumps({**SIGNAL_JSON, **more}))
        network = named_network.load(str(path))
        expected = built(wanted.astype(np.float32))
        np.testing.assert_allclose(network.logits(random), expected, rtol=1e-4, atol=1e-5)
        plain = mm.from_keras(built, [], IMAGE).checkpoint_digest if built is not grey else ""
        assert network.checkpoint_digest != plain
        digests.add(network.checkpoint_digest)
    assert len(digests) == 3 and "torch" not in sys.modules
