"""Every program that writes a folder tells who writes there already, before it does any work."""

import concurrent.futures
import os

import numpy as np
import pytest
from PIL import Image

from tests.builders import binaries
from tests.builders.holders import holding

_METAMERS = "--metamers={work}/m/vgg_19_small/conv1_1"
PROGRAMS = {
    "make_metamers": ("out/vgg_19_small", "--network=vgg_19_small", "--inputs={work}/photos"),
    "compare_relu_gradients": (
        "out/linear/vgg_19_small",
        "--network=vgg_19_small",
        "--inputs={work}/photos",
        "--layers=conv1_1",
    ),
    "make_null_distribution": (
        "out shard-0-of-1",
        "--network=vgg_19_small",
        "--inputs={work}/photos",
        "--layers=conv1_1",
    ),
    "recognize_metamers": ("out", _METAMERS, "--criteria=none"),
    "prepare_human_experiment": ("out place", _METAMERS, "--task=images", "--labels={work}/photos"),
    "check_metamers": ("out", _METAMERS, "--null={work}/m/vgg_19_small/null.npz"),
    "metamers_demo": ("out",),
    "train_suite": ("out", "--only=vgg_19_small"),
    "reproduce_paper": ("out", "--stimuli=2"),
    "fetch_checkpoint": ("out fetch-vgg_19_2016_08_28", "--network=vgg_19", "--url={work}/photos/0.png"),
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Photographs, and metamers of two of them."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "photos").mkdir()
    for i in range(3):
        pixels = np.random.RandomState(i).randint(0, 256, [32, 32, 3], np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{i}.png")
    flags = ["--network=vgg_19_small", "--layers=conv1_1", f"--inputs={folder}/photos", "--iterations=2"]
    made = binaries.run("make_metamers", *flags, f"--out={folder}/m", "--noprogress")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("binary", list(PROGRAMS))
def test_a_folder_that_is_written_to_is_refused(binary, work, tmp_path):
    place, *flags = PROGRAMS[binary]
    folder, _, what = place.partition(" ")
    given = [flag.format(work=work) for flag in flags]
    with holding(tmp_path / folder, what or "run") as process:
        there = sorted(tmp_path.rglob("*"))
        environment = {**os.environ, "METAMERS_DATA": str(tmp_path / "none")}
        result = binaries.run(binary, *given, f"--out={tmp_path}/out", env=environment)
        assert result.returncode == 2, result.stderr
        last = result.stderr.splitlines()[-1]
        assert last.startswith(f"{binary}: {tmp_path}/out") and "Traceback" not in result.stderr
        assert f": is written to by process {process.pid} of {os.uname().nodename} since " in last
        made = set(tmp_path.rglob("*")) - set(there)
        assert {path.name for path in made} <= {"settings.json", "plain", "vgg_19_small"}


# Saves a metamer again and again, each time when another process is about to.
SAVES = """
import os
import sys
from pathlib import Path
import model_metamers as mm
metamer, out, own, other = mm.load(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5]
for i in range(int(sys.argv[5])):
    (out / f"ready_{i}_{own}").touch()
    while not (out / f"ready_{i}_{other}").exists():
        os.sched_yield()
    try:
        mm.save(metamer, out / str(i) / "saved")
        print("saved")
    except mm.InputError as error:
        print(error)
"""


@pytest.mark.slow
def test_of_two_that_save_a_metamer_at_once_one_does(work, tmp_path):
    """Nothing is lost, and nothing lies beside."""
    made, times = work / "m" / "vgg_19_small" / "conv1_1" / "0", 300
    with concurrent.futures.ThreadPoolExecutor() as pool:
        given = [(str(made), str(tmp_path), own, other, str(times)) for own, other in ("ab", "ba")]
        ended = list(pool.map(lambda flags: binaries.run_program(SAVES, *flags), given))
    told = [sorted(lines) for lines in zip(*(one.stdout.splitlines() for one in ended), strict=True)]
    assert len(told) == times, ended
    assert all(one[1] == "saved" and ("exists already" in one[0] or "meanwhile" in one[0]) for one in told)
    names = {"metamer.json", "metamer.npz", "metamer.png", "target.png"}
    whole = None
    for i in range(times):
        assert [path.name for path in (tmp_path / str(i)).iterdir()] == ["saved"]
        saved = {path.name: path.read_bytes() for path in (tmp_path / str(i) / "saved").iterdir()}
        whole = whole or saved
        assert saved == whole and saved.keys() == names
