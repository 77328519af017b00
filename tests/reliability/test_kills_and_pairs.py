"""Programs that are killed anywhere, and two that write to one folder at once.

RELIABILITY_TRIALS says how many kills and how many pairs of each program; a count is printed as
they go (`pytest -s`). Afterwards the command is given once more: then the folder holds the bytes of
a run that nobody disturbed, and nothing else, hidden files included.
"""

import collections
import dataclasses
import os
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.builders import binaries
from tests.builders.fork_server import Ended, ForkServer

TRIALS = int(os.environ.get("RELIABILITY_TRIALS", "6"))
SEED = int(os.environ.get("RELIABILITY_SEED", "0"))
pytestmark = pytest.mark.slow

# What may be said to the second of two.
REASONS = ("is written to by process", "with other settings", "exists already", "holds a run already")


@dataclasses.dataclass(frozen=True)
class Program:
    """What is started, from a folder in which it writes `out`.

    Attributes:
      binary: its module's name.
      flags: of the undisturbed run.
      pairs: pairs of further flags of two that are started at once.
    """

    binary: str
    flags: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


SAME = ("", "")
PROGRAMS = {
    "make_metamers": Program(
        "make_metamers",
        (
            "--network=vgg_19_small",
            "--layers=conv1_1",
            "--inputs={work}/one.png,{work}/two.png",
            "--iterations=4",
            "--save_every=1",
            "--batch_size=1",
        ),
        (SAME, ("", "--seed=1")),
    ),
    "make_metamers, further starts": Program(
        "make_metamers",
        (
            "--network=vgg_19_small",
            "--layers=conv1_1",
            "--inputs={work}/one.png,{work}/two.png",
            "--iterations=4",
            "--save_every=1",
            "--batch_size=2",
            "--starts=3",  # so short a search is always stuck
        ),
        (SAME, ("", "--starts=2")),
    ),
    "make_null_distribution": Program(
        "make_null_distribution",
        (
            "--network=vgg_19_small",
            "--layers=conv1_1",
            "--inputs={work}/classes/class_0,{work}/classes/class_1",
            "--pairs=40",
            "--block_size=4",
        ),
        (SAME, ("--shard=0/2", "--shard=1/2"), ("", "--shard=1/2"), ("", "--seed=1")),
    ),
    "build_image_records": Program(
        "build_image_records", ("--images={work}/classes", "--shards=2"), (SAME, ("", "--seed=1"))
    ),
    "draw_stimuli": Program("draw_stimuli", ("--speech={work}/words", "--words=2"), (SAME, ("", "--seed=1"))),
    "recognize_metamers": Program(
        "recognize_metamers",
        ("--metamers={work}/metamers", "--criteria=none", "--decision=fine", "--bootstrap=20"),
        (SAME,),
    ),
}


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Photographs in two class folders, and a few metamers."""
    folder = tmp_path_factory.mktemp("work")
    for i in range(9):
        path = folder / "classes" / f"class_{i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.RandomState(i).randint(0, 256, [4, 4, 3], np.uint8)
        Image.fromarray(np.kron(pixels, np.ones([8, 8, 1], np.uint8))).save(path)
    for word in ("about", "above", "according"):
        (folder / "words" / word).mkdir(parents=True)
        soundfile.write(folder / "words" / word / "a.wav", np.linspace(-0.5, 0.5, 4000), 20_000)
    for name, i in (("one", 0), ("two", 1)):
        shutil.copy(folder / "classes" / f"class_{i}" / f"{i}.png", folder / f"{name}.png")
    flags = ["--network=vgg_19_small", "--layers=conv1_1,fc7", f"--inputs={folder}/one.png,{folder}/two.png"]
    made = binaries.run("make_metamers", *flags, "--iterations=2", f"--out={folder}/metamers", "--noprogress")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module", params=list(PROGRAMS))
def bench(request, work, tmp_path_factory):
    bench = Bench(PROGRAMS[request.param], work, tmp_path_factory.mktemp("bench"))
    yield bench
    bench.server.close()


class Bench:
    """A program, what it leaves undisturbed, and how long that takes."""

    def __init__(self, program: Program, work: Path, folder: Path):
        self.program, self._folder, self._count = program, folder, 0
        (folder / "logs").mkdir()
        self.server = ForkServer(program.binary, folder / "logs")
        given = [flag.format(work=work) for flag in program.flags]
        self._given = [*given, "--out=out", "--noprogress"]
        self._undisturbed: dict[str, dict[str, bytes]] = {}
        self.new_folder()
        began = time.monotonic()
        ended = self.server.run(self.folder, *self.flags(""))
        self.seconds, self.operations = time.monotonic() - began, ended.operations
        assert ended.status == 0 and self.operations, ended
        self._undisturbed[""] = files_below(self.folder)

    def new_folder(self) -> None:
        """The next start is in an empty folder."""
        if self._count:
            shutil.rmtree(self.folder)
        self._count += 1
        self.folder = self._folder / str(self._count)
        self.folder.mkdir()

    def flags(self, more: str) -> list[str]:
        return [*self._given, *([more] if more else [])]

    def undisturbed(self, more: str) -> dict[str, bytes]:
        """Files of a run with a further flag that nobody disturbed."""
        if more not in self._undisturbed:
            kept, self.folder = self.folder, self._folder / f"undisturbed{more}"
            self.folder.mkdir()
            assert self.server.run(self.folder, *self.flags(more)).status == 0
            self._undisturbed[more], self.folder = files_below(self.folder), kept
        return self._undisturbed[more]

    def finish(self, among: Sequence[str]) -> str:
        """Gives the commands once more; what is wrong then, or nothing."""
        ended = [self.server.run(self.folder, *self.flags(more)) for more in among]
        wrong = [wrong for one in ended if (wrong := wrong_end(one))]
        there = files_below(self.folder)
        if wrong or not any(one.status == 0 or "exists already" in one.told for one in ended):
            return f"afterwards {ended}"
        if there in [self.undisturbed(more) for more in among]:
            return ""
        whole = self.undisturbed(among[0])
        other = {name for name in there.keys() & whole.keys() if there[name] != whole[name]}
        return f"stray {there.keys() - whole.keys()}, lost {whole.keys() - there.keys()}, other bytes {other}"


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, and every folder."""
    found = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    return {path.relative_to(folder).as_posix(): content for path, content in found.items()}


def wrong_end(ended: Ended) -> str:
    """What is wrong with an end: another than one by a kill, a good one, or one line with a reason."""
    if ended.status in (0, -9):
        return ""
    lines = ended.told.strip().splitlines()
    told = ended.status == 2 and len(lines) == 1 and any(reason in lines[0] for reason in REASONS)
    return "" if told else f"{ended}"


def report(bench: Bench, what: str, counts: collections.Counter, problems: Sequence[str]) -> None:
    print(f"{bench.program.binary}: {what}: {dict(counts)}, broken: {len(problems)}", flush=True)
    for problem in problems:
        print(f"  {problem}", flush=True)


def test_killed_anywhere_and_given_again_it_ends_with_the_same_bytes(bench):
    draws, counts, problems = random.Random(SEED), collections.Counter(), []
    for trial in range(TRIALS):
        bench.new_folder()
        moments = []
        for _ in range(draws.choice((1, 1, 2))):
            if draws.random() < 0.5:
                operation, after = draws.randint(1, bench.operations), draws.random() < 0.5
                moments.append(f"{'after' if after else 'before'} operation {operation}")
                ended = bench.server.run(bench.folder, *bench.flags(""), kill_at=operation, after=after)
            else:
                moments.append(f"after {(delay := draws.uniform(0, 1.1 * bench.seconds)):.3f} s")
                started = bench.server.start(bench.folder, *bench.flags(""))
                time.sleep(delay)
                started.kill()
                ended = started.wait()
            counts["killed" if ended.status == -9 else "had ended"] += 1
            if wrong := wrong_end(ended):
                problems.append(f"{trial}, {moments}: {wrong}")
        if wrong := bench.finish([""]):
            problems.append(f"{trial}, {moments}: {wrong}")
        counts["trials"] += 1
        if trial % 10 == 9 or wrong:
            report(bench, "kills", counts, problems[-1:])
    report(bench, "kills", counts, problems)
    assert not problems
    assert counts["killed"] > TRIALS // 2


def test_of_two_at_once_each_does_its_work_or_is_told_why(bench):
    draws, counts, problems = random.Random(SEED + 1), collections.Counter(), []
    for trial in range(TRIALS):
        bench.new_folder()
        pair = bench.program.pairs[trial % len(bench.program.pairs)]
        apart = draws.uniform(0, 0.5 * bench.seconds) * draws.choice((0, 1))
        killed, at = draws.choice((None, 0, 1)), draws.uniform(0.2, 1.2) * bench.seconds
        first = bench.server.start(bench.folder, *bench.flags(pair[0]))
        time.sleep(apart)
        second = bench.server.start(bench.folder, *bench.flags(pair[1]))
        if killed is not None:
            time.sleep(max(0.0, at - apart))
            (first, second)[killed].kill()
        ended = [first.wait(), second.wait()]
        what = f"{trial}, {pair} {apart:.3f} s apart, {killed} killed at {at:.3f} s"
        problems += [f"{what}: {wrong}" for one in ended if (wrong := wrong_end(one))]
        if killed is None and not any(one.status == 0 for one in ended):
            problems.append(f"{what}: neither did its work: {ended}")
        names = {0: "ended well", 2: "told why", -9: "killed"}
        counts.update(names.get(one.status, "else") for one in ended)
        among = [""] if any("shard" in more for more in pair) else list(dict.fromkeys(pair))
        if wrong := bench.finish(among):
            problems.append(f"{what}: {ended}: {wrong}")
        counts["pairs"] += 1
        if trial % 10 == 9 or wrong:
            report(bench, "pairs", counts, problems[-1:])
    report(bench, "pairs", counts, problems)
    assert not problems
