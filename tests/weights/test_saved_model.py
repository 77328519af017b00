"""TF2 checkpoints, SavedModels and hub modules into networks, by the names of their variables."""

import http.server
import tarfile
import threading

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError, weights
from model_metamers.weights import readers, saved_model
from model_metamers.weights.tf_checkpoint import CheckpointReader
from tests.builders.local_server import PROXIES
from tests.builders.tf1_checkpoints import write_tf1_checkpoint
from tests.conftest import make_tiny_vgg
from tests.weights.test_weights import values_of


class Holder(tf.Module):
    """A model of TF2 whose variables bear the names of a network's."""

    def __init__(self, values, prefix=""):
        super().__init__()
        self.kept = {
            f"v{i}": tf.Variable(value, name=prefix + name) for i, (name, value) in enumerate(values.items())
        }

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def __call__(self, x):
        return x + sum(tf.reduce_sum(v) for v in self.kept.values())


def write_tf1_saved_model(folder, values, prefix=""):
    """As the hub's first modules are: slim's names below "module/", a name-based checkpoint."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        for name, value in values.items():
            tf1.get_variable(prefix + name, initializer=value)
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, tags=["train"])
        builder.save()
    return folder


def assert_loads(source):
    network = make_tiny_vgg()
    values = values_of(network)
    report = weights.load_weights(network, source)
    assert report.complete and len(report.restored) == len(values)
    for name, variable in network.weights.items():
        np.testing.assert_array_equal(variable.numpy(), values[name])
    return report


@pytest.fixture(scope="module")
def values():
    return values_of(make_tiny_vgg())


@pytest.mark.parametrize("prefix", ["", "module/", "a/b/"])
def test_tf2_checkpoint_loads_by_variable_names(tmp_path, values, prefix):
    path = tf.train.Checkpoint(model=Holder(values, prefix)).save(str(tmp_path / "model"))
    report = assert_loads(path)
    assert report.unused == ("save_counter",)
    assert_loads(tmp_path)  # the folder with its `checkpoint` file


def test_tf2_checkpoint_of_a_network_loads(tmp_path):
    network = make_tiny_vgg(7)
    path = tf.train.Checkpoint(network=network).save(str(tmp_path / "model"))
    other = make_tiny_vgg(8)
    assert weights.restore(other, path).complete
    for name, variable in other.weights.items():
        np.testing.assert_array_equal(variable.numpy(), network.weights[name].numpy())


@pytest.mark.parametrize("prefix", ["", "module/"])
@pytest.mark.parametrize("write", ["tf1", "tf2"])
def test_saved_model_loads(tmp_path, values, write, prefix):
    if write == "tf1":
        write_tf1_saved_model(tmp_path / "hub", values, prefix)
    else:
        tf.saved_model.save(Holder(values, prefix), str(tmp_path / "hub"))
    assert not assert_loads(str(tmp_path / "hub")).unused


def test_keras_export_is_read_though_it_holds_variables_twice(tmp_path):
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, name="fc6")], name="net")
    model.export(str(tmp_path / "m"), verbose=False)
    reader = readers.open_reader(tmp_path / "m", ["net/fc6/kernel"])
    assert {name: reader.shapes[name] for name in ("net/fc6/kernel", "net/fc6/bias")} == {
        "net/fc6/kernel": (4, 3),
        "net/fc6/bias": (3,),
    }
    np.testing.assert_array_equal(reader.value("net/fc6/kernel"), model.layers[0].kernel.numpy())


def test_variables_of_one_name_are_told_by_their_path(tmp_path):
    pair = tf.train.Checkpoint(a=tf.Variable([1.0], name="kernel"), b=tf.Variable([2.0], name="kernel"))
    reader = CheckpointReader(pair.save(str(tmp_path / "m")))
    assert list(reader.shapes) == ["a", "b", "save_counter"] and reader.value("b") == 2.0


def test_suffix_of_tensor_names_is_dropped(tmp_path, values):
    path = tmp_path / "m.ckpt"
    tensors = {f"net/{name}:0": value for name, value in values.items()}
    tf.raw_ops.SaveV2(
        prefix=str(path),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    assert not assert_loads(path).unused


def test_scope_is_dropped_only_where_it_helps(tmp_path, values):
    """Names that fit as they are win over copies below a scope (such as averages)."""
    copies = {f"average/{name}": value + 1 for name, value in values.items()}
    report = assert_loads(write_tf1_checkpoint(tmp_path / "m.ckpt", {**values, **copies}))
    assert len(report.unused) == len(copies)


def test_two_scopes_that_fit_alike_are_refused(tmp_path, values):
    both = {f"{scope}/{name}": value for scope in "ab" for name, value in values.items()}
    path = write_tf1_checkpoint(tmp_path / "m.ckpt", both)
    with pytest.raises(InputError, match="found 2 times, below a/, b/"):
        weights.restore(make_tiny_vgg(), path)


def test_report_of_a_saved_model_names_what_is_missing(tmp_path, values):
    less = {name: value for name, value in values.items() if "fc8" not in name}
    tf.saved_model.save(Holder(less, "module/"), str(tmp_path / "m"))
    with pytest.raises(InputError, match=r"2 missing: vgg_19/fc8/biases, vgg_19/fc8/weights"):
        weights.restore(make_tiny_vgg(), tmp_path / "m")


def test_damaged_and_empty_saved_models_are_refused(tmp_path, values):
    tf.saved_model.save(Holder(values), str(tmp_path / "m"))
    index = tmp_path / "m" / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be read"):
        weights.restore(make_tiny_vgg(), tmp_path / "m")
    index.unlink()
    with pytest.raises(InputError, match="no variables"):
        weights.restore(make_tiny_vgg(), tmp_path / "m")


@pytest.fixture
def server(tmp_path, values, monkeypatch):
    """Serves a hub module as an archive, as the hub does."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    tf.saved_model.save(Holder(values, "module/"), str(tmp_path / "m"))
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "m", arcname=".")
    data = (tmp_path / "m.tar.gz").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            good = self.path.startswith("/imagenet/tiny/1?tf-hub-format=compressed")
            self.send_response(200 if good else 404)
            self.end_headers()
            self.wfile.write(data if good else b"")

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("variable", ["TFHUB_CACHE_DIR", "XDG_CACHE_HOME"])
def test_hub_handle_is_fetched_once_and_kept(tmp_path, monkeypatch, server, variable):
    for name in ("TFHUB_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "cache"))
    handle = f"{server}/imagenet/tiny/1"
    assert_loads(handle)
    folder = saved_model.resolve(handle)
    assert folder.startswith(str(tmp_path / "cache")) and saved_model.is_saved_model(tmp_path / folder)
    with pytest.raises(InputError, match=r"hub handle http.*/other/1: cannot be fetched.*404"):
        weights.load_weights(make_tiny_vgg(), f"{server}/imagenet/other/1")


def test_hub_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_hub", None)
    with pytest.raises(InputError, match=r"pip install 'model_metamers\[hub\]'; the folder of a SavedModel"):
        saved_model.resolve("https://example.org/module/1")
