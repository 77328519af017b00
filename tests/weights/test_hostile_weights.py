"""Pickles and archives made to take memory or time: each is refused in little of both."""

import gzip
import pickle
import tarfile
from pathlib import Path

import pytest

from tests.readers.refusing import refuse

# --- pickles


def shared(levels: int, make=lambda inner: (inner, inner)):
    value = ("x",)
    for _ in range(levels):
        value = make(value)
    return value


# What is read as a key of a dict; Python could not make such a dict either.
KEY = b"U\x01x\x85" + b"2\x86" * 60


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (lambda: b"}" + KEY + b"K\x01s.", "neither a text nor an integer"),
        (lambda: b"}(" + KEY + b"K\x01u.", "neither a text nor an integer"),
        (lambda: b"(" + KEY + b"K\x01d.", "neither a text nor an integer"),
        (lambda: b"ccollections\nOrderedDict\n(((" + KEY + b"K\x01tltR.", "neither a text nor an integer"),
        (lambda: pickle.dumps({"graph_architecture": shared(60)}), "more than 100000 values"),
        (lambda: pickle.dumps({"a": shared(40, lambda inner: [inner] * 9)}), "more than 100000 values"),
        (lambda: pickle.dumps({"a": shared(18, lambda inner: {"a": inner, "b": inner})}), "more than 100000"),
        (lambda: pickle.dumps({(2**61 - 1) * 8 * k: k for k in range(1, 9000)}), "LONG1"),
        (lambda: pickle.dumps({"a": frozenset([1])}, 4), "FROZENSET"),
        (lambda: pickle.dumps({"a": {1}}, 4), "EMPTY_SET"),
        (lambda: pickle.dumps([2 ** (8 * 10_000)]), "LONG4"),
        (lambda: pickle.dumps({"x" * 300_000: 1}), "at most 262144 are read"),
    ],
)
def test_pickles_of_what_has_no_end_are_refused(tmp_path, content, match):
    (tmp_path / "a.pckl").write_bytes(content())
    refuse("pickle", tmp_path / "a.pckl", match)


@pytest.mark.parametrize(
    "body",
    [
        b"(" + b"ccollections\nOrderedDict\nq\x00(" + b"].e" + b".",
        b"(lq\x01"
        + b"(K\x01K\x02ta" * 9000
        + b"0ccollections\nOrderedDict\nq\x02"
        + b"h\x02(h\x01tR" * 9000
        + b".",
        b"c_codecs\nencode\nq\x00(U\xff"
        + b"a" * 255
        + b"S'latin1'\ntq\x010"
        + b"h\x00h\x01R" * 50_000
        + b".",
        b"caudio_cnn_helpers\nf\nq\x00(" + b"N" * 100_000 + b"tq\x010" + b"h\x00h\x01R" * 30_000 + b".",
        b"]q\x00h\x00a.",  # a list that holds itself
        b"}" * 200_000 + b".",
    ],
)
def test_pickles_that_copy_again_and_again_are_refused(tmp_path, body):
    (tmp_path / "a.pckl").write_bytes(body)
    refuse("pickle", tmp_path / "a.pckl")


# --- archives


def packed_tar(path: Path, *headers: tuple[tarfile.TarInfo, int]) -> Path:
    """Headers, each followed by so many zeros, as a tar within gzip."""
    with gzip.open(path, "wb", 1) as file:
        for member, zeros in headers:
            file.write(member.tobuf(tarfile.GNU_FORMAT))
            for _ in range(zeros >> 20):
                file.write(bytes(1 << 20))
    return path


def member(name: str, kind: bytes, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    return made


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_a_header_of_gigabytes_in_an_archive_is_refused(tmp_path, kind):
    path = packed_tar(tmp_path / "a.tar.gz", (member("x", kind, 4 << 30), 64 << 20))
    refuse("archive", path, "a header of 4294967296 bytes")


def test_a_member_of_terabytes_or_with_holes_is_refused(tmp_path):
    refuse(
        "archive", packed_tar(tmp_path / "a.tar.gz", (member("x", tarfile.REGTYPE, 1 << 40), 0)), "refused"
    )
    refuse("archive", packed_tar(tmp_path / "b.tar.gz", (member("x", b"S", 1 << 40), 0)), "a file with holes")
    holes = tarfile.TarInfo("x")
    holes.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(1 << 40),
    }
    with gzip.open(tmp_path / "c.tar.gz", "wb", 1) as file:
        holes.size = 64 << 20
        file.write(holes.tobuf(tarfile.PAX_FORMAT) + bytes(64 << 20))
    refuse("archive", tmp_path / "c.tar.gz", "a file with holes")


def test_headers_upon_headers_and_very_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("model_metamers.weights.unpacking._MOST_MEMBERS", 100)
    facts = tarfile.TarInfo("x")
    facts.pax_headers = {"comment": "x"}
    header = facts.tobuf(tarfile.PAX_FORMAT)[:1024]
    (tmp_path / "a.tar").write_bytes(header * 5000)
    refuse("archive", tmp_path / "a.tar", "damaged")
    (tmp_path / "b.tar").write_bytes(b"".join(tarfile.TarInfo(f"{i}").tobuf() for i in range(101)))
    refuse("archive", tmp_path / "b.tar", "100 members; refused")


def test_gigabytes_behind_the_last_member_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("model_metamers.weights.unpacking._MOST_MEMBERS", 10)
    monkeypatch.setattr("model_metamers.weights.unpacking._ALWAYS", 1 << 20)
    refuse(
        "archive",
        packed_tar(tmp_path / "a.tar.gz", (tarfile.TarInfo("x"), 64 << 20)),
        "far more than its own",
    )
