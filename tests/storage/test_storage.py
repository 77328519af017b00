"""Files and folders are written whole or not at all, and known by their content."""

import errno
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from model_metamers.errors import InputError, StorageError
from model_metamers.storage import digests, reading, whole, writing
from model_metamers.storage.claims import claim_folder


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    writing.write_text(path, "first")
    with pytest.raises(KeyError), whole.whole_file(path) as partial:
        partial.write_text("half of the sec")
        assert path.read_text() == "first"
        raise KeyError
    assert path.read_text() == "first" and _names(tmp_path) == ["a.txt"]


def test_a_folder_is_there_whole_or_not_at_all_and_never_replaced(tmp_path):
    folder = tmp_path / "deep" / "a"
    with pytest.raises(KeyError), whole.whole_folder(folder) as partial:
        (partial / "x").write_text("x")
        raise KeyError
    assert _names(tmp_path / "deep") == []
    with whole.whole_folder(folder) as partial:
        (partial / "x").write_text("x")
        assert not folder.exists()
    assert _names(folder) == ["x"]
    with pytest.raises(InputError, match="exists already"), whole.whole_folder(folder):
        pass


def test_the_second_of_two_writers_of_a_folder_is_told(tmp_path):
    with pytest.raises(InputError, match="written meanwhile"), whole.whole_folder(tmp_path / "a") as slow:
        (slow / "x").write_text("slow")
        with whole.whole_folder(tmp_path / "a") as fast:
            (fast / "x").write_text("fast")
    assert (tmp_path / "a" / "x").read_text() == "fast" and _names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "a" * 251 + ".npz", "x." + "e" * 253])
def test_the_longest_names_can_be_written(tmp_path, name):
    writing.write_text(tmp_path / name, "text")
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["n" * 256, "ü" * 128])
def test_too_long_a_name_is_told(tmp_path, name):
    with pytest.raises(StorageError, match="too long; at most 255 bytes"):
        writing.write_text(tmp_path / name, "text")
    assert _names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path, number):
    writing.write_text(tmp_path / "a.txt", "before")
    with pytest.raises(StorageError, match="disk is full"), whole.whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise OSError(number, "full")
    assert (tmp_path / "a.txt").read_text() == "before" and _names(tmp_path) == ["a.txt"]


def test_a_truly_full_disk_is_told():
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StorageError, match="disk is full"), whole.explained("/dev/full"):
        Path("/dev/full").write_text("x" * 100_000)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(StorageError, match="its folder is gone"):
        writing.write_json(tmp_path / "none" / "a.json", {})


def _write_often(path, text):
    for _ in range(200):
        writing.write_text(path, text * 10_000)


def test_two_processes_write_one_file_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write_often, args=(tmp_path / "a", text)) for text in "xyz"]
    for worker in workers:
        worker.start()
    seen = set()
    while any(worker.is_alive() for worker in workers):
        if (tmp_path / "a").exists():
            seen.add((tmp_path / "a").read_text())
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert seen <= {text * 10_000 for text in "xyz"} and _names(tmp_path) == ["a"]


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_kept(tmp_path):
    code = (
        "import os, sys; from model_metamers.storage import whole\n"
        "with whole.whole_file(sys.argv[1]) as p: p.write_text('half'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False)
    assert len(_names(tmp_path)) == 1
    living = tmp_path / f".b-{whole.machine()}-{os.getpid()}-00000000.partial"
    elsewhere = tmp_path / ".c-ffffffff-1-00000000.partial.npz"
    old = tmp_path / ".d-ffffffff-1-00000000.partial"
    for path in (living, elsewhere, old):
        path.write_text("half")
    week = time.time() - 8 * 24 * 3600
    os.utime(old, (week, week))
    writing.write_text(tmp_path / "a.txt", "whole")
    assert _names(tmp_path) == sorted([living.name, elsewhere.name, "a.txt"])


def test_json_has_null_for_what_it_lacks(tmp_path):
    writing.write_json(tmp_path / "a.json", {"a": float("nan"), "b": [np.inf, 1.5], "c": (None, "ü")})
    assert reading.read_json(tmp_path / "a.json") == {"a": None, "b": [None, 1.5], "c": [None, "ü"]}


def test_arrays_come_back_to_the_bit(tmp_path):
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.asfortranarray(np.eye(3)),
        "c": np.array("text"),
        "d": np.zeros([0, 4]),
        "e": np.array(["a", "bcd"]),
    }
    writing.write_arrays(tmp_path / "a.npz", arrays)
    for name, value in reading.read_arrays(tmp_path / "a.npz").items():
        assert value.dtype == arrays[name].dtype
        np.testing.assert_array_equal(value, arrays[name])
    writing.write_array(tmp_path / "a.npy", arrays["b"])
    np.testing.assert_array_equal(reading.read_array(tmp_path / "a.npy"), arrays["b"])


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(-1,)", "(3, 1000000000)"])
def test_a_header_that_claims_more_than_the_file_holds_is_refused(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 24
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match="no readable"):
        reading.read_array(tmp_path / "a.npy")


def test_arrays_of_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], object))
    with pytest.raises(InputError, match="an array of object"):
        reading.read_arrays(tmp_path / "a.npz")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(digests, "_SETTLED_NS", -(10**18))  # files of this very moment are kept too


def test_digests_of_files_follow_content_and_nothing_else(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    first = digests.file_digests([a, b])
    assert digests.file_digests([a, b]) == first
    os.utime(a)  # touched
    assert digests.file_digests([a, b]) == first
    a.rename(tmp_path / "c")
    assert digests.file_digests([tmp_path / "c", b]) == first
    status = b.stat()
    b.write_bytes(b"owt")  # replaced by another of the same length, and of the same time
    os.utime(b, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digests.file_digests([tmp_path / "c", b])[1] == digests.file_digest(b) != first[1]


def test_digests_come_from_the_cache(tmp_path, monkeypatch):
    paths = [tmp_path / f"{i}" for i in range(20)]
    for i, path in enumerate(paths):
        path.write_text(str(i))
    first = digests.file_digests(paths)
    monkeypatch.setattr(digests, "file_digest", lambda path: pytest.fail(f"{path} was read again"))
    assert digests.file_digests(paths) == first


def test_a_file_changed_within_the_clocks_tick_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "_SETTLED_NS", 10**18)
    (tmp_path / "a").write_text("a")
    digests.file_digests([tmp_path / "a"])
    read = []
    monkeypatch.setattr(digests, "file_digest", lambda path: read.append(path) or "d")
    digests.file_digests([tmp_path / "a"])
    assert read == [tmp_path / "a"]


@pytest.mark.parametrize("spoil", ["a file", "no database"])
def test_without_a_cache_files_are_read(tmp_path, monkeypatch, spoil):
    home = tmp_path / "home"
    if spoil == "a file":
        home.write_text("")
    else:
        (home / "model_metamers").mkdir(parents=True)
        (home / "model_metamers" / "digests.sqlite").write_text("no database" * 100)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digests.file_digests([tmp_path / "a"]) == [known]


def test_a_missing_file_has_no_digest(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        digests.file_digests([tmp_path / "none"])


def test_a_folder_is_claimed_for_one_kind_of_settings(tmp_path):
    claim_folder(tmp_path / "a", {"x": 1, "y": (1, 2)})
    claim_folder(tmp_path / "a", {"x": 1, "y": [1, 2]})
    with pytest.raises(InputError, match="x=1 there, 2 now"):
        claim_folder(tmp_path / "a", {"x": 2})
    with pytest.raises(InputError, match="resume it"):
        claim_folder(tmp_path / "a", {"x": 1}, resume=False)
    with pytest.raises(InputError, match=r"y=\[1, 2\] there, None now"):
        claim_folder(tmp_path / "a", {"x": 1}, every_key=True)


@pytest.mark.parametrize("content", ["", "[]", "{", "\xff"])
def test_damaged_settings_are_refused(tmp_path, content):
    (tmp_path / "settings.json").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="settings"):
        claim_folder(tmp_path, {"x": 1})


def _claim(folder, number, barrier, queue):
    barrier.wait()
    try:
        claim_folder(folder, {"number": number})
        queue.put(number)
    except InputError:
        queue.put(None)


def test_of_two_claims_at_once_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    for turn in range(20):
        barrier, queue = context.Barrier(3), context.Queue()
        folder = tmp_path / str(turn)
        workers = [context.Process(target=_claim, args=(folder, i, barrier, queue)) for i in range(3)]
        for worker in workers:
            worker.start()
        told = [queue.get(timeout=30) for _ in workers]
        for worker in workers:
            worker.join()
        won = [number for number in told if number is not None]
        assert won == [reading.read_json(folder / "settings.json")["number"]]
