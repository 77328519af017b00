"""Cases of what this program writes: metamers, searches, null distributions; checkpoints and pickles."""

import base64
import functools
import io
import json
import pickle
from pathlib import Path

import numpy as np
import soundfile

from model_metamers import SignalSpec, SynthesisConfig
from model_metamers.criteria import null as nulls
from model_metamers.criteria.null_file import read_null, write_null
from model_metamers.criteria.verdict import Measurement
from model_metamers.runs import intact, results, shown_files
from model_metamers.runs.record import read_record
from model_metamers.storage.reading import read_arrays
from model_metamers.synthesis import adam
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.state import SearchState, read_state, read_targets, write_state
from model_metamers.weights import released_pickle
from model_metamers.weights.tf_checkpoint import CheckpointReader, write_checkpoint
from model_metamers.weights.torch_file import TorchFile
from model_metamers_experiments.notebook_metamers import read_notebook
from tests.builders.reshaping import archive_of_arrays, json_values
from tests.builders.reshaping_weights import checkpoint_table, pickle_opcodes, torch_old, torch_zip
from tests.builders.tf1_checkpoints import write_tf1_checkpoint
from tests.builders.torch_files import write_state as write_torch
from tests.readers.case import Case

IMAGE = SignalSpec("image", (8, 8, 3), 0.0, 1.0)
ARCHITECTURE = {
    "instructions": "one after the other",
    "graph_architecture": [{"layer_type": "tf.nn.relu", "args": {"name": "relu_0"}}],
    "layer_list": [functools.partial(dict, name="relu_0")],
}
WORDS = {"word_idx_to_word": {0: "a", 1: "b"}, "word_to_word_idx": {"a": 0, "b": 1}}
VALUES = {"a/weights": np.ones([3, 2], np.float32), "b": np.arange(5.0, dtype=np.float32)}


def search_state(path: Path):
    start = np.zeros([2, 3, 3], np.float32)
    write_state(path, SearchState.fresh(start, 5, adam.fresh(start)), ["0" * 64, "1" * 64])


def check_search(path: Path):
    state = read_state(path)
    assert state.signals.dtype == state.losses.dtype == np.float32 and 0 <= state.step < len(state.losses)
    assert all(digest.isprintable() for digest in read_targets(path))


def null_file(path: Path):
    layer = nulls.LayerNull(np.ones(2000, np.int64), -0.1, 0.9, 0.1, 0, 10.0, 0.8, 0.9)
    write_null(path, nulls.NullDistribution("a", "b", {"conv1": layer}, "blocks"), "stimuli")


def check_null(path: Path):
    null, stimuli = read_null(path)
    assert isinstance(stimuli, str)
    for layer in null.layers:
        assert isinstance(null.maximum(layer), (int, float)) and null.at(layer).pairs is not None


def metamer(path: Path):
    """A metamer's folder, of which the file at the path is one."""
    signal = np.random.RandomState(1).rand(8, 8, 3).astype(np.float32)
    made = Metamer(
        **{"network": "vgg", "checkpoint": "sha256:0", "layer": "conv1", "stimulus": "cat"},
        **{"signal": signal, "target": signal[::-1].copy(), "spec": IMAGE, "config": SynthesisConfig()},
        iterations=20,
        loss=np.float32([3.0, 1.0]),
        loss_iterations=np.int64([0, 10]),
        measurement=Measurement({"conv1": 0.5, "conv2": float("nan")}, 1, 2, "cat", "dog"),
    )
    results.save(made, path.parent)


def check_metamer(path: Path):
    record = read_record(path.parent)
    loaded = results.load(path.parent)
    assert loaded.signal.shape == loaded.spec.shape == record.signal.shape
    assert loaded.measurement.spearman.keys() >= {record.layer}
    shown_files.read_shown(path.parent / record.file.name, record.signal)
    intact.check_files(path.parent, record)


def check_arrays(path: Path):
    assert all(isinstance(values, np.ndarray) for values in read_arrays(path).values())


def check_checkpoint(path: Path):
    reader = CheckpointReader(path.parent / "model.ckpt")
    for name, shape in reader.shapes.items():
        assert reader.value(name).shape == shape


def check_torch(path: Path):
    file = TorchFile(path)
    for name, shape in file.shapes.items():
        assert isinstance(name, str) and file.value(name).shape == shape


def checkpoint(path: Path):
    write_checkpoint(path.parent / "model.ckpt", VALUES)


def tf1_checkpoint(path: Path):
    write_tf1_checkpoint(path.parent / "model.ckpt", VALUES, version=1)


def tf2_checkpoint(path: Path):
    import tensorflow as tf

    variables = {name.replace("/", "_"): tf.Variable(value) for name, value in VALUES.items()}
    tf.train.Checkpoint(**variables).write(str(path.parent / "model.ckpt"))


def pickled(content, protocol: int = 2):
    return lambda path: path.write_bytes(pickle.dumps(content, protocol))


def _checkpoint(file: str, write, reshape=None) -> Case:
    given = {} if reshape is None else {"reshape": reshape}
    return Case("checkpoints", f"model.ckpt{file}", write, check_checkpoint, **given)


def notebook_of_sounds(path: Path):
    """As Jupyter saves one that plays an original and a metamer."""
    content = io.BytesIO()
    soundfile.write(content, np.linspace(-0.5, 0.5, 80), 4000, "PCM_16", format="WAV")
    played = f'src="data:audio/wav;base64,{base64.b64encode(content.getvalue()).decode()}"'
    sound = {"data": {"text/html": [played]}}
    layer = {"text": ["Generating metamer for a network layer conv_1\n"]}
    path.write_text(json.dumps({"cells": [{"outputs": [sound, layer, sound]}, {"source": "x"}]}))


def check_notebook(path: Path):
    embedded = read_notebook(path)
    assert all(sound.shape == embedded.target.shape for sound in embedded.metamers.values())


DATA = ".data-00000-of-00001"
CASES = {
    "metamer's record": Case("metamer folders", "m/metamer.json", metamer, check_metamer, json_values),
    "metamer's arrays": Case("metamer folders", "m/metamer.npz", metamer, check_metamer, archive_of_arrays),
    "search": Case("saved searches", "state.npz", search_state, check_search, archive_of_arrays),
    "null": Case("nulls", "null.npz", null_file, check_null, archive_of_arrays),
    "arrays": Case("arrays", "null.npz", null_file, check_arrays, archive_of_arrays),
    "checkpoint's index": _checkpoint(".index", checkpoint, checkpoint_table),
    "checkpoint's data": _checkpoint(DATA, checkpoint),
    "PyTorch's file": Case(
        "torch files", "a.pth", lambda path: write_torch(path, VALUES), check_torch, torch_zip
    ),
    "PyTorch's old file": Case(
        "torch files", "a.pth", lambda path: write_torch(path, VALUES, old=True), check_torch, torch_old
    ),
    "notebook": Case("notebooks", "a.ipynb", notebook_of_sounds, check_notebook, json_values),
    "TF1's checkpoint": _checkpoint("", tf1_checkpoint, checkpoint_table),
    "TF2's index": _checkpoint(".index", tf2_checkpoint, checkpoint_table),
    "TF2's data": _checkpoint(DATA, tf2_checkpoint),
    "architecture": Case(
        "pickles", "a.pckl", pickled(ARCHITECTURE), released_pickle.read_architecture, pickle_opcodes, True
    ),
    "architecture, protocol 4": Case(
        "pickles", "a.pckl", pickled(ARCHITECTURE, 4), released_pickle.read_architecture, pickle_opcodes, True
    ),
    "words": Case("pickles", "w.pckl", pickled(WORDS), released_pickle.read_word_encodings, pickle_opcodes),
    "words, protocol 0": Case(
        "pickles", "w.pckl", pickled(WORDS, 0), released_pickle.read_word_encodings, pickle_opcodes
    ),
}
