"""One file from a server, whole in spite of it; and archives unpacked with care."""

import hashlib
import io
import json
import os
import socket
import tarfile

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.weights.transfer import transfer
from model_metamers.weights.unpacking import unpack
from tests.builders.local_server import CONTENT, DIGEST, archive, running_server


@pytest.fixture
def server(monkeypatch):
    with running_server(monkeypatch) as server:
        yield server


def get(url, path, **options) -> str:
    return transfer(url, path, progress=False, pause_s=0.01, **options)


def odd(kind, name="odd", target="") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


# --- transfer


@pytest.mark.parametrize("seed", range(3))
def test_download_interrupted_at_random_five_times_completes(tmp_path, server, seed):
    random = np.random.RandomState(seed)
    server.cuts = [int(cut) for cut in random.randint(1, len(CONTENT) // 6, 5)]
    assert get(server.url("model.ckpt"), tmp_path / "m", size=len(CONTENT)) == DIGEST
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert len(server.requests) == 6
    starts = [int(wanted[6:-1] or 0) if wanted else 0 for _, wanted in server.requests]
    assert starts == sorted(set(starts)) and starts[-1] > 0  # each went on where the last one broke
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


def test_server_without_ranges_starts_over(tmp_path, server):
    server.ranges, server.cuts = False, [1_000_000, 2_000_000]
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST
    assert len(server.requests) == 3


def test_later_run_continues_and_a_changed_file_starts_over(tmp_path, server):
    server.cuts = [1_000_000] + [0] * 5
    with pytest.raises(InputError, match="bytes are kept and the same command continues"):
        get(server.url("model.ckpt"), tmp_path / "m")
    kept = (tmp_path / "m.part").stat().st_size
    assert 0 < kept <= 1_000_000
    server.requests.clear()
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST
    assert server.requests == [("model.ckpt", f"bytes={kept}-")]

    server.cuts = [1_000_000] + [0] * 5
    with pytest.raises(InputError):
        get(server.url("model.ckpt"), tmp_path / "n")
    server.files["model.ckpt"] = CONTENT[::-1]
    assert get(server.url("model.ckpt"), tmp_path / "n") == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_part_of_another_url_is_not_continued(tmp_path, server):
    server.files["other.ckpt"] = CONTENT[::-1]
    server.cuts = [1_000_000] + [0] * 5
    with pytest.raises(InputError):
        get(server.url("other.ckpt"), tmp_path / "m")
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST


def test_whole_part_is_taken_as_it_is(tmp_path, server):
    """Killed between the last byte and the rename."""
    (tmp_path / "m.part").write_bytes(CONTENT)
    (tmp_path / "m.part.json").write_text(json.dumps({"url": server.url("model.ckpt"), "validator": ""}))
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST
    assert len(server.requests) == 1


def test_part_longer_than_the_file_is_dropped(tmp_path, server):
    (tmp_path / "m.part").write_bytes(CONTENT + b"x")
    (tmp_path / "m.part.json").write_text(json.dumps({"url": server.url("model.ckpt"), "validator": ""}))
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST


def test_busy_server_is_asked_again(tmp_path, server):
    server.busy = 3
    assert get(server.url("model.ckpt"), tmp_path / "m") == DIGEST
    server.busy = 99
    with pytest.raises(InputError, match="status 503"):
        get(server.url("model.ckpt"), tmp_path / "n")
    assert server.busy == 99 - 5


def test_server_without_lengths(tmp_path, server):
    server.lengths = False
    assert get(server.url("model.ckpt"), tmp_path / "m", size=len(CONTENT)) == DIGEST


def test_missing_file_wrong_size_and_no_server_are_refused(tmp_path, server):
    with pytest.raises(InputError, match="the server answers 404"):
        get(server.url("none"), tmp_path / "m")
    with pytest.raises(InputError, match="expected 7 bytes, the server has 3000000"):
        get(server.url("model.ckpt"), tmp_path / "m", size=7)
    server.lengths = False
    with pytest.raises(InputError, match="more bytes come than announced; nothing was kept"):
        get(server.url("model.ckpt"), tmp_path / "m", size=7)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(InputError, match="no connection"):
        get(f"http://127.0.0.1:{port}/x", tmp_path / "m")
    with pytest.raises(InputError, match="no such file"):
        get(str(tmp_path / "none"), tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_local_file_is_copied(tmp_path, scheme):
    (tmp_path / "here").write_bytes(CONTENT)
    assert get(f"{scheme}{tmp_path / 'here'}", tmp_path / "m") == DIGEST
    assert (tmp_path / "m").read_bytes() == CONTENT


# --- unpacking


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../escaped"),
        tarfile.TarInfo("a/../../escaped"),
        tarfile.TarInfo("/tmp/escaped"),
        tarfile.TarInfo("..\\escaped"),
        tarfile.TarInfo("C:escaped"),
        odd(tarfile.SYMTYPE, target="../../outside"),
        odd(tarfile.SYMTYPE, target="inside"),
        odd(tarfile.LNKTYPE, target="/etc/passwd"),
        odd(tarfile.CHRTYPE),
        odd(tarfile.BLKTYPE),
        odd(tarfile.FIFOTYPE),
    ],
    ids=lambda m: f"{m.type.decode()}-{m.name}",
)
def test_archive_that_leaves_its_folder_is_refused(tmp_path, member):
    (tmp_path / "a.tar.gz").write_bytes(archive(good=b"1", odd=member))
    with pytest.raises(InputError, match="refused"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "in" / "folder")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.tar.gz"]


def test_archive_that_is_too_large_or_damaged_is_refused(tmp_path):
    good = archive(a=b"1" * 600, b=os.urandom(5000))
    (tmp_path / "a.tar.gz").write_bytes(good)
    with pytest.raises(InputError, match="more than 5000 bytes"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "f", most_bytes=5000)
    for damaged in (good[:3000], b"", b"no archive", good[:2000] + b"xxxx" + good[2004:]):
        (tmp_path / "a.tar.gz").write_bytes(damaged)
        with pytest.raises(InputError, match="damaged"):
            unpack(tmp_path / "a.tar.gz", tmp_path / "f")
        assert not (tmp_path / "f").exists()
    twice = io.BytesIO()
    with tarfile.open(fileobj=twice, mode="w") as tar:
        for _ in range(2):
            tar.addfile(tarfile.TarInfo("same"))
    (tmp_path / "a.tar").write_bytes(twice.getvalue())
    with pytest.raises(InputError):
        unpack(tmp_path / "a.tar", tmp_path / "f")


def test_unpacked_files_are_plain(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(archive(**{"./d/e/model.ckpt.index": b"1", "d/x": b"22"}))
    unpack(tmp_path / "a.tar.gz", tmp_path / "f")
    assert (tmp_path / "f" / "d" / "e" / "model.ckpt.index").read_bytes() == b"1"
    assert (tmp_path / "f" / "d" / "x").stat().st_mode & 0o111 == 0
