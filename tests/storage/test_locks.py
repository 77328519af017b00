"""One writer a folder: who is told what, and what is left of a lock."""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from model_metamers.errors import InUseError, StorageError
from model_metamers.storage import locks, whole
from model_metamers.storage.claims import claim_folder
from tests.builders.holders import holding

_PROCESSES = multiprocessing.get_context("fork")


def kill(process):
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_writes_and_the_lock_goes_with_its_holder(tmp_path):
    folder = tmp_path / "deep" / "a"
    with holding(folder) as process:
        told = f"{folder}: is written to by process {process.pid} of {os.uname().nodename} since "
        with pytest.raises(InUseError) as error, locks.hold(folder):
            pass
        assert str(error.value).startswith(told)
        assert str(error.value).endswith("; wait until it ends, or choose another folder")
        assert "\n" not in str(error.value)
        assert locks.held(folder) == ["run"]
    assert list(folder.iterdir()) == [] and locks.held(folder) == []
    with locks.hold(folder):
        assert [path.name for path in folder.iterdir()] == [".run.lock"]
    assert list(folder.iterdir()) == []


def test_the_lock_of_a_killed_process_is_free_at_once_and_what_it_left_is_removed(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    with holding(tmp_path) as process:
        left = deep / f".x.txt-{whole.machine()}-{process.pid}-00000000.partial.txt"
        left.write_text("half")
        (deep / f".y-{whole.machine()}-{process.pid}-00000000.partial").mkdir()
        (deep / f".z-{whole.machine()}-{os.getpid()}-00000000.partial").write_text("of a living one")
        kill(process)
    assert (tmp_path / ".run.lock").exists()
    with locks.hold(tmp_path):
        assert [path.name[:3] for path in deep.iterdir()] == [".z-"]
    assert not (tmp_path / ".run.lock").exists()


def test_what_a_killed_process_of_another_machine_left_is_removed_too(tmp_path):
    (tmp_path / ".run.lock").write_text('{"machine": "0123abcd", "host": "b", "process": 7, "start": 1.5}')
    for process in (7, 8):
        (tmp_path / f".x-0123abcd-{process}-00000000.partial").write_text("half")
    with locks.hold(tmp_path):
        assert [path.name[:13] for path in tmp_path.glob("*.partial")] == [".x-0123abcd-8"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"machine": 1}', b"\xff" * 9000, b'"text"'])
def test_a_lock_that_names_nobody_is_taken_over(tmp_path, content):
    (tmp_path / ".run.lock").write_bytes(content)
    with locks.hold(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_process_may_hold_a_folder_again_but_its_child_does_not(tmp_path):
    with locks.hold(tmp_path) as outer, locks.hold(tmp_path / ".." / tmp_path.name) as inner:
        assert outer == inner
        claim_folder(tmp_path, {"x": 1})
        assert (tmp_path / ".run.lock").exists()
        queue = _PROCESSES.Queue()
        child = _PROCESSES.Process(target=_try, args=(tmp_path, queue))
        child.start()
        assert f"process {os.getpid()} of" in queue.get(timeout=30)
        child.join()
        assert (tmp_path / ".run.lock").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["settings.json"]


def _try(folder, queue):
    try:
        with locks.hold(folder):
            queue.put("held")
    except InUseError as error:
        queue.put(str(error))


def test_what_is_written_apart_is_locked_apart(tmp_path):
    with holding(tmp_path, "shard-0-of-2"), locks.hold(tmp_path, "shard-1-of-2"):
        assert locks.held(tmp_path) == ["shard-0-of-2"]  # of others


def test_waiting_for_a_holder_that_ends(tmp_path):
    with holding(tmp_path) as process:
        waiting = _PROCESSES.Process(target=_append_held, args=(tmp_path, True))
        waiting.start()
        time.sleep(0.2)
        assert not (tmp_path / "log").exists()
        kill(process)
        waiting.join(30)
    assert (tmp_path / "log").read_text() == "begun ended "


def _append_held(folder, wait, turns=1):
    for _ in range(turns):
        with (
            contextlib.suppress(InUseError),
            locks.hold(folder, wait=wait),
            (folder / "log").open("a") as log,
        ):
            print("begun", end=" ", file=log, flush=True)
            time.sleep(0.0005)
            print("ended", end=" ", file=log, flush=True)


@pytest.mark.parametrize("wait", [True, False])
def test_never_two_at_once_though_the_file_comes_and_goes(tmp_path, wait):
    workers = [_PROCESSES.Process(target=_append_held, args=(tmp_path, wait, 60)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    words = (tmp_path / "log").read_text().split()
    assert words == ["begun", "ended"] * (len(words) // 2) and (not wait or len(words) == 2 * 240)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("name", ["set", "x" * 255, "ü" * 127, ".hidden"])
def test_a_place_is_kept_for_what_is_to_appear_whole(tmp_path, name):
    place = tmp_path / "sets" / name
    with locks.hold_place(place):
        assert not place.exists() and len(list(place.parent.iterdir())) == 1
        queue = _PROCESSES.Queue()
        child = _PROCESSES.Process(target=_try_place, args=(place, queue))
        child.start()
        assert queue.get(timeout=30).startswith(f"{place}: is written to by process {os.getpid()} of ")
        child.join()
    assert list(place.parent.iterdir()) == []


def _try_place(place, queue):
    try:
        with locks.hold_place(place):
            queue.put("held")
    except InUseError as error:
        queue.put(str(error))


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_of_the_file_system_a_machine_keeps_its_own(tmp_path, monkeypatch, code):
    flock, folder, temporary = fcntl.flock, tmp_path / "a", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(temporary))

    def only_there(descriptor, how):
        if not os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(temporary)):
            raise OSError(code, os.strerror(code))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", only_there)
    own, pipe = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=_hold_patched, args=(folder, pipe))
    process.start()
    assert own.recv() == "held"
    with pytest.raises(InUseError, match=f"process {process.pid} of"), locks.hold(folder):
        pass
    process.kill()
    process.join()
    with locks.hold(folder):
        assert list(folder.iterdir()) == []
    assert list(temporary.iterdir()) == []
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(folder))
    with pytest.raises(StorageError, match="cannot be locked"), locks.hold(folder):
        pass


def _hold_patched(folder, pipe):
    with locks.hold(folder):
        pipe.send("held")
        time.sleep(60)


def test_what_cannot_be_locked_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a file stands where"), locks.hold(tmp_path / "file"):
        pass
    (tmp_path / ".run.lock").symlink_to(tmp_path / "file")  # is not followed
    with pytest.raises(StorageError, match="cannot be written"), locks.hold(tmp_path):
        pass


def test_a_program_that_inherits_the_lock_holds_it_on(tmp_path):
    code = (
        "import subprocess, sys, time; from model_metamers.storage.locks import hold\n"
        "with hold(sys.argv[1]) as lock:\n"
        "    subprocess.Popen(['sleep', '60'], pass_fds=[lock]); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout.readline() == b"held\n"
    process.kill()
    process.wait()
    with pytest.raises(InUseError, match=f"process {process.pid} of"), locks.hold(tmp_path):
        pass
    os.killpg(process.pid, signal.SIGKILL)
    with locks.hold(tmp_path, wait=True):
        pass


# In a process of its own, since modules that are loaded stay.
WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None
from model_metamers_experiments import reproduce_paper
from model_metamers.errors import StorageError
from model_metamers.storage.locks import hold
try:
    with hold(sys.argv[1]):
        pass
except StorageError as error:
    print(error)
"""


def test_all_can_be_imported_where_there_is_no_fcntl(tmp_path):
    given = [sys.executable, "-c", WITHOUT_FCNTL, str(tmp_path)]
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("cannot be locked, as this system has no flock; use Linux, macOS or WSL\n")
