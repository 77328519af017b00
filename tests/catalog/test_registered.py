"""Networks beside the catalog's: registered in Python, and brought by installed packages."""

import logging
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.catalog import named_network, registered
from model_metamers.catalog.names import CATALOG
from model_metamers.weights import manifest
from tests.builders.lab_packages import installed, write_package

CODE = """
import model_metamers as mm

def lab_vgg():
    return mm.load_network("vgg_19_small", "random:1")

def empty():
    from model_metamers.catalog import build_network
    return build_network("vgg_19_small")

def failing():
    raise RuntimeError("no licence\\nfor this network")

def nothing():
    return 3
"""
POINTS = {name: f"lab.networks:{name}" for name in ("lab_vgg", "empty", "failing", "nothing")}
ENTRY = {"url": "https://lab.example/empty.tar.gz", "bytes": None, "sha256": None, "licence": "MIT"}


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    monkeypatch.setattr(registered, "_BUILDERS", {})


@pytest.fixture
def lab(tmp_path):
    """A lab's package with networks, of which one has its weights elsewhere."""
    entry = {"lab-empty": {**ENTRY, "networks": {"empty": {"checkpoint": "model.ckpt"}}}}
    write_package(tmp_path / "site", "lab", POINTS, CODE, entry)
    with installed(tmp_path / "site"):
        yield tmp_path / "site"


def refused(what, *more):
    with pytest.raises(mm.InputError) as error:
        what(*more)
    assert "\n" not in str(error.value)
    return str(error.value)


def random_vgg():
    return mm.load_network("vgg_19_small", "random:1")


def test_a_registered_network_is_loaded_by_name():
    assert registered.names() == ()
    mm.register_network("mine", random_vgg)
    assert mm.networks() == (*CATALOG, "mine")
    network = mm.load_network("mine")
    assert network.name == "mine" and network.checkpoint_digest == "random:1"
    assert network.checkpoint_place is None
    assert mm.load_network("mine", "random:5").checkpoint_digest == "random:5"
    assert named_network.load("mine").name == named_network.load("mine", "random:2").name == "mine"
    assert random_vgg().name == "vgg_19_small"


def test_a_metamer_of_a_registered_network_finds_it_again(tmp_path):
    from model_metamers.recognition.generators import load_generator
    from model_metamers.recognition.judgement import Who

    mm.register_network("mine", random_vgg)
    network = mm.load_network("mine")
    target = np.random.default_rng(0).random((32, 32, 3)).astype(np.float32)
    metamer = mm.synthesize(network, "conv1_2", target, mm.SynthesisConfig(iterations=1), progress=False)
    assert metamer.network == "mine"
    assert load_generator(Who("mine", network.checkpoint_digest)).name == "mine"


@pytest.mark.parametrize("name", ["vgg_19", "mine", "lab_vgg"])
def test_a_name_that_exists_is_refused(lab, name):
    mm.register_network("mine", random_vgg)
    owner = {"vgg_19": "the catalog", "mine": "this process", "lab_vgg": "package lab"}[name]
    text = refused(mm.register_network, name, random_vgg)
    assert text == f"{owner} has a network {name} already; choose another name"


@pytest.mark.parametrize("name", ["", "a=b", "a,b", "dir/a", "file.py", "model.keras", "a:b", "a b", "-a", 3])
def test_what_cannot_be_a_name_is_refused(name):
    assert f"name={name!r}" in refused(mm.register_network, name, random_vgg)


def test_what_is_no_builder_is_refused():
    assert "expected a function that gives a network, got " in refused(
        mm.register_network, "mine", random_vgg()
    )


def test_builders_that_fail_say_so_in_one_line(lab):
    mm.register_network("bad", lambda: {}["weights"])
    assert refused(mm.load_network, "bad") == "the registered network bad does not build: KeyError: 'weights'"
    mm.register_network("none", lambda: None)
    assert "its builder gave NoneType, expected an mm.Network" in refused(mm.load_network, "none")
    text = refused(mm.load_network, "failing")
    assert text.startswith("the network failing of package lab (lab.networks:failing) does not build: ")
    assert "RuntimeError: no licence for this network" in text
    assert "its builder gave int" in refused(mm.load_network, "nothing")


def test_a_package_brings_networks(lab):
    assert mm.networks() == (*CATALOG, *sorted(POINTS))
    assert "lab.networks" not in sys.modules and "lab" not in sys.modules
    network = mm.load_network("lab_vgg")
    assert network.name == "lab_vgg" and network.checkpoint_digest == "random:1"
    assert named_network.load(*named_network.read_spec("lab_vgg")).name == "lab_vgg"
    assert "lab_vgg" in refused(mm.load_network, "lab_vg")


def test_a_package_that_cannot_be_imported_says_so(tmp_path):
    write_package(tmp_path, "broken", {"broken_net": "broken.networks:build"}, "import no_such_module_at_all")
    with installed(tmp_path):
        text = refused(mm.load_network, "broken_net")
    assert "the network broken_net of package broken (broken.networks:build) cannot be imported" in text
    assert "no_such_module_at_all" in text


def test_a_package_takes_no_name_of_the_catalog_nor_of_another(tmp_path, caplog):
    write_package(tmp_path, "lab", {"vgg_19_small": "lab.networks:lab_vgg", "two": "lab.networks:x"}, CODE)
    write_package(tmp_path, "rival", {"two": "rival.networks:x"}, CODE)
    with installed(tmp_path), caplog.at_level(logging.WARNING, "model_metamers"):
        assert mm.networks().count("vgg_19_small") == 1
        assert mm.load_network("vgg_19_small").checkpoint_digest.startswith("sha256:")
        text = refused(mm.load_network, "two")
    assert "vgg_19_small of package lab is left out: the catalog has this name" in caplog.text
    assert "brought by several packages" in text and "lab" in text and "rival" in text


def test_a_package_brings_weights_to_be_fetched(lab, tmp_path, monkeypatch):
    """They are listed without an import, fetched, found by the network's name, and verified."""
    monkeypatch.setattr(manifest, "downloads_folder", lambda: tmp_path / "downloads")
    assert manifest.find_download("empty").url == ENTRY["url"]
    assert "lab" not in sys.modules
    assert "fetch_checkpoint --network=empty gets it" in refused(mm.load_network, "empty")
    source = random_vgg()
    write_checkpoint(source, tmp_path / "model.ckpt")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz") as archive:
        for file in tmp_path.glob("model.ckpt*"):
            archive.add(file, file.name)
    from model_metamers.weights import download

    download.fetch(manifest.find_download("empty"), None, str(tmp_path / "empty.tar.gz"), progress=False)
    network = mm.load_network("empty")
    assert network.name == "empty" and network.checkpoint_digest.startswith("sha256:")
    given = np.full([1, 32, 32, 3], 0.3, np.float32)
    np.testing.assert_array_equal(network.logits(given), source.logits(given))


def write_checkpoint(network, prefix: Path):
    """The variables under their names, as TensorFlow 1 saves them."""
    import tensorflow as tf

    names = list(network.weights)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[network.weights[name].read_value() for name in names],
    )


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"vgg": {**ENTRY, "networks": {"vgg_19": {"checkpoint": "a.ckpt"}}}},
            "vgg_19 is no network of this",
        ),
        ({"none": ENTRY}, "it names no network of this package's entry points"),
        ({"bad": {**ENTRY, "url": "../..", "networks": {"empty": {"checkpoint": "a"}}}}, "damaged"),
        ([1], "no readable manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_left_out(tmp_path, caplog, entries, message):
    before = manifest.read_downloads()
    write_package(tmp_path, "lab", POINTS, CODE, entries)
    with installed(tmp_path), caplog.at_level(logging.WARNING, "model_metamers"):
        assert manifest.read_downloads() == before
    assert message in caplog.text


def test_names_are_listed_without_tensorflow(lab):
    """In a process of its own; the lab's module is not imported either."""
    code = (
        "import sys, model_metamers as mm; from model_metamers.weights import manifest; "
        "assert 'lab_vgg' in mm.networks() and 'lab-empty' in manifest.read_downloads(); "
        "assert not {'tensorflow', 'lab', 'lab.networks'} & sys.modules.keys()"
    )
    paths = os.pathsep.join([str(lab), str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
