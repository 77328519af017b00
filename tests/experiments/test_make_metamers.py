"""The binary as a user runs it: files written, settings repeated, bad input refused."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import soundfile
from PIL import Image

from model_metamers.weights import manifest
from tests.builders import binaries

COMMAND = [sys.executable, "-m", "model_metamers_experiments.make_metamers"]


def make_metamers(*flags: str, cwd: Path):
    return binaries.run("make_metamers", *flags, "--noprogress", cwd=cwd)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """Two photographs, two further ones for the null, two sounds, and spoilt files."""
    folder = tmp_path_factory.mktemp("inputs")
    for sub in ("photos", "null"):
        (folder / sub).mkdir()
    for name, pixels in (("cat", skimage.data.chelsea()), ("cup", skimage.data.coffee())):
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.png")
    for name, pixels in (("moon", skimage.data.moon()), ("rocket", skimage.data.rocket())):
        Image.fromarray(pixels).save(folder / "null" / f"{name}.png")
    tone = 0.2 * np.sin(2 * np.pi * 300 * np.arange(44100 * 2) / 44100)
    soundfile.write(str(folder / "tone.wav"), tone, 44100)
    soundfile.write(str(folder / "stereo.wav"), np.stack([tone, -0.5 * tone], axis=1), 44100)
    soundfile.write(str(folder / "short.wav"), tone[:1000], 44100)
    np.save(folder / "int16.npy", (tone[:8000] * 32768).astype(np.int16))
    np.save(folder / "0_255.npy", np.random.RandomState(0).rand(32, 32, 3) * 255)
    np.save(folder / "nan.npy", np.full([32, 32, 3], np.nan))
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("no picture")
    (folder / "truncated.png").write_bytes((folder / "photos" / "cat.png").read_bytes()[:5000])
    (folder / "not_a_checkpoint").write_text("no checkpoint")
    for suffix in ("index", "data-00000-of-00001"):
        content = (manifest.checkpoints_folder() / f"vgg_19_small.ckpt.{suffix}").read_bytes()
        (folder / f"cut.ckpt.{suffix}").write_bytes(content if suffix == "index" else content[:9999])
    (folder / "file_in_the_way").write_text("")
    return folder


def test_run_leaves_its_files_and_repeats_from_its_flags(inputs, tmp_path):
    result = make_metamers(
        "--network=vgg_19_small",
        f"--inputs={inputs}/photos",
        f"--null_inputs={inputs}/null",
        "--layers=conv1_2,fc7",
        "--iterations=30",
        "--save_every=10",
        f"--out={tmp_path}/out",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == "" or "cuInit" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["layer", "stimulus", "rho", "null"]
    assert [line.split()[:2] for line in lines[2:6]] == [
        [layer, name] for layer in ("conv1_2", "fc7") for name in ("cat", "cup")
    ]
    out = tmp_path / "out"
    written = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    of_one = ("loss.png", "metamer.json", "metamer.npz", "metamer.png", "target.png")
    expected = {"flags.txt", "report.html"}
    expected |= {f"vgg_19_small/{name}" for name in ("null.npz", "null.json", "settings.json")}
    for layer in ("conv1_2", "fc7"):
        expected.add(f"vgg_19_small/{layer}/spearman.png")
        expected |= {f"vgg_19_small/{layer}/{name}/{f}" for name in ("cat", "cup") for f in of_one}
    assert written == expected

    # As a program that starts anew, in which the order of a set, say, is another.
    again = [*COMMAND, f"--flagfile={out}/flags.txt", f"--out={tmp_path}/again", "--noprogress"]
    subprocess.run(again, cwd=tmp_path, check=True, capture_output=True)
    for layer in ("conv1_2", "fc7"):
        for name in ("cat", "cup"):
            path = f"vgg_19_small/{layer}/{name}/metamer.npz"
            assert (out / path).read_bytes() == (tmp_path / "again" / path).read_bytes()


REFUSALS = [
    ("--network=vgg_99", "no network 'vgg_99'; of "),
    ("--layers=conv1_2,conv9", "no layer 'conv9'; its metamer layers are conv1_2"),
    ("--checkpoint={inputs}/nowhere.ckpt", "neither this file nor nowhere.ckpt.index exists"),
    ("--checkpoint={inputs}/not_a_checkpoint", "cannot be read"),
    ("--checkpoint=random:x", "random:SEED"),
    ("--checkpoint={inputs}/cut.ckpt", "truncated"),
    ("--checkpoint={shipped}/word_reduced_aliasing_small.ckpt", "does not fit vgg_19_small: 0 variables fit"),
    ("--inputs={inputs}/0_255.npy", "values lie in"),
    ("--inputs={inputs}/nan.npy", "NaN"),
    ("--inputs={inputs}/empty.png", "no readable image"),
    ("--inputs={inputs}/text.png", "no readable image"),
    ("--inputs={inputs}/truncated.png", "no readable image"),
    ("--inputs={inputs}/tone.wav", "takes an image"),
    ("--inputs={inputs}/nowhere.png", "no such file or folder"),
    ("--null={inputs}/photos", "null.npz: missing"),
    ("--iterations=0", "iterations=0"),
    ("--starts=0", "starts=0"),
    ("--learning_rate=-1", "learning_rate=-1"),
    ("--batch_norm=folded", "vgg_19_small has no batch normalisation that follows a convolution"),
    ("--hidden_relu=leaky", "searches by adam do not begin so"),
    ("--convolutions=winograd --precision=bfloat16", "computes in float32 alone"),
    ("--network=mobilenet_v1_025 --checkpoint=random:0 --convolutions=winograd", "no convolution of 3 x 3"),
    ("--frontend=fast", "vgg_19_small does not hear by a cochleagram"),
    ("--optimize=cochleagram", "vgg_19_small has no cochleagram to begin at"),
    ("--out={inputs}/file_in_the_way", "a file stands where"),
    ("--network=word_reduced_aliasing_small --inputs={inputs}/stereo.wav", "2 channels that differ"),
    ("--network=word_reduced_aliasing_small --inputs={inputs}/short.wav", "is too short"),
    ("--network=word_reduced_aliasing_small --inputs={inputs}/int16.npy", "divide by 32768"),
]


@pytest.mark.parametrize(("flags", "message"), REFUSALS, ids=[f for f, _ in REFUSALS])
def test_bad_input_ends_in_one_line_before_any_work(inputs, tmp_path, flags, message):
    flags = flags.format(inputs=inputs, shipped=manifest.checkpoints_folder()).split()
    defaults = [
        "--network=vgg_19_small",
        f"--inputs={inputs}/photos",
        "--iterations=5",
        f"--out={tmp_path}/out",
    ]
    result = make_metamers(*defaults, *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert len(lines) == 1 and lines[0].startswith("make_metamers: ") and message in lines[0]
    assert not list((tmp_path / "out").rglob("*.npz"))


def test_help_is_the_manual():
    """As a console script starts it: through `run` of the imported module."""
    code = (
        "import sys; sys.argv = ['make_metamers', '--help']; "
        "from model_metamers_experiments import make_metamers; make_metamers.run()"
    )
    text = binaries.run_program(code).stdout
    assert "Finds metamers of images or sounds at layers of a network" in text
    for flag in ("--network", "--checkpoint", "--layers", "--inputs", "--[no]resume", "--relu_gradient"):
        assert flag in text


def test_folder_of_another_run_is_refused(inputs, tmp_path):
    flags = ["--network=vgg_19_small", f"--inputs={inputs}/photos", "--layers=fc7", f"--out={tmp_path}/out"]
    assert make_metamers(*flags, "--iterations=5", cwd=tmp_path).returncode == 0
    other = make_metamers(*flags, "--iterations=6", cwd=tmp_path)
    assert other.returncode == 2 and "iterations=5 there, 6 now" in other.stderr
    fresh = make_metamers(*flags, "--iterations=5", "--noresume", cwd=tmp_path)
    assert fresh.returncode == 2 and "holds a run already" in fresh.stderr


def _kill_and_finish(inputs: Path, tmp_path: Path, network: str, kills: int, seconds: tuple[float, float]):
    """Runs once unbroken and once killed at random moments; the metamers must be the same bytes."""
    flags = [
        f"--network={network}",
        f"--inputs={inputs}",
        "--iterations=2500",
        "--save_every=100",
        "--batch_size=2",
        "--noprogress",
    ]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*COMMAND, *flags, f"--out={whole}"], check=True, capture_output=True)
    finished: dict[Path, float] = {}
    chance = random.Random(0)
    done = 0
    while done < kills:
        process = subprocess.Popen(
            [*COMMAND, *flags, f"--out={broken}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(*seconds))
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        done += 1
        for path, written in finished.items():
            assert path.stat().st_mtime_ns == written, f"{path} was made twice"
        finished = {p: p.stat().st_mtime_ns for p in broken.rglob("metamer.npz") if ".partial" not in str(p)}
    subprocess.run([*COMMAND, *flags, f"--out={broken}"], check=True, capture_output=True)
    for path, written in finished.items():
        assert path.stat().st_mtime_ns == written, f"{path} was made twice"
    arrays = sorted(p.relative_to(whole) for p in whole.rglob("metamer.npz"))
    assert arrays == sorted(p.relative_to(broken) for p in broken.rglob("metamer.npz"))
    assert all((whole / p).read_bytes() == (broken / p).read_bytes() for p in arrays)
    assert not list(broken.rglob(".search-*")) and not list(broken.rglob("*.partial"))
    return done, len(finished), len(arrays)


@pytest.mark.slow
def test_killed_ten_times_ends_with_the_same_bytes(inputs, tmp_path):
    done, early, total = _kill_and_finish(inputs / "photos", tmp_path, "vgg_19_small", 10, (6, 11))
    print(f"{done} kills, {early} of {total} metamers were finished before the last start")
    assert done == 10
