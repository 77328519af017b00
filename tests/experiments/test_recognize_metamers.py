"""Metamers judged from the command line: files written, kills, networks of one's own."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.catalog import named_network
from model_metamers.recognition import decisions, kept, labels, network_judge, presentations
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from tests.builders import binaries, tampering

LAYERS = ("conv1_2", "fc7")

# A network of one's own: 40 x 40 images of 0-255, the ten classes in another order.
OWN_NETWORK = """
import tensorflow as tf
import beside
import model_metamers as mm

CLASSES = ["truck", "ship", "horse", "frog", "dog", "deer", "cat", "bird", "automobile", "airplane"]

def build(seed=0):
    tf.keras.utils.set_random_seed(int(seed))
    inputs = tf.keras.Input([40, 40, 3])
    x = tf.keras.layers.Conv2D(4, 5, 4, activation="relu", name="conv")(inputs)
    top = tf.keras.layers.Dense(10, name="top")(tf.keras.layers.Flatten(name="flat")(x))
    signal = mm.SignalSpec("image", (40, 40, 3), 0.0, beside.HIGH)
    return mm.from_keras(tf.keras.Model(inputs, top), ["conv"], signal, CLASSES, name="own")

def nothing():
    return None

def from_file(path):
    return open(path)
"""


def binary(name: str, *flags: str, cwd: Path):
    return binaries.run(name, *flags, "--noprogress", cwd=cwd)


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Metamers of vgg_19_small with two seeds, a network of one's own, labels."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "own.py").write_text(OWN_NETWORK)
    (folder / "beside.py").write_text("HIGH = 255.0\n")
    (folder / "labels.csv").write_text("stimulus,label\ncat,cat\ncup,airplane\nrocket,airplane\n")
    network = mm.load_network("vgg_19_small")
    photos = {"cat": skimage.data.chelsea(), "cup": skimage.data.coffee(), "rocket": skimage.data.rocket()}
    for name, pixels in photos.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    stimuli = {name: mm.load_image(folder / f"{name}.png", network.signal) for name in photos}
    for seed in (0, 1):
        config = mm.SynthesisConfig(iterations=60, seed=seed)
        run = runs.Run(network, LAYERS, stimuli, {}, folder / "runs" / f"seed{seed}", config)
        runs.prepare(run)
        list(runs.make(run, runs.measure_null(run, progress=False), progress=False))
    return folder


FLAGS = (
    "--metamers=runs",
    "--labels=labels.csv",
    "--judges=own.py:build=3,vgg_19_small=random:1",
    "--decision=fine,classes",
    "--classes=classes.txt",
    "--bootstrap=500",
)
# What the judgements of a point have in common.
GROUP = (
    "judge",
    "judge_weights",
    "decision",
    "generator",
    "generator_weights",
    "layer",
    "optimized",
    "settings",
)
RESULTS = ("judgements.csv", "recognition.csv", "recognition.json")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def seen(work) -> Path:
    (work / "classes.txt").write_text("cat\ndog\nairplane\n")
    result = binary("recognize_metamers", *FLAGS, "--out=seen", cwd=work)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0].split()[:3] == ["judge", "decision", "of"]
    return work / "seen"


def test_results_of_three_judges(work, seen):
    rows, points = read(seen / "judgements.csv"), read(seen / "recognition.csv")
    judges = [("own", "sha256:"), ("vgg_19_small", "random:1"), ("vgg_19_small", "sha256:")]
    assert [(j, w[:7]) for j, w in dict.fromkeys((r["judge"], r["judge_weights"]) for r in rows)] == [
        (judge, weights[:7]) for judge, weights in judges
    ]
    assert len(rows) == 3 * 2 * (3 + 2 * 2 * 3) and len(points) == 3 * 2 * (1 + 2)
    assert [p["layer"] for p in points[:3]] == ["natural", *LAYERS]
    assert {p["decision"]: p["chance"] for p in points} == {"fine": "0.1", "classes": str(1 / 3)}
    assert {r["truth"] for r in rows} == {"cat", "airplane"}
    assert {r["answer"] for r in rows if r["decision"] == "classes"} <= {"cat", "dog", "airplane"}
    assert json.loads((seen / "recognition.json").read_text())["points"][0]["layer"] == "natural"
    for point in points:
        own = [r for r in rows if all(r[k] == point[k] for k in GROUP)]
        counted = [r for r in own if r["counted"] == "True"]
        assert (int(point["total"]), int(point["n"])) == (len(own), len(counted))
        assert int(point["passed"]) == sum(r["included"] == "True" for r in own)
        if counted:
            right = [r["correct"] == "True" for r in counted]
            assert float(point["proportion"]) == pytest.approx(np.mean(right))
    trained = {"judge": "vgg_19_small", "decision": "fine"}
    by_self = [r for r in rows if trained.items() <= r.items() and r["judge_weights"] != "random:1"]
    network = mm.load_network("vgg_19_small")
    natural = [mm.load_image(work / f"{r['stimulus']}.png", network.signal) for r in by_self[:3]]
    assert [r["answer"] for r in by_self[:3]] == mm.recognize(network, np.stack(natural))
    own = named_network.load(f"{work}/own.py:build", "3")
    for row in rows[:6]:
        shown = next((work / "runs").rglob(f"fc7/{row['stimulus']}/target.png"))
        if row["layer"] == "natural":
            assert row["answer"] == mm.recognize(own, mm.load_image(shown, own.signal))[0]


def test_the_criteria_decide_who_counts(work, seen):
    """As the metamers' own files say; with the float signals, as those say."""
    found = presentations.find([work / "runs"], "file")
    passing = {(p.layer, p.stimulus, str(p.search_seed)): p.included for p in found if p.stem == "metamer"}
    assert {True, False} == set(passing.values())
    for row in read(seen / "judgements.csv"):
        if row["layer"] != "natural":
            key = row["layer"], row["stimulus"], row["search_seed"]
            assert row["counted"] == row["included"] == str(passing[key])
            assert bool(row["reason"]) == (not passing[key])


def test_same_command_and_other_decisions_need_no_network_to_look_again(work, seen, tmp_path):
    before = {name: (seen / name).read_bytes() for name in RESULTS}
    blocks = {p: p.stat().st_mtime_ns for p in (seen / "logits").rglob("*.npz")}
    assert len(blocks) == 3
    other = binary("recognize_metamers", *FLAGS[:3], "--bootstrap=10", "--out=seen", cwd=work)
    assert other.returncode == 0, other.stderr
    assert (seen / "recognition.csv").read_bytes() != before["recognition.csv"]
    assert binary("recognize_metamers", *FLAGS, "--out=seen", cwd=work).returncode == 0
    assert {name: (seen / name).read_bytes() for name in RESULTS} == before
    assert {p: p.stat().st_mtime_ns for p in (seen / "logits").rglob("*.npz")} == blocks


def test_stopped_at_random_moments_ends_with_the_same_bytes(work, seen, tmp_path, monkeypatch):
    """As a kill leaves it: half a file, and what was finished before."""
    found = presentations.find([work / "runs"])
    monkeypatch.setattr(kept, "_BLOCK", 2)
    judges = [mm.load_network("vgg_19_small", f"random:{seed}") for seed in (0, 1)]
    whole = [kept.kept_logits(j, found, tmp_path / "whole" / j.checkpoint_digest, False) for j in judges]
    write, chance = kept.write_arrays, random.Random(0)
    written = []

    def failing(path, array):
        if chance.random() < 0.3:
            path.with_name(path.name + ".partial").write_bytes(b"half")
            raise KeyboardInterrupt
        written.append(path)
        write(path, array)

    monkeypatch.setattr(kept, "write_arrays", failing)
    stops, broken = 0, None
    while broken is None:
        try:
            folder = tmp_path / "broken"
            broken = [kept.kept_logits(j, found, folder / j.checkpoint_digest, False) for j in judges]
        except KeyboardInterrupt:
            stops += 1
    assert stops >= 3 and len(written) == len(set(written)) == 2 * 8
    for a, b in zip(whole, broken, strict=True):
        assert np.array_equal(a, b)
    rule, truths = decisions.decision(None), labels.truths(found, None)
    rows = [network_judge.judgements(judges[0], found, truths, logits[0], rule) for logits in (whole, broken)]
    assert rows[0] == rows[1]


@pytest.mark.slow
def test_killed_three_times_ends_with_the_same_csv(work, seen, tmp_path):
    flags = [f.replace("random:1", f"random:1,vgg_19_small=random:{i}") for i, f in enumerate(FLAGS, 2)]
    command = [sys.executable, "-m", "model_metamers_experiments.recognize_metamers", *flags, "--noprogress"]
    subprocess.run([*command, f"--out={tmp_path}/whole"], cwd=work, check=True, capture_output=True)
    broken, chance = tmp_path / "broken", random.Random(1)
    for judges_done in (1, 2, 3):  # of four
        process = subprocess.Popen(
            [*command, f"--out={broken}"], cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while len(list(broken.rglob("*.npz"))) < judges_done and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert judges_done <= len(list(broken.rglob("*.npz"))) < 4
        assert not list(broken.rglob("*.csv"))
    subprocess.run([*command, f"--out={tmp_path}/broken"], cwd=work, check=True, capture_output=True)
    for name in RESULTS:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes()
    assert not list((tmp_path / "broken").rglob("*.partial"))


@pytest.mark.slow
def test_one_process_workers_and_shards_write_the_same_bytes(work, seen, tmp_path):
    command = [sys.executable, "-m", "model_metamers_experiments.recognize_metamers", *FLAGS, "--threads=1"]
    ways = {
        "none": [[]],
        "local": [["--cluster=local", "--workers=2"]],
        "shards": [["--shard=1/2"], ["--shard=0/2"], []],
    }
    files = {}
    for way, each in ways.items():
        for further in each:
            given = [*command, "--noprogress", *further, f"--out={tmp_path}/{way}"]
            done = subprocess.run(given, cwd=work, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        results = [p for p in (tmp_path / way).rglob("*") if p.is_file() and p.parent.name != "logs"]
        files[way] = {str(p.relative_to(tmp_path / way)): p.read_bytes() for p in results}
    assert files["none"] == files["local"] == files["shards"]
    assert {*RESULTS, "logits/settings.json"} < files["none"].keys() and len(files["none"]) == 3 + 1 + 3
    done = subprocess.run([*command[:-1], f"--out={tmp_path}/none"], cwd=work, capture_output=True, text=True)
    assert done.returncode == 2 and "threads=1 there, None now" in done.stderr


@pytest.mark.slow
def test_what_fails_on_every_try_is_listed_and_the_rest_is_kept(work, tmp_path):
    (tmp_path / "bad.py").write_text(
        "import model_metamers as mm\n"
        "class Bad(type(mm.load_network('vgg_19_small'))):\n"
        "    def forward(self, *given):\n"
        "        raise mm.InputError('it sees nothing')\n"
        "def build():\n"
        "    network = mm.load_network('vgg_19_small', 'random:7')\n"
        "    network.__class__, network.name = Bad, 'bad'\n"
        "    return network\n"
    )
    command = [sys.executable, "-m", "model_metamers_experiments.recognize_metamers", "--metamers=runs"]
    flags = [f"--judges={tmp_path}/bad.py:build", "--criteria=none", "--noprogress", f"--out={tmp_path}/seen"]
    cluster = ["--cluster=local", "--workers=1", "--retries=1"]
    done = subprocess.run([*command, *flags, *cluster], cwd=work, capture_output=True, text=True)
    assert done.returncode == 1 and "it sees nothing" in done.stdout, done.stderr
    (told,) = (line for line in done.stdout.splitlines() if line.startswith("bad-"))
    assert told.split()[1:3] == ["block", "0"]
    kept_there = list((tmp_path / "seen" / "logits").rglob("*.npz"))
    assert len(kept_there) == 1 and kept_there[0].parent.name.startswith("vgg_19_small-")
    assert not list((tmp_path / "seen").glob("*.csv"))


def _other_null(run: RunFolder) -> Path:
    """As if another null distribution had judged one metamer."""
    place = run.metamers()[0]
    write_json(place.record, sealed({**read_json(place.record), "null_sha256": "0" * 64}))
    return place.path


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*tampering.KINDS, "judged by another null"])
def test_what_does_not_belong_together_is_refused_before_a_network_is_loaded(work, tmp_path, kind):
    shutil.copytree(work / "runs" / "seed0", tmp_path / "run")
    change = {**tampering.KINDS, "judged by another null": _other_null}[kind]
    folder = change(RunFolder(tmp_path / "run", "vgg_19_small"))
    flags = ("--metamers=run", "--judges=nowhere.py:build", "--out=seen")
    result = binary("recognize_metamers", *flags, cwd=tmp_path)
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert result.returncode == 2 and len(lines) == 1 and not (tmp_path / "seen").exists()
    assert str(folder.parent.relative_to(tmp_path)) in lines[0]
    assert "make_metamers" in lines[0] or "it is a copy" in lines[0]


REFUSALS = [
    ("--metamers=nowhere", "nowhere: no such folder"),
    ("--judges=vgg_19_small,vgg_19_small", "twice"),
    ("--judges=word_reduced_aliasing_small=random:0", "judges sounds, and none of these is one"),
    ("--decision=sixteen", "no class of it stands for"),
    ("--decision=finest", "expected some of fine, sixteen"),
    ("--decision=classes", "need one another"),
    ("--without_self", "--without_self needs --judges"),
    ("--out=own.py", "a file stands where"),
]


@pytest.mark.parametrize(("flag", "message"), REFUSALS, ids=[f for f, _ in REFUSALS])
def test_bad_input_ends_in_one_line_before_any_work(work, tmp_path, flag, message):
    result = binary("recognize_metamers", "--metamers=runs", f"--out={tmp_path}/out", flag, cwd=work)
    assert result.returncode == 2 and result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert len(lines) == 1 and lines[0].startswith("recognize_metamers: ") and message in lines[0]
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vgg_99", "no network 'vgg_99'"),
        ("vgg_19_small=random:x", "random:SEED"),
        ("nowhere.py:build", r"nowhere\.py: no such file"),
        ("own.py:nobody", r"own\.py: has no function 'nobody'"),
        ("own.py:nothing", r"gave NoneType, expected an mm\.Network"),
        ("own.py:from_file=nowhere.npz", r"does not build from the checkpoint nowhere\.npz"),
        ("own.py:from_file", "does not build from no checkpoint"),
    ],
)
def test_networks_that_cannot_be_had_are_refused(work, monkeypatch, spec, message):
    monkeypatch.chdir(work)
    with pytest.raises(InputError, match=message):
        named_network.load(*named_network.read_spec(spec))


def test_metamers_of_a_network_of_ones_own(work, tmp_path):
    made = binary(
        "make_metamers",
        "--network=own.py:build",
        "--checkpoint=5",
        "--inputs=cat.png,cup.png",
        "--iterations=2",
        f"--out={tmp_path}/made",
        cwd=work,
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "made" / "own" / "conv" / "cat" / "metamer.png").exists()
    flags = (f"--metamers={tmp_path}/made", "--criteria=none", f"--out={tmp_path}/seen")
    unknown = binary("recognize_metamers", *flags, cwd=work)
    assert unknown.returncode == 2 and "name it with --judges" in unknown.stderr
    named = binary("recognize_metamers", *flags, "--judges=own.py:build=5", cwd=work)
    assert named.returncode == 0, named.stderr
    point = read(tmp_path / "seen" / "recognition.csv")[0]
    assert (point["judge"], point["generator"], point["layer"]) == ("own", "own", "natural")
    assert point["proportion"] == "1.0"
