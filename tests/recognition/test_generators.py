"""Networks found by what records say: nothing of a record is obeyed but files of this machine."""

import dataclasses
import os
import socket
import urllib.request

import pytest

import model_metamers as mm
from model_metamers import InputError
from model_metamers.recognition import generators
from model_metamers.recognition.judgement import Who
from model_metamers.runs.record import read_record
from model_metamers.weights.tf_checkpoint import write_checkpoint
from tests.builders.metamers import write_metamers

NAME = "vgg_19_small"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whoever asks a server fails the test."""

    def asked(*about, **more):
        raise AssertionError("a server was asked")

    for place, name in ((socket, "create_connection"), (urllib.request, "urlopen"), (socket, "getaddrinfo")):
        monkeypatch.setattr(place, name, asked)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[str, str]:
    """Prefix of a checkpoint of other weights than those that ship, and its digest."""
    folder = tmp_path_factory.mktemp("trained")
    network = mm.load_network(NAME, "random:3")
    write_checkpoint(folder / "own.ckpt", {k: v.numpy() for k, v in network.weights.items()})
    prefix = str(folder / "own.ckpt")
    return prefix, mm.load_network(NAME, prefix).checkpoint_digest


def test_weights_are_found_where_the_record_says_and_where_the_catalog_has_them(trained):
    prefix, digest = trained
    for place in (prefix, prefix + ".index"):
        assert generators.load_generator(Who(NAME, digest), [place]).checkpoint_digest == digest
    shipped = mm.load_network(NAME).checkpoint_digest
    for places in ([], [None], [prefix], ["/nowhere/at/all"]):
        assert generators.load_generator(Who(NAME, shipped), places).checkpoint_digest == shipped
    assert generators.load_generator(Who(NAME, "random:7"), [prefix]).checkpoint_digest == "random:7"


def test_of_a_saved_model_only_the_variables_are_read(trained, tmp_path):
    prefix, digest = trained
    (tmp_path / "variables").mkdir()
    for ending in (".index", ".data-00000-of-00001"):
        os.link(prefix + ending, tmp_path / "variables" / f"variables{ending}")
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    assert generators.load_generator(Who(NAME, digest), [str(tmp_path)]).checkpoint_digest == digest


FOREIGN = [
    "https://example.org/model.tar.gz",
    "HTTP://example.org/model",
    "gs://bucket/model.ckpt",
    "file:///etc/passwd",
    "ram://x",
    "//server/share/model.ckpt",
    r"\\server\share\model.ckpt",
    "own.py:build",
    "own.keras",
    "random:0; rm -rf",
    "random:" + "9" * 5000,
    "x" * 5000,
    "\0",
]


@pytest.mark.parametrize("place", FOREIGN, ids=[place[:20] for place in FOREIGN])
def test_other_places_are_not_followed_and_the_error_says_how_to_name_them(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("raise SystemExit('was run')\n")
    (tmp_path / "own.keras").write_text("")
    (tmp_path / "https:" / "example.org").mkdir(parents=True)  # a path that looks like the URL
    (tmp_path / "https:" / "example.org" / "model.tar.gz").write_text("")
    assert not generators.is_here(place)
    with pytest.raises(InputError, match=r"was not found.*; name it with --judges=") as caught:
        generators.load_generator(Who(NAME, "sha256:0"), [place])
    assert "followed only where you name it" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["own.py:build", "/tmp/own.py:build", "../../x", "vgg_99", "\x1b[31mred"])
def test_names_that_the_catalog_lacks_run_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("raise SystemExit('was run')\n")
    for weights in ("sha256:0", "random:0", "random:" + "9" * 5000):
        with pytest.raises(InputError, match="was not found") as caught:
            generators.load_generator(Who(name, weights), [None])
        assert "\x1b" not in str(caught.value)


def test_a_pipe_or_a_device_is_no_place(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not generators.is_here(str(tmp_path / "pipe")) and not generators.is_here("/dev/zero")


def test_older_records_place_is_in_the_flags_of_their_run(tiny_vgg, small_images, tmp_path):
    """FOLDER/SEED/LAYER/STIMULUS: the run's folder is FOLDER."""
    write_metamers(tiny_vgg, small_images[:2], ("conv1_2",), (0,), tmp_path)
    folder = tmp_path / "0" / "conv1_2" / "signal_0"
    record = read_record(folder)
    older = dataclasses.replace(record, files=None)
    assert generators.weights_place(folder, older) is None
    for content, place in (
        (b"--network=x\n--checkpoint=a b.ckpt\n--checkpoint=other\n", "a b.ckpt"),
        (b"--network=x\n", None),
        (b"\xff\xfe--checkpoint=x", None),
        (b"\0" * 100, None),
    ):
        (tmp_path / "flags.txt").write_bytes(content)
        assert generators.weights_place(folder, older) == place
        assert generators.weights_place(folder, record) is None  # a record that says it is asked alone
    (tmp_path / "flags.txt").unlink()
    os.mkfifo(tmp_path / "flags.txt")
    assert generators.weights_place(folder, older) is None
