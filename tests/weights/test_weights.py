"""Checkpoints into networks, and the report of what did not match."""

import json

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, catalog, weights
from model_metamers.weights import manifest, tf_checkpoint
from tests.builders.tf1_checkpoints import write_tf1_checkpoint
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn


def values_of(network) -> dict[str, np.ndarray]:
    """Values like `range`, so that a transposed or misplaced kernel shows."""
    return {
        name: (np.arange(np.prod(v.shape), dtype=np.float32).reshape(v.shape) / 1e3 + i) / 100
        for i, (name, v) in enumerate(network.weights.items())
    }


@pytest.mark.parametrize("make", [make_tiny_vgg, make_tiny_word_cnn])
@pytest.mark.parametrize("version", [1, 2])
def test_tf1_checkpoint_loads_by_name(tmp_path, make, version):
    network = make()
    values = values_of(network)
    prefix = write_tf1_checkpoint(tmp_path / "model.ckpt", values, version)
    report = weights.restore(network, prefix)
    assert report.complete and not report.unused and len(report.restored) == len(values)
    for name, variable in network.weights.items():
        np.testing.assert_array_equal(variable.numpy(), values[name])
        assert variable.name == f"{name}:0"
    assert network.checkpoint_digest.startswith("sha256:")


def test_report_names_missing_unused_and_misshaped(tmp_path):
    network = make_tiny_vgg()
    before = {name: v.numpy() for name, v in network.weights.items()}
    values = values_of(network)
    values["global_step"] = np.array([3.0], np.float32)
    values["vgg_19/fc8/weights"] = np.zeros([1, 1, 8, 9], np.float32)
    del values["vgg_19/conv1/conv1_1/biases"]
    prefix = write_tf1_checkpoint(tmp_path / "model.ckpt", values)
    message = (
        r"1 missing: vgg_19/conv1/conv1_1/biases; 1 misshaped: vgg_19/fc8/weights is \[1, 1, 8, 9\], "
        r"needs \[1, 1, 8, 7\]; 1 unused: global_step"
    )
    with pytest.raises(InputError, match=message):
        weights.restore(network, prefix)
    for name, variable in network.weights.items():  # nothing was half loaded
        np.testing.assert_array_equal(variable.numpy(), before[name])


def test_unused_variables_are_no_error(tmp_path):
    network = make_tiny_vgg()
    values = {**values_of(network), "vgg_19/mean_rgb": np.zeros(3, np.float32)}
    report = weights.restore(network, write_tf1_checkpoint(tmp_path / "m.ckpt", values))
    assert report.complete and report.unused == ("vgg_19/mean_rgb",)


@pytest.mark.parametrize("keep", [0, 100, 0.5])
@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
def test_truncated_checkpoint_is_refused(tmp_path, keep, suffix):
    network = make_tiny_vgg()
    prefix = write_tf1_checkpoint(tmp_path / "model.ckpt", values_of(network))
    path = tmp_path / f"model.ckpt{suffix}"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else keep])
    with pytest.raises(InputError, match=r"model\.ckpt.*(cannot be read|does not fit)"):
        weights.restore(network, prefix)


def test_missing_checkpoint_and_not_a_checkpoint_are_refused(tmp_path):
    network = make_tiny_vgg()
    with pytest.raises(InputError, match=r"neither this file nor none\.ckpt\.index exists"):
        weights.restore(network, tmp_path / "none.ckpt")
    (tmp_path / "text").write_text("no checkpoint")
    with pytest.raises(InputError, match="cannot be read"):
        weights.restore(network, tmp_path / "text")
    with pytest.raises(InputError, match="names no checkpoint"):
        weights.restore(network, tmp_path)


def test_checkpoint_with_nan_is_refused(tmp_path):
    network = make_tiny_vgg()
    values = values_of(network)
    values["vgg_19/fc7/biases"][0] = np.nan
    with pytest.raises(InputError, match="fc7/biases holds NaN"):
        weights.restore(network, write_tf1_checkpoint(tmp_path / "m.ckpt", values))


def test_our_checkpoints_are_read_back_by_tf1s_reader(tmp_path):
    network = make_tiny_word_cnn(seed=3)
    values = {n: v.numpy() for n, v in network.weights.items()}
    tf_checkpoint.write_checkpoint(tmp_path / "w.ckpt", values)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w.ckpt.data-00000-of-00001", "w.ckpt.index"]
    other = make_tiny_word_cnn(seed=4)
    assert weights.restore(other, tmp_path / "w.ckpt.index").complete
    for name, variable in other.weights.items():
        np.testing.assert_array_equal(variable.numpy(), values[name])


def test_random_weights_repeat_and_differ_by_seed():
    a, b, c = make_tiny_vgg(5), make_tiny_vgg(5), make_tiny_vgg(6)
    name = "vgg_19/conv3/conv3_2/weights"
    np.testing.assert_array_equal(a.weights[name].numpy(), b.weights[name].numpy())
    assert not np.array_equal(a.weights[name].numpy(), c.weights[name].numpy())
    assert weights.load_weights(a, "random:6") is None
    np.testing.assert_array_equal(a.weights[name].numpy(), c.weights[name].numpy())
    with pytest.raises(InputError, match="random:SEED"):
        weights.load_weights(a, "random:x")


def test_an_unknown_network_tells_the_nearest():
    with pytest.raises(InputError, match=r"no network 'vgg_99'; of \d+ networks the nearest are vgg_19, "):
        mm.load_network("vgg_99")


def test_network_without_shipped_weights_says_what_to_do():
    with pytest.raises(InputError, match="random:SEED"):
        manifest.shipped_checkpoint("vgg_19")


@pytest.mark.parametrize("name", [e["network"] for e in manifest.read_manifest().values()])
def test_shipped_checkpoints_load_and_say_how_they_were_made(name):
    network = mm.load_network(name)
    entry = next(e for e in manifest.read_manifest().values() if e["network"] == name)
    assert {"data", "command", "seed", "held_out", "metrics", "parameters", "licence"} <= entry.keys()
    assert entry["metrics"] and entry["parameters"] == sum(v.numpy().size for v in network.weights.values())
    assert all(np.isfinite(v.numpy()).all() for v in network.weights.values())


def test_altered_or_missing_shipped_file_is_refused(tmp_path, monkeypatch):
    network = catalog.build_network("vgg_19_small")
    network.initialize(0)
    prefix = tmp_path / "vgg_19_small.ckpt"
    tf_checkpoint.write_checkpoint(prefix, {n: v.numpy() for n, v in network.weights.items()})
    manifest.add_entry(prefix, {"network": "vgg_19_small"})
    entry = json.loads((tmp_path / "manifest.json").read_text())["vgg_19_small.ckpt"]
    assert [f["name"] for f in entry["files"]] == [
        f"{prefix.name}.index",
        f"{prefix.name}.data-00000-of-00001",
    ]
    monkeypatch.setattr(manifest, "checkpoints_folder", lambda: tmp_path)
    assert manifest.shipped_checkpoint("vgg_19_small") == prefix
    data = tmp_path / f"{prefix.name}.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    with pytest.raises(InputError, match="sha256"):
        manifest.shipped_checkpoint("vgg_19_small")
    data.unlink()
    with pytest.raises(InputError, match="missing"):
        manifest.shipped_checkpoint("vgg_19_small")
