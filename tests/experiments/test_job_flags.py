"""--shard and --job_script as a user gives them; the scripts are run as a queue would."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import binaries

COMMAND = (
    "--network=vgg_19_small",
    "--layers=conv1_1,fc7",
    "--iterations=4",
    "--batch_size=1",
    "--noprogress",
)
KINDS = ("metamer.npz", "metamer.json", "null.npz", "metamer.png")


@pytest.fixture
def photos(tmp_path) -> Path:
    """Three small pictures in a folder whose name a shell would take apart."""
    folder = tmp_path / "it's my photos"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.RandomState(i).randint(0, 256, [32, 32, 3], np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.name in KINDS}


def submitted(text: str, cwd: Path, **place: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **place}
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.slow
def test_the_jobs_of_a_script_make_what_one_process_makes(photos, tmp_path):
    shared = (*COMMAND, f"--inputs={photos}")
    printed = binaries.run(
        "make_metamers", *shared, "--out=parts", "--job_script=slurm", "--workers=3", cwd=tmp_path
    )
    assert printed.returncode == 0 and not (tmp_path / "parts").exists(), printed.stderr
    for job in ("2", "0", "1"):
        done = submitted(printed.stdout, tmp_path, SLURM_ARRAY_TASK_ID=job)
        assert done.returncode == 0 and "This shard is done" in done.stdout, done.stderr
    assert not (tmp_path / "parts" / "report.html").exists()
    end = submitted(printed.stdout, tmp_path)
    assert end.returncode == 0 and "Look and listen: parts/report.html" in end.stdout, end.stderr
    alone = submitted(printed.stdout.replace("--out=parts", "--out=alone"), tmp_path)
    assert alone.returncode == 0, alone.stderr
    assert files(tmp_path / "parts") == files(tmp_path / "alone") and len(files(tmp_path / "alone")) == 19

    seen = ("--metamers=parts", "--criteria=none", "--bootstrap=20", "--noprogress")
    for shard in ("--shard=1/2", "--shard=0/2"):
        done = binaries.run("recognize_metamers", *seen, "--out=shared", shard, cwd=tmp_path)
        assert done.returncode == 0 and "This shard is done" in done.stdout, done.stderr
        assert not (tmp_path / "shared" / "judgements.csv").exists()
    for out in ("shared", "whole"):
        done = binaries.run("recognize_metamers", *seen, f"--out={out}", cwd=tmp_path)
        assert done.returncode == 0 and "vgg_19_small" in done.stdout, done.stderr
    for name in ("judgements.csv", "recognition.csv", "recognition.json"):
        assert (tmp_path / "shared" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, threads, cores",
    [
        ((), 1, 1),
        (("--job_cores=3",), 3, 3),
        (("--threads=2",), 2, 2),
        (("--threads=2", "--job_cores=4"), 2, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("binary", ["make_metamers", "make_null_distribution", "recognize_metamers"])
def test_all_jobs_compute_with_as_many_threads(binary, flags, threads, cores, tmp_path):
    own = ("--metamers=m",) if binary == "recognize_metamers" else ("--network=vgg_19_small", "--inputs=i")
    given = (*own, "--out=out", "--job_script=slurm", "--workers=4", *flags)
    printed = binaries.run(binary, *given, cwd=tmp_path).stdout
    assert f"#SBATCH --cpus-per-task={cores}\n" in printed and f"export OMP_NUM_THREADS={cores} " in printed
    assert printed.count(f"--threads={threads}") == 1 == printed.count("--threads")


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, told",
    [
        (("--job_script=slurm",), "--job_script needs --workers"),
        (("--job_script=slurm", "--workers=0"), "--workers"),
        (("--job_script=slurm", "--workers=4", "--shard=1/4"), "leave --shard out"),
        (("--job_script=slurm", "--workers=4", "--walltime=soon"), "expected hours and minutes"),
        (("--job_script=slurm", "--workers=4", "--container=none.sif"), "there is no such image"),
        (("--job_script=torque", "--workers=4"), "torque"),
        (("--shard=5/4",), "expected i/n"),
        (("--cluster=local", "--workers=2", "--shard=0/2"), "both divide the work"),
        (("--cluster=local", "--job_script=slurm", "--workers=2"), "both submit jobs"),
        (("--cluster=local", "--workers=0"), "--workers"),
        (("--cluster=nowhere",), "expected none, local"),
    ],
    ids=str,
)
@pytest.mark.parametrize("binary", ["make_metamers", "make_null_distribution", "recognize_metamers"])
def test_what_makes_no_sense_is_one_line(binary, flags, told, tmp_path):
    own = ("--metamers=m",) if binary == "recognize_metamers" else ("--network=vgg_19_small", "--inputs=i")
    done = binaries.run(binary, *own, "--out=out", *flags, cwd=tmp_path)
    lines = [line for line in done.stderr.splitlines() if "cuInit" not in line]
    assert done.returncode == 2 and len(lines) == 1 and told in lines[0], done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_fails_on_every_try_ends_a_null_distribution_with_status_1(photos, tmp_path):
    (tmp_path / "bad.py").write_text(
        "from pathlib import Path\n"
        "import model_metamers as mm\n"
        "def build():\n"
        "    if Path('built').exists():\n"  # by the process that hands blocks out; no worker can
        "        raise mm.InputError('it sees nothing')\n"
        "    Path('built').touch()\n"
        "    return mm.load_network('vgg_19_small', 'random:7')\n"
    )
    given = (f"--network={tmp_path}/bad.py:build", f"--inputs={photos}", "--layers=fc7", "--pairs=2")
    workers = ("--cluster=local", "--workers=1", "--retries=1", "--block_size=2", "--noprogress")
    command = [sys.executable, "-m", "model_metamers_experiments.make_null_distribution", *given, *workers]
    done = subprocess.run([*command, "--out=null"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "it sees nothing" in done.stdout, done.stderr
    listed = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("block")]
    assert listed == [["block", "0"], ["block", "1"]] and "tries them again" in done.stdout


@pytest.mark.slow
def test_a_shard_for_which_nothing_is_left_says_so(photos, tmp_path):
    given = (*COMMAND, f"--inputs={photos}", "--out=out", "--shard=39/40")
    done = binaries.run("make_metamers", *given, cwd=tmp_path)
    assert done.returncode == 0 and "Nothing fell to this shard" in done.stdout, done.stderr
    assert "verdict" not in done.stdout and "This shard is done" in done.stdout
