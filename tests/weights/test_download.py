"""Checkpoints of the manifest: fetched, verified, found again, or refused."""

import hashlib
import json
import re

import numpy as np
import pytest

from model_metamers import InputError, catalog
from model_metamers.weights import download, manifest, restore
from model_metamers.weights.manifest import Download
from tests.builders import binaries
from tests.builders.local_server import CONTENT, DIGEST, archive, running_server
from tests.builders.tf1_checkpoints import write_tf1_checkpoint


@pytest.fixture
def server(monkeypatch):
    with running_server(monkeypatch) as server:
        yield server


def entry(server, file, networks, sha256=None, size=None) -> Download:
    return Download("tiny_2019", server.url(file), size, sha256, "MIT", networks)


def fetch(chosen, folder, **options):
    return download.fetch(chosen, folder, progress=False, pause_s=0.01, **options)


@pytest.fixture
def vgg(server, tmp_path):
    """A TF1 checkpoint of vgg_19_small in an archive on the server: its entry and its values."""
    network = catalog.build_network("vgg_19_small")
    network.initialize(0)
    values = {name: v.numpy() for name, v in network.weights.items()}
    (tmp_path / "made").mkdir()
    prefix = write_tf1_checkpoint(tmp_path / "made" / "vgg.ckpt", values)
    files = {f"inner/{p.name}": p.read_bytes() for p in prefix.parent.glob("vgg.ckpt.*")}
    server.files["vgg.tar.gz"] = archive(**files, readme=b"hello")
    digest = hashlib.sha256(server.files["vgg.tar.gz"]).hexdigest()
    return entry(server, "vgg.tar.gz", {"vgg_19_small": {"checkpoint": "vgg.ckpt"}}, digest), values


def test_archive_is_fetched_unpacked_verified_and_loaded(tmp_path, server, vgg):
    chosen, values = vgg
    folder = tmp_path / "downloads"
    server.cuts = [40_000, 10_000]
    assert download.state(chosen, folder) == "-"
    prefix = fetch(chosen, folder)["vgg_19_small"]["checkpoint"]
    assert prefix == folder / "tiny_2019" / "inner" / "vgg.ckpt"
    assert sorted(p.name for p in folder.iterdir()) == ["downloads.json", "tiny_2019"]
    network = catalog.build_network("vgg_19_small")
    assert restore(network, prefix).complete
    np.testing.assert_array_equal(network.weights["vgg_19/fc8/biases"].numpy(), values["vgg_19/fc8/biases"])
    assert download.state(chosen, folder) == "fetched"
    server.requests.clear()
    assert fetch(chosen, folder)["vgg_19_small"]["checkpoint"] == prefix
    assert not server.requests  # it was there
    data = prefix.with_name("vgg.ckpt.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    assert download.state(chosen, folder) == "damaged"
    with pytest.raises(InputError, match=r"sha256 is not that of downloads\.json; fetch it anew"):
        manifest.fetched_files(chosen, "vgg_19_small", folder)
    fetch(chosen, folder)
    assert download.state(chosen, folder) == "fetched"


def test_wrong_digest_is_refused_and_removed(tmp_path, server):
    chosen = entry(server, "model.ckpt", {"vgg_19": {"checkpoint": "model.ckpt"}}, "0" * 64)
    with pytest.raises(InputError, match=rf"sha256 is {DIGEST}, not 0{{64}} as the manifest says.*removed"):
        fetch(chosen, tmp_path / "d")
    assert not list((tmp_path / "d").iterdir())


def test_digest_of_the_first_download_binds_the_later_ones(tmp_path, server):
    chosen = entry(server, "model.ckpt", {"vgg_19": {"checkpoint": "model.ckpt"}})
    files = fetch(chosen, tmp_path)
    assert files == {"vgg_19": {"checkpoint": tmp_path / "tiny_2019" / "model.ckpt"}}
    assert json.loads((tmp_path / "downloads.json").read_text())["tiny_2019"]["sha256"] == DIGEST
    files["vgg_19"]["checkpoint"].unlink()
    server.files["model.ckpt"] = CONTENT[::-1]
    with pytest.raises(InputError, match=r"downloads\.json notes of the first download"):
        fetch(chosen, tmp_path)
    server.files["model.ckpt"] = CONTENT
    assert fetch(chosen, tmp_path) == files


def test_escaping_archive_and_one_without_the_checkpoint_leave_nothing(tmp_path, server):
    networks = {"vgg_19": {"checkpoint": "vgg.ckpt"}}
    server.files["a.tar.gz"] = archive(**{"../../escaped": b"1"})
    with pytest.raises(InputError, match="would leave the folder; refused"):
        fetch(entry(server, "a.tar.gz", networks), tmp_path / "d")
    server.files["a.tar.gz"] = archive(**{"other.ckpt": b"1"})
    with pytest.raises(InputError, match=r"expected one vgg\.ckpt in it, found 0; it holds other\.ckpt"):
        fetch(entry(server, "a.tar.gz", networks), tmp_path / "d")
    server.files["a.tar.gz"] = archive(**{"a/vgg.ckpt": b"1", "b/vgg.ckpt": b"1"})
    with pytest.raises(InputError, match="found 2"):
        fetch(entry(server, "a.tar.gz", networks), tmp_path / "d")
    assert not list((tmp_path / "d").iterdir())
    assert not list(tmp_path.rglob("escaped"))


def test_one_archive_may_serve_two_networks(tmp_path, server):
    networks = {
        name: {"checkpoint": f"{name}.ckpt", "architecture": f"{name}.pckl"} for name in ("one", "two")
    }
    names = ("one.ckpt.index", "one.ckpt.data-00000-of-00001", "two.ckpt", "one.pckl", "two.pckl")
    server.files["a.tgz"] = archive(**{name: name.encode() for name in names})
    files = fetch(entry(server, "a.tgz", networks), tmp_path)
    assert {f: {r: p.name for r, p in roles.items()} for f, roles in files.items()} == networks
    (tmp_path / "tiny_2019" / "two.ckpt").write_bytes(b"altered")
    manifest.fetched_files(entry(server, "a.tgz", networks), "one", tmp_path)
    with pytest.raises(InputError, match=r"two\.ckpt"):
        manifest.fetched_files(entry(server, "a.tgz", networks), "two", tmp_path)


# --- the manifest


def test_manifest_lists_every_public_checkpoint_of_the_paper():
    downloads = manifest.read_downloads()
    networks = {network for d in downloads.values() for network in d.networks}
    assert networks == {
        "vgg_19",
        "inception_v3",
        "resnet_v2_101",
        "mobilenet_v1_025",
        "efficientnet_lite0",
        "vggish",
        "deepspeech",
        "word_aliased_released",
        "word_reduced_aliasing_released",
    }
    for chosen in downloads.values():
        assert chosen.url.startswith("http") and chosen.licence
        assert chosen.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", chosen.sha256)
        assert all("checkpoint" in roles for roles in chosen.networks.values())
    assert not set(downloads) & set(manifest.read_manifest())


def test_default_checkpoint_is_the_shipped_or_the_fetched_one(tmp_path, monkeypatch, server):
    assert manifest.default_checkpoint("vgg_19_small").name == "vgg_19_small.ckpt"
    monkeypatch.setattr(manifest, "downloads_folder", lambda: tmp_path)
    with pytest.raises(InputError, match=r"fetch_checkpoint --network=vgg_19 gets it.*random:SEED"):
        manifest.default_checkpoint("vgg_19")
    with pytest.raises(InputError, match=r"no checkpoint of word_aliased ships.*random:SEED"):
        manifest.default_checkpoint("word_aliased")
    chosen = entry(server, "model.ckpt", {"vgg_19": {"checkpoint": "model.ckpt"}})
    monkeypatch.setattr(manifest, "read_downloads", lambda: {chosen.name: chosen})
    fetch(chosen, tmp_path)
    assert manifest.default_checkpoint("vgg_19") == tmp_path / "tiny_2019" / "model.ckpt"
    with pytest.raises(InputError, match=r"no checkpoint of 'x' can be fetched; there are those of vgg_19"):
        manifest.find_download("x")


def test_downloads_of_an_installed_package_go_to_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "_CHECKOUT", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert manifest.downloads_folder() == tmp_path / "cache" / "model_metamers" / "checkpoints"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert manifest.downloads_folder() == tmp_path / ".cache" / "model_metamers" / "checkpoints"


# --- the binary


def run_binary(*flags, cwd):
    return binaries.run("fetch_checkpoint", *flags, cwd=cwd)


def test_binary_lists_fetches_and_refuses(tmp_path):
    listed = run_binary("--list", f"--out={tmp_path}", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "inception_v3" in listed.stdout and "vgg_19_small" in listed.stdout
    (tmp_path / "file").write_bytes(archive(**{"vgg_19.ckpt": b"1"}))
    fetched = run_binary("--network=vgg_19", f"--url={tmp_path / 'file'}", "--out=d", cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout == "vgg_19 checkpoint: d/vgg_19_2016_08_28/vgg_19.ckpt\n"
    assert (tmp_path / "d" / "vgg_19_2016_08_28" / "vgg_19.ckpt").read_bytes() == b"1"
    refused = run_binary("--network=vggish", f"--url={tmp_path / 'file'}", "--out=d", cwd=tmp_path)
    assert refused.returncode == 2 and "the file was removed" in refused.stderr
    assert len([line for line in refused.stderr.splitlines() if "cuInit" not in line]) == 1
