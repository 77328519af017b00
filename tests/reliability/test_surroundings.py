"""make_metamers while its surroundings fail in mid-search: the line, what is left, and that it goes on.

`pytest -s` prints a row for each: what happened, the line that was told, and what lay in the folder then.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import binaries, disks

# Does something to the program, or to its folder, as soon as the first state of a search is saved.
PROGRAM = """
import os, runpy, shutil, signal, sys, threading, time
from pathlib import Path
what, out = sys.argv[1], Path(sys.argv[2])
def watch():
    while not list(out.rglob(".search-*.npz")):
        time.sleep(0.005)
    if what == "ctrl_c":
        os.kill(os.getpid(), signal.SIGINT)
    elif what == "removed":
        shutil.rmtree(out)
    elif what == "clock_back":
        real = time.time
        time.time = lambda: real() - 30 * 86400
threading.Thread(target=watch, daemon=True).start()
sys.argv = ["make_metamers", *sys.argv[3:]]
runpy.run_module("model_metamers_experiments.make_metamers", run_name="__main__", alter_sys=True)
"""
FLAGS = (
    *("--network=vgg_19_small", "--layers=conv1_1,fc7", "--iterations=120", "--save_every=2"),
    *("--batch_size=2", "--noprogress"),
)
ROOM = 100_000  # kilobytes, more than it takes
# What is told, the status, and how many kilobytes the disk has at first.
CASES = {
    "ctrl_c": ("stopped; what was done is kept, and the same command continues", 130, ROOM),
    "removed": ("its folder is gone: was it removed, or a disk unmounted?", 2, ROOM),
    "read_only": ("the disk can only be read; choose another folder", 2, ROOM),
    "full_disk": ("the disk is full; free some space and repeat the command", 2, 120),
    "clock_back": (None, 0, ROOM),
}
KINDS = ("metamer.npz", "metamer.json", "metamer.png", "null.npz", "settings.json", "report.html")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(4):
        pixels = np.random.RandomState(i).randint(0, 256, [32, 32, 3], np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "disk"
    done = binaries.run("make_metamers", *FLAGS, f"--inputs={photos}", "--out=out", cwd=_made(folder))
    assert done.returncode == 0, done.stderr
    return results(folder)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def results(folder: Path) -> dict[str, bytes]:
    there = disks.contents(folder)
    return {name: content for name, content in there.items() if Path(name).name in KINDS}


@pytest.mark.slow
@pytest.mark.parametrize("what", CASES)
def test_one_line_is_told_and_the_same_command_ends_with_the_same_bytes(what, photos, undisturbed, tmp_path):
    told, status, room = CASES[what]
    with disks.small_disk(tmp_path / "disk", room) as disk:
        flags = (*FLAGS, f"--inputs={photos}", f"--out={disk}/out")
        if what == "read_only":  # no disk can be made so while a program writes there: after it was stopped
            assert binaries.run_program(PROGRAM, "ctrl_c", f"{disk}/out", *flags).returncode == 130
            disks.make_read_only(disk)
        ended = binaries.run_program(PROGRAM, what, f"{disk}/out", *flags)
        lines = [line for line in ended.stderr.splitlines() if "cuInit" not in line]
        left = sorted(Path(name).name.replace(".search-", "state ") for name in disks.contents(disk))
        print(f"\n{what} | status {ended.returncode} | {' / '.join(lines) or '-'} | {left}")
        assert ended.returncode == status, ended.stderr
        assert len(lines) == (told is not None) and (told is None or told in lines[0]), lines
        assert not any(".partial" in name for name in disks.contents(disk))
        disks.resize(disk, ROOM)
        again = binaries.run("make_metamers", *FLAGS, f"--inputs={photos}", "--out=out", cwd=disk)
        assert again.returncode == 0, again.stderr
        assert results(disk) == undisturbed
        assert not any(".search-" in name or ".lock" in name for name in disks.contents(disk))
