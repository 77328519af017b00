"""A full disk at ten sizes for each program: one line, and complete once there is room, to the same bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import soundfile
from PIL import Image

from tests.builders import binaries, disks, training_data

SIZES = 10
_ROOM = 400_000  # kilobytes, more than any takes


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Signals, metamers, a null distribution and sets to train on, none of them on the small disk."""
    folder = tmp_path_factory.mktemp("work")
    photos = folder / "photos"
    photos.mkdir()
    for i, name in enumerate(("chelsea", "coffee", "rocket", "astronaut")):
        Image.fromarray(getattr(skimage.data, name)()[:300, :300]).save(photos / f"{name}.png")
        (folder / "classes" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        for copy in range(40):
            pixels = np.random.RandomState(copy).randint(0, 255, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "classes" / str(i % 2) / f"{name}_{copy}.png")
    _run("make_metamers", folder, "--out=metamers", *_SEARCH)
    training_data.write_images(folder / "images", counts=(16, 4))
    for i, word in enumerate(("about", "above", "according", "account", "action", "addition")):
        (folder / "words" / word).mkdir(parents=True)
        soundfile.write(
            folder / "words" / word / "a.wav", 0.1 * np.random.RandomState(i).randn(20_000), 20_000
        )
    for i in range(8):
        (folder / "sounds" / f"label_{i % 2}").mkdir(parents=True, exist_ok=True)
        noise = 0.1 * np.random.RandomState(i).randn(20_000)
        soundfile.write(folder / "sounds" / f"label_{i % 2}" / f"{i}.wav", noise, 20_000)
    return folder


_SEARCH = (
    "--network=vgg_19_small",
    "--inputs=photos",
    "--layers=conv1_2,fc7",
    "--iterations=6",
    "--batch_size=2",
)
COMMANDS = {
    "make_metamers": ("--out=disk/out", *_SEARCH, "--save_every=2"),
    "make_null_distribution": (
        "--out=disk/out",
        "--network=vgg_19_small",
        "--inputs=photos",
        "--block_size=2",
    ),
    "build_image_records": ("--out=disk/out", "--images=classes", "--shards=2"),
    "draw_stimuli": ("--out=disk/out", "--speech=words", "--words=6"),
    "build_background_dataset": ("--out=disk/out", "--sounds=sounds", "--seconds=0.5", "--shards=1"),
    "recognize_metamers": ("--out=disk/out", "--metamers=metamers", "--criteria=none", "--bootstrap=20"),
    "check_metamers": ("--out=disk/out", "--metamers=metamers", "--null=metamers/vgg_19_small/null.npz"),
    "train_image_network": (
        *("--out=disk/out", "--network=vgg_19_small", "--data=images", "--epochs=2", "--batch_size=8"),
        *("--evaluations_per_epoch=2", "--saves_per_epoch=2"),
    ),
}


def _run(name: str, folder: Path, *flags: str):
    given = () if name == "check_metamers" else ("--noprogress",)
    return binaries.run(name, *flags, *given, cwd=folder)


def _results(folder: Path) -> dict[str, bytes]:
    """What a program left, but for what tells times, or how often a training's state was saved.

    Those are TensorFlow's summaries and its list of states; of a state itself the name counts. The
    weights that are filed at the end are compared to the byte.
    """
    timed = ("/summaries/", "/state/checkpoint")
    there = {name: c for name, c in disks.contents(folder).items() if not any(t in name for t in timed)}
    return {name: b"" if "/state/ckpt-" in name else content for name, content in there.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_the_command_completes_once_there_is_room(work, name):
    with disks.small_disk(work / "disk", _ROOM) as disk:
        done = _run(name, work, *COMMANDS[name])
        assert done.returncode in (0, 1), done.stderr
        needed, expected, status = disks.used_kilobytes(disk), _results(disk), done.returncode
    told = []
    for part in range(SIZES):
        size = max(4, needed * part // SIZES)
        with disks.small_disk(work / "disk", size) as disk:
            full = _run(name, work, *COMMANDS[name])
            lines = [line for line in full.stderr.splitlines() if "cuInit" not in line]
            told.append({"kB": size, "status": full.returncode, "lines": len(lines), "last": lines[-1:]})
            disks.resize(disk, _ROOM)
            again = _run(name, work, *COMMANDS[name])
            told[-1]["again"] = again.returncode
            there = _results(disk)
            told[-1]["differ"] = [
                n for n in there.keys() | expected.keys() if there.get(n) != expected.get(n)
            ]
        print(json.dumps(told[-1]), flush=True)
    for case in told:
        assert case["status"] == 2 and case["lines"] == 1, case
        assert case["last"][0].startswith(f"{name}: ") and "disk is full" in case["last"][0], case
        assert case["again"] == status and not case["differ"], case


@pytest.mark.slow
@pytest.mark.parametrize("place", ["disk/out", "file", "file/out"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_that_cannot_be_written_is_one_line_before_work(work, name, place):
    """A disk that is mounted to be read alone, a file in the folder's place, and one above it."""
    (work / "file").write_text("mine")
    flags = [flag.replace("--out=disk/out", f"--out={place}") for flag in COMMANDS[name]]
    with disks.small_disk(work / "disk", 1000) as disk:
        disks.make_read_only(disk)
        refused = _run(name, work, *flags)
    lines = [line for line in refused.stderr.splitlines() if "cuInit" not in line]
    assert refused.returncode == 2 and len(lines) == 1 and lines[0].startswith(f"{name}: "), lines
    told = {"disk/out": "only be read", "file": "file", "file/out": "a file stands"}[place]
    assert told in lines[0] and (work / "file").read_text() == "mine", lines
