"""Names inside files of weights lead nowhere but into the folder of those files."""

import io
import json
import tarfile

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.weights import manifest
from model_metamers.weights.manifest import Download
from model_metamers.weights.tf_checkpoint import CheckpointReader, write_checkpoint
from model_metamers.weights.transfer import transfer
from model_metamers.weights.unpacking import unpack
from tests.builders.local_server import archive, running_server

ELSEWHERE = [
    "../x",
    "/etc/passwd",
    "a/../../x",
    "..",
    ".",
    "",
    "a//b",
    "a/",
    r"a\x",
    "C:x",
    "a\x1b[31m",
    "a\nb",
]
DIGEST = "0" * 64


def entries(**changes) -> dict:
    one = {"prefix": "a.ckpt", "network": "vgg_19_small", "files": [{"name": "a.ckpt", "sha256": DIGEST}]}
    return {"one": {**one, **changes}}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path, name):
    download = {"url": "https://example.org/a.tar", "bytes": None, "sha256": None, "licence": "MIT"}
    download["networks"] = {"vgg_19": {"checkpoint": "a.ckpt"}}
    packaged = {"package": "a", "module": "a", "file": "a.pth", "sha256": DIGEST, "licence": "MIT"}
    packaged["network"] = "vgg_19"
    for damaged in (
        entries(prefix=name),
        entries(files=[{"name": name, "sha256": DIGEST}]),
        {"one": {**download, "networks": {"vgg_19": {"checkpoint": name}}}},
        {name: download},
        {"one": {**download, "url": f"https://example.org/{name}"}} if "/" not in name else {name: download},
        {"one": {**packaged, "file": name}},
        {"one": {**packaged, "file": f"{name}/a.pth"}},
        {"one": {**packaged, "module": name}},
        {"one": {**packaged, "package": name}},
    ):
        (tmp_path / "manifest.json").write_text(json.dumps(damaged))
        with pytest.raises(InputError, match=r"manifest\.json: damaged, or another program's") as caught:
            manifest.read_manifest(tmp_path)
            manifest.read_downloads(tmp_path)
            manifest.read_packaged(tmp_path)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_note_of_downloads_that_leads_elsewhere_is_refused(tmp_path, name):
    chosen = Download("one", "https://example.org/a.tar", None, None, "MIT", {"vgg_19": {"checkpoint": "a"}})
    file = {"name": "one/a", "sha256": DIGEST}
    for note in (
        {"networks": {"vgg_19": {"checkpoint": name}}, "files": [file]},
        {"networks": {"vgg_19": {"checkpoint": "one/a"}}, "files": [{**file, "name": name}]},
    ):
        (tmp_path / "downloads.json").write_text(json.dumps({"one": note}))
        with pytest.raises(InputError, match=r"downloads\.json.*; delete it and fetch anew"):
            manifest.fetched_files(chosen, "vgg_19", tmp_path)


def test_a_note_without_digests_of_its_files_is_not_believed(tmp_path):
    chosen = Download("one", "https://example.org/a.tar", None, None, "MIT", {"vgg_19": {"checkpoint": "a"}})
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(b"anything")
    note = {"networks": {"vgg_19": {"checkpoint": "one/a"}}, "files": [{"name": "one/b", "sha256": DIGEST}]}
    (tmp_path / "downloads.json").write_text(json.dumps({"one": note}))
    with pytest.raises(InputError, match="lists no file of one/a"):
        manifest.fetched_files(chosen, "vgg_19", tmp_path)


@pytest.mark.parametrize("name", ["a", "a b(1).ckpt", "a/.hidden/b..c", "._a", "...", "ü"])
def test_ordinary_names_are_taken(tmp_path, name):
    (tmp_path / "manifest.json").write_text(json.dumps(entries(prefix=name)))
    assert manifest.read_manifest(tmp_path)["one"]["prefix"] == name


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


MEMBERS = {
    "above": member("../x"),
    "above, later": member("a/../../x"),
    "absolute": member("/tmp/x"),
    "of another system": member(r"..\x"),
    "of a drive": member("C:x"),
    "a link to a file": member("a", tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": member("a", tarfile.LNKTYPE, "../x"),
    "a link to a folder": member("a", tarfile.SYMTYPE, ".."),
    "a pipe": member("a", tarfile.FIFOTYPE),
    "a device": member("a", tarfile.CHRTYPE),
    "a folder above": member("../x", tarfile.DIRTYPE),
    "an escape code": member("a\x1b[31m"),
    "a line break": member("a\nb"),
    "a turned direction": member("a\u202egnp"),
    "no UTF-8": member("a\udcff"),
}


@pytest.mark.parametrize("kind", MEMBERS)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_an_archive_that_lead_elsewhere_are_refused(tmp_path, kind, form):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        tar.addfile(MEMBERS[kind])
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    with pytest.raises(InputError, match="refused") as caught:
        unpack(tmp_path / "a.tar", tmp_path / "into")
    assert str(caught.value).isprintable()
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_a_link_is_not_written_through(tmp_path):
    content = archive(link=member("into", tarfile.SYMTYPE, ".."), **{"into/x": b"1"})
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match="is a link"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "folder")
    assert not list(tmp_path.rglob("x"))


@pytest.fixture
def saved(tmp_path):
    """Two folders with a checkpoint each."""
    for number, name in enumerate(("own", "other")):
        (tmp_path / name).mkdir()
        write_checkpoint(tmp_path / name / "a.ckpt", {"v": np.full([2], number, np.float32)})
    return tmp_path


def test_a_folders_note_of_its_checkpoint_leads_into_the_folder(saved):
    note = saved / "own" / "checkpoint"
    for inside in ("a.ckpt", str(saved / "own" / "a.ckpt")):
        note.write_text(f'model_checkpoint_path: "{inside}"\n')
        assert CheckpointReader(saved / "own").value("v")[0] == 0
    for elsewhere in ("../other/a.ckpt", str(saved / "other" / "a.ckpt")):
        note.write_text(f'model_checkpoint_path: "{elsewhere}"\n')
        with pytest.raises(InputError, match="which lies elsewhere; give the prefix"):
            CheckpointReader(saved / "own")
    for nowhere in ("/etc/passwd", "\\033[31m", "gs://bucket/a.ckpt", "a\\nb"):
        note.write_text(f'model_checkpoint_path: "{nowhere}"\n')
        with pytest.raises(InputError) as caught:
            CheckpointReader(saved / "own")
        assert str(caught.value).isprintable()


def test_what_a_server_says_is_printable(tmp_path, monkeypatch):
    with running_server(monkeypatch) as server:
        handler = server.RequestHandlerClass
        monkeypatch.setattr(
            handler, "do_GET", lambda self: self.send_response(403, "\x1b[2Jno\x9b") or self.end_headers()
        )
        with pytest.raises(InputError, match="answers 403") as caught:
            transfer(server.url("model.ckpt"), tmp_path / "a", progress=False, pause_s=0.01)
        assert str(caught.value).isprintable()
