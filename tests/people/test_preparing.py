"""From real metamers to a study's folder: what is in it, what is refused; it is whole or not there."""

import csv
import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from model_metamers.errors import InputError
from model_metamers.people import protocols, study_files
from model_metamers.people.plan import read_plan
from model_metamers.people.preparing import Request, prepare
from model_metamers.people.study import StudyFolder
from model_metamers.people.study_files import write_study
from model_metamers.runs.record import sealed
from model_metamers.signals import images
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from tests.builders import binaries
from tests.builders.metamers import write_metamers

CATEGORIES = ("cat", "cup", "dog")


@pytest.fixture(scope="module")
def work(tmp_path_factory, tiny_vgg, tiny_word_cnn, small_sounds) -> Path:
    """Metamers of 18 pictures, of which one failed, and of 8 sounds; labels."""
    folder = tmp_path_factory.mktemp("work")
    photo = skimage.data.chelsea()
    places = [(50 * (i % 3), 20 * i) for i in range(18)]
    crops = [photo[r : r + 128 : 4, c : c + 96 : 3] for r, c in places]
    pictures = np.stack([images.from_uint8(crop, tiny_vgg.signal) for crop in crops])
    write_metamers(
        tiny_vgg,
        pictures,
        ("conv1_2", "conv3_4"),
        (0,),
        folder / "pictures",
        passing=lambda layer, stimulus, seed: (layer, stimulus) != ("conv3_4", "signal_4"),
    )
    sounds = np.concatenate([small_sounds, small_sounds[:, ::-1]])
    write_metamers(tiny_word_cnn, sounds, ("cochleagram", "conv_2"), (0, 1), folder / "sounds")
    rows = "".join(f"signal_{i},{CATEGORIES[i % 3]}\n" for i in range(18))
    (folder / "labels.csv").write_text("stimulus,label\n" + rows)
    words = ("about", "above", "account", "people")
    rows = "".join(f"signal_{i},{words[i % 4]}\n" for i in range(8))
    (folder / "words.csv").write_text("stimulus,word\n" + rows)
    (folder / "choices.txt").write_text("dog\ncat\n\ncup\nhouse\n")
    return folder


def pictures_of(work: Path, **changes) -> Request:
    settings = {"trials": 2, "demonstration": 3, "pass_mark": 2, "catch": 2, "breaks": 1}
    settings |= changes.pop("settings", {})
    usual = protocols.protocol("turk", "images", 3)
    request = {
        "metamers": (str(work / "pictures"),),
        "labels": str(work / "labels.csv"),
        "choices": str(work / "choices.txt"),
        "protocol": dataclasses.replace(usual, **settings),
        "participants": 4,
    }
    return Request(**{**request, **changes})


def words_of(work: Path, **changes) -> Request:
    usual = protocols.protocol("turk", "words", 587)
    settings = {"trials": 1, "practice": 2, "demonstration": 2, "pass_mark": 1, "catch": 1}
    settings |= changes.pop("settings", {})
    request = {
        "metamers": (str(work / "sounds"),),
        "labels": str(work / "words.csv"),
        "choices": None,
        "protocol": dataclasses.replace(usual, **settings),
        "participants": 3,
    }
    return Request(**{**request, **changes})


@pytest.fixture(scope="module")
def study(work) -> StudyFolder:
    return StudyFolder(write_study(prepare(pictures_of(work)), work / "study"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_what_a_study_holds(study, work):
    about, lists, answers = study.read_study(), study.read_lists(), study.read_answers()
    assert (about.choices, about.layout) == (("dog", "cat", "cup", "house"), "buttons")
    assert about.pass_marks == {"demonstration": 2} and about.breaks == (4,)
    assert set(about.texts) == {"consent", "instructions", "thanks"}
    plan = read_plan(study.plan)
    assert (plan.participants, plan.trials_per_condition) == (4, 2)
    assert [c.name for c in plan.contrasts] == ["layers of vgg_tiny", "people and vgg_tiny"]
    assert [power.participants for power in plan.powers] == [4, 4]
    assert len(lists) == 4
    for trials in lists:
        assert [t.position for t in trials] == list(range(len(trials)))
        parts = [t.part for t in trials]
        assert parts[:6] == ["practice"] * 3 + ["demonstration"] * 3
        assert sorted(parts[6:]) == ["catch"] * 2 + ["main"] * 6
        main = [answers[t.file] for t in trials if t.part == "main"]
        names = [one.condition for one in main]
        assert sorted(names) == sorted(["natural", "vgg_tiny/conv1_2", "vgg_tiny/conv3_4"] * 2)
        assert len({one.stimulus for one in main}) == 6
        assert sorted(one.truth for one in main) == sorted(CATEGORIES * 2)
        beside = {answers[t.file].stimulus for t in trials if t.part != "main"}
        assert len(beside) == 8 and not beside & {one.stimulus for one in main}
    known = {name for trials in lists for t in trials for name in (t.file, t.mask)}
    assert {path.name for path in study.files.iterdir()} == known
    assert not (known - answers.keys()) & {t.file for trials in lists for t in trials}


def test_files_are_the_very_pixels_that_passed_and_tell_nothing(study, work):
    answers = study.read_answers()
    for name, shown in answers.items():
        assert len(name) == len("0" * 32 + ".png")
        stem = "metamer" if shown.kind == "metamer" else "target"
        layer = shown.layer if shown.kind == "metamer" else "conv1_2"
        source = work / "pictures" / "0" / layer / shown.stimulus / f"{stem}.png"
        with Image.open(study.files / name) as image, Image.open(source) as original:
            np.testing.assert_array_equal(np.asarray(image), np.asarray(original))
            assert not image.info and not image.getexif()
        chunks = (study.files / name).read_bytes()
        assert b"tEXt" not in chunks and b"tIME" not in chunks
    assert len({path.stat().st_mtime_ns for path in study.files.iterdir()}) == 1
    assert "signal" not in study.lists.read_text() + study.study.read_text()


def test_only_the_owner_may_ever_read_the_answers(work, tmp_path):
    """At no moment has the file, under whichever name it is written, a mode that lets others read."""
    prepared, modes, old = prepare(pictures_of(work)), [], os.umask(0)
    watching = [True]

    def watch(event: str, arguments: tuple) -> None:
        if watching[0] and event in ("open", "os.rename", "os.chmod") and "answers.json" in str(arguments[0]):
            modes.extend(
                stat.S_IMODE(path.stat().st_mode)
                for path in tmp_path.rglob("*answers.json*")
                if path.is_file()
            )

    sys.addaudithook(watch)
    try:
        folder = StudyFolder(write_study(prepared, tmp_path / "study"))
    finally:
        os.umask(old)
        watching[0] = False
    assert stat.S_IMODE(folder.answers.stat().st_mode) == 0o600
    assert modes and set(modes) == {0o600}


def test_the_same_seed_gives_the_same_bytes(study, work, tmp_path):
    again = write_study(prepare(pictures_of(work)), tmp_path / "again")
    assert contents(again) == contents(study.path)
    other = write_study(prepare(pictures_of(work, seed=1)), tmp_path / "other")
    assert not {p.name for p in (other / "files").iterdir()} & {p.name for p in study.files.iterdir()}


def test_the_seed_alone_tells_nothing(few, tiny_vgg, small_images):
    """Of other pictures, with the same seed, names and orders of trials are others."""
    settings = {**BARE, "trials": 2}
    write_metamers(tiny_vgg, small_images[::-1], ("conv1_2",), (0,), few / "others")
    made = [
        prepare(pictures_of(few, metamers=(str(few / name),), settings=settings, participants=10))
        for name in ("pictures", "others")
    ]
    assert made[0].secret != made[1].secret and made[0].lists != made[1].lists
    orders = [[[due.what[0] for due in trials] for trials in one.lists] for one in made]
    assert orders[0] != orders[1]


def test_what_is_left_out_is_told(study):
    with study.left_out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    told = {(row["condition"], row["stimulus"]): row["reason"] for row in rows}
    assert told["vgg_tiny/conv3_4", "signal_4"] == "set to fail"
    used = {(one.condition, one.stimulus) for one in study.read_answers().values() if one.kind == "metamer"}
    pairs = {(f"vgg_tiny/{layer}", f"signal_{i}") for layer in ("conv1_2", "conv3_4") for i in range(18)}
    assert used | told.keys() == pairs and not used & told.keys()
    assert set(told.values()) == {
        "set to fail",
        "not drawn",
        "its natural signal is used beside the main trials",
    }


def test_a_natural_signal_in_the_place_of_one_that_failed(work):
    prepared = prepare(
        pictures_of(
            work,
            missing="natural",
            settings={"practice": 0, "demonstration": 0, "pass_mark": None, "catch": 0, "trials": 6},
        )
    )
    row = prepared.gathered.design.conditions.index("vgg_tiny/conv3_4")
    column = prepared.gathered.design.stimuli.index("signal_4")
    shown = prepared.gathered.stimuli[row, column].shown
    assert (shown.kind, shown.condition, shown.instead_of) == ("natural", "natural", "vgg_tiny/conv3_4")
    without = prepare(pictures_of(work)).gathered
    assert not without.design.passing[row, column]


def test_words(work, tmp_path):
    folder = StudyFolder(write_study(prepare(words_of(work)), tmp_path / "study"))
    about, lists, answers = folder.read_study(), folder.read_lists(), folder.read_answers()
    assert (len(about.choices), about.layout, about.timing, about.image_px) == (587, "typing", None, None)
    assert about.pass_marks == {"headphones": 5, "demonstration": 1}
    for trials in lists:
        parts = [t.part for t in trials]
        assert parts[:6] == ["headphones"] * 6 and {t.mask for t in trials} == {None}
        main = [answers[t.file] for t in trials if t.part == "main"]
        assert sorted(one.condition for one in main) == [
            "natural",
            "word_tiny/cochleagram",
            "word_tiny/conv_2",
        ]
        assert len({one.truth for one in main}) == 3
    for name, shown in answers.items():
        with wave.open(str(folder.files / name)) as file:
            frames = file.readframes(file.getnframes())
            if shown.kind == "tones":
                assert shown.truth in "123" and file.getnchannels() == 2
                continue
            assert file.getframerate() == 4000
        assert (folder.files / name).stat().st_size == 44 + len(frames)
        seed = 0 if shown.search_seed is None else shown.search_seed
        layer = shown.layer if shown.kind == "metamer" else "cochleagram"
        stem = "metamer" if shown.kind == "metamer" else "target"
        with wave.open(str(work / "sounds" / str(seed) / layer / shown.stimulus / f"{stem}.wav")) as file:
            assert frames == file.readframes(file.getnframes())
    assert {one.search_seed for one in answers.values() if one.kind == "metamer"} == {0}


def refused(request: Request, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        prepare(request)
    assert "\n" not in str(caught.value)


def test_bad_input_is_refused_with_a_line(work, tmp_path):
    (tmp_path / "two.txt").write_text("cat\ncup\n")
    refused(pictures_of(work, choices=str(tmp_path / "two.txt")), r"6 stimuli have a label.*\(dog\)")
    odd = (work / "labels.csv").read_text().replace(",dog", ',"d\nog\x1b[2J"')
    (tmp_path / "odd.csv").write_text(odd)
    refused(pictures_of(work, labels=str(tmp_path / "odd.csv")), "6 stimuli have a label")
    refused(pictures_of(work, choices=None), r"6 stimuli have a label.*\(cup\)")
    refused(
        pictures_of(work, settings={"trials": 18}),
        r"too few metamers that pass for 18 trials of a condition: vgg_tiny/conv3_4 \(17 of 18\)",
    )
    refused(pictures_of(work, settings={"trials": 7}), r"18 natural signals for 21 trials")
    refused(words_of(work, settings={"trials": 2}), r"4 words for 6 trials \(3 conditions x 2\)")
    refused(
        words_of(work, metamers=(str(work / "pictures"),)),
        "metamers of images; the task 'words' needs sounds",
    )
    refused(pictures_of(work, labels=str(work / "words.csv")), "stimuli have no label")
    refused(pictures_of(work, settings={"pass_mark": 4}), "a pass mark of 4 for 3 demonstration trials")
    refused(pictures_of(work, participants=1), "1 participants")
    refused(pictures_of(work, criteria="none"), "criteria=none")


@pytest.fixture
def few(tmp_path, tiny_vgg, small_images):
    """Metamers of four pictures, all of which passed."""
    labels = "".join(f"signal_{i},{CATEGORIES[i % 3]}\n" for i in range(4))
    (tmp_path / "labels.csv").write_text("stimulus,label\n" + labels)
    (tmp_path / "choices.txt").write_text("cat\ncup\ndog\n")
    write_metamers(tiny_vgg, small_images, ("conv1_2",), (0,), tmp_path / "pictures")
    return tmp_path


BARE = {"trials": 1, "practice": 0, "demonstration": 0, "pass_mark": None, "catch": 0}


def change_verdicts(folder: Path, change) -> None:
    for path in folder.rglob("metamer.json"):
        record = read_json(path)
        change(record)
        write_json(path, sealed(record))


def test_metamers_without_verdicts_are_refused(few):
    assert prepare(pictures_of(few, settings=BARE)).lists

    def fail(record):
        record["file"]["verdict"]["passes"] = False

    change_verdicts(few / "pictures", fail)
    refused(pictures_of(few, settings=BARE), r"too few metamers that pass.*vgg_tiny/conv1_2 \(0 of 4\)")
    refused(pictures_of(few, settings=BARE, missing="natural"), "no metamer passes of vgg_tiny/conv1_2")
    change_verdicts(few / "pictures", lambda record: record["file"].pop("verdict"))
    refused(pictures_of(few, settings=BARE), "no metamer has a verdict")


def test_networks_of_one_name_are_told_apart_and_settings_are_not_mixed(few, small_images):
    from tests.conftest import make_tiny_vgg

    other = make_tiny_vgg(seed=1)
    write_metamers(other, small_images, ("conv1_2",), (0,), few / "pictures" / "other")
    conditions = prepare(pictures_of(few, settings=BARE)).gathered.design.conditions
    assert len(set(conditions)) == 3 and all("vgg_tiny=" in name for name in conditions[1:])

    def other_settings(record):
        record["config"]["learning_rate"] = 0.5

    write_metamers(other, small_images, ("conv1_2",), (1,), few / "pictures" / "more")
    change_verdicts(few / "pictures" / "more", other_settings)
    refused(pictures_of(few, settings=BARE), "metamers of one layer that were made with other settings")


def test_practice_is_shown_again_where_there_are_no_others(few):
    prepared = prepare(pictures_of(few, settings={**BARE, "trials": 2, "practice": 3}))
    assert any("shown in main trials too" in note for note in prepared.notes)


def test_nothing_is_spared_where_lists_could_not_be_drawn_then(tmp_path, tiny_vgg, small_images):
    """Without signal_1, which the demonstration would keep for itself, both layers would need signal_0."""
    pictures = np.concatenate([small_images, small_images[:1, ::-1]])
    there = {"conv1_2": (0,), "conv3_4": (0, 1)}
    write_metamers(
        tiny_vgg,
        pictures,
        tuple(there),
        (0,),
        tmp_path / "pictures",
        passing=lambda layer, stimulus, seed: int(stimulus[-1]) in there[layer],
    )
    (tmp_path / "labels.csv").write_text("stimulus,label\n" + "".join(f"signal_{i},cat\n" for i in range(5)))
    (tmp_path / "choices.txt").write_text("cat\ndog\n")
    prepared = prepare(pictures_of(tmp_path, settings={**BARE, "demonstration": 3}))
    assert prepared.aside.spared == () and any("shown in main trials too" in note for note in prepared.notes)


def test_a_study_is_written_whole_or_not_at_all(work, tmp_path, monkeypatch):
    prepared = prepare(pictures_of(work))

    def full(*about):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(study_files, "write_tables", full)
        with pytest.raises(InputError, match="full"):
            write_study(prepared, tmp_path / "study")
    assert not list(tmp_path.iterdir())
    write_study(prepared, tmp_path / "study")
    before = contents(tmp_path / "study")
    with pytest.raises(InputError, match="exists already"):
        write_study(prepared, tmp_path / "study")
    assert contents(tmp_path / "study") == before


def _command(work: Path, out: Path) -> list[str]:
    flags = ["--metamers=pictures", "--task=images", "--labels=labels.csv", "--choices=choices.txt"]
    module = "model_metamers_experiments.prepare_human_experiment"
    return [
        sys.executable,
        "-m",
        module,
        *flags,
        "--trials_per_condition=2",
        "--participants=4",
        f"--out={out}",
    ]


@pytest.mark.slow
def test_killed_while_it_writes_it_leaves_nothing_and_the_command_starts_over(work, tmp_path):
    expected, killed = None, 0
    for wait in (0.0, 0.02, 0.1):
        out = tmp_path / f"study_{wait}"
        process = subprocess.Popen(_command(work, out), cwd=work, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(tmp_path.glob(".*.partial*")):
            time.sleep(0.001)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL and not out.exists()
        if not out.exists():
            again = subprocess.run(_command(work, out), cwd=work, capture_output=True, text=True)
            assert again.returncode == 0, again.stderr
        expected = expected or contents(out)
        assert contents(out) == expected
    assert killed and not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_of_two_that_write_one_study_one_is_told(work, tmp_path):
    out = tmp_path / "study"
    both = [
        subprocess.Popen(_command(work, out), cwd=work, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    told = next(text for text, process in zip(said, both, strict=True) if process.returncode == 2)
    assert "written to by process" in told or "not overwritten" in told, told
    assert "Traceback" not in told
    folder = StudyFolder(out)
    assert len(folder.read_lists()) == 4 and not list(tmp_path.glob(".*"))


def test_the_program_shows_a_plan_and_writes_a_study(work, tmp_path):
    flags = (
        f"--metamers={work}/pictures",
        "--task=images",
        f"--labels={work}/labels.csv",
        f"--choices={work}/choices.txt",
        *("--trials_per_condition=2", "--participants=4", "--fixation_ms=500", "--answer_ms=0"),
    )
    there = contents(work)
    shown = binaries.run("prepare_human_experiment", *flags, "--plan", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for told in (
        "vgg_tiny/conv3_4  17 of 18",
        "4 people, each with 10 trials: 4 of practice, 6 main",
        "power",
    ):
        assert told in shown.stdout
    assert not list(tmp_path.iterdir()) and contents(work) == there
    done = binaries.run("prepare_human_experiment", *flags, "--out=study", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "study" / "study.json").read_text())
    assert about["timing"] == {"fixation_ms": 500, "image_ms": 200, "mask_ms": 200, "answer_ms": None}
    for wrong, said in (
        (("--out=study",), "exists already"),
        (("--out=new", "--pass_mark=3"), "a pass mark of 3 for 0 demonstration trials"),
        (("--out=new", "--task=words"), "--fixation_ms is of images"),
    ):
        refused = binaries.run("prepare_human_experiment", *flags, *wrong, cwd=tmp_path)
        assert refused.returncode == 2 and said in refused.stderr, refused.stderr
        lines = [line for line in refused.stderr.splitlines() if "prepare_human_experiment: " in line]
        assert len(lines) == 1 and "Traceback" not in refused.stderr and not (tmp_path / "new").exists()
