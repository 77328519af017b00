"""Files of a metamer that do not belong together: named by every reader, and made again by a run."""

import dataclasses
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.runs import inclusion, intact, searches
from model_metamers.runs.folder import RunFolder, find_metamers
from model_metamers.runs.record import read_record, sealed, write_record
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.writing import write_arrays, write_json
from model_metamers.synthesis.search import Search
from tests.builders import tampering


def make_run(network, signals, out: Path, **changes) -> runs.Run:
    stimuli = {"one": signals[0], "two": signals[1], "three": signals[2]}
    config = mm.SynthesisConfig(iterations=6)
    run = runs.Run(network, ("conv1_2", "fc7"), stimuli, {"four": signals[3]}, out, config)
    return dataclasses.replace(run, **changes)


def perform(run: runs.Run) -> runs.Executed:
    return runs.execute([run], progress=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_vgg, small_images) -> runs.Run:
    """A run that is made; nothing changes it."""
    run = make_run(tiny_vgg, small_images, tmp_path_factory.mktemp("intact") / "whole")
    perform(run)
    return run


@pytest.fixture
def run(whole, tmp_path) -> runs.Run:
    """A copy of it, for one test."""
    shutil.copytree(whole.out, tmp_path / "run")
    return dataclasses.replace(whole, out=tmp_path / "run")


def seen(folder: Path) -> dict[str, bytes]:
    """Contents of the files below a folder that are not hidden."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if "/." not in f"/{name}"}


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob(".*"))


@pytest.fixture
def notes(caplog):
    caplog.set_level(logging.INFO, "model_metamers")
    return caplog


KINDS = tampering.KINDS | tampering.MORE


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_names_what_was_changed_and_makes_it_again(run, whole, notes, kind):
    folder = KINDS[kind](run.folder)
    perform(run)
    told = [message for message in notes.messages if str(folder) in message]
    assert len(told) == 1 and "\n" not in told[0]
    again = seen(run.out)
    if kind == "layer copied":  # no metamer of this run, which has nothing to make in its place
        assert "so it is a copy" in told[0] and "leaves it out" in told[0]
        shutil.rmtree(folder.parent)
        again = seen(run.out)
    elif kind.startswith(("picture", "target")):
        assert "written again" in told[0] and not hidden(run.out)
    else:
        assert f"set aside as .broken-{folder.name}-1, and made again" in told[0]
        assert f".broken-{folder.name}-1" in hidden(run.out)
    assert again == seen(whole.out)


@pytest.mark.parametrize("kind", KINDS)
def test_checking_names_what_was_changed_and_does_the_rest(run, kind):
    null = runs.measure_null(run, progress=False)
    folder = KINDS[kind](run.folder)
    checked, problems = inclusion.check_folders(find_metamers(run.out), [null])
    broken = 3 if kind == "layer copied" else 2 if "swapped" in kind else 1
    assert len(problems) == broken and any(str(folder) in str(problem) for problem in problems)
    assert len(checked) == (6 if kind == "layer copied" else 6 - broken)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "a folder"])
def test_files_that_are_missing_or_broken_are_made_again_to_the_same_bytes(run, whole, damage):
    damaged = (
        ("conv1_2", "one", "metamer.png"),
        ("conv1_2", "two", "target.png"),
        ("fc7", "one", "metamer.npz"),
        ("fc7", "two", "metamer.json"),
    )
    for layer, stimulus, name in damaged:
        path = run.folder.metamer(layer, stimulus).path / name
        content = path.read_bytes()
        path.unlink()
        if damage == "a folder":
            path.mkdir()
        elif damage != "missing":
            path.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    perform(run)
    assert seen(run.out) == seen(whole.out)


def test_a_folder_that_is_empty_or_a_file_is_made_again(run, whole):
    one, two = run.folder.metamer("fc7", "one").path, run.folder.metamer("fc7", "two").path
    for path in (one, two):
        shutil.rmtree(path)
    one.mkdir()
    two.write_text("a file")
    perform(run)
    assert seen(run.out) == seen(whole.out)
    assert hidden(run.out) == [".broken-one-1", ".broken-two-1"]


def test_a_kill_before_it_is_made_again_is_made_good(run, whole, monkeypatch):
    """The rest of its batch is there, and it still comes out to the same bits."""
    tampering.KINDS["arrays altered"](run.folder)
    search = Search.run
    monkeypatch.setattr(Search, "run", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("power cut")))
    with pytest.raises(RuntimeError, match="power cut"):
        perform(run)
    assert not run.folder.metamer("conv1_2", "one").path.exists()
    monkeypatch.setattr(Search, "run", search)
    perform(run)
    assert seen(run.out) == seen(whole.out)


def test_what_is_set_aside_twice_has_two_names(run, whole):
    for _ in range(2):
        tampering.KINDS["rho edited"](run.folder)
        perform(run)
    assert [name for name in hidden(run.out) if name.startswith(".broken")] == [
        ".broken-one-1",
        ".broken-one-2",
    ]
    assert seen(run.out) == seen(whole.out)


def test_a_whole_run_searches_nothing_and_sets_nothing_aside(run, whole, notes, monkeypatch):
    monkeypatch.setattr(Search, "run", lambda *_, **__: pytest.fail("searched again"))
    perform(run)
    assert seen(run.out) == seen(whole.out) and not hidden(run.out) and not notes.messages


def test_metamers_of_another_run_are_not_taken_for_its_own(run, whole, tmp_path, notes):
    config = dataclasses.replace(run.config, seed=5)
    other = dataclasses.replace(run, config=config, out=tmp_path / "other", layers=("fc7",))
    perform(other)
    place = run.folder.metamer("fc7", "one").path
    shutil.rmtree(place)
    shutil.copytree(other.folder.metamer("fc7", "one").path, place)
    record = read_record(place)
    with pytest.raises(InputError, match=r"of other settings than its run \(seed\)"):
        intact.check_files(place, record)
    perform(run)
    assert seen(run.out) == seen(whole.out) and ".broken-one-1" in hidden(run.out)


@pytest.mark.parametrize(("old", "new"), [("fc7", "fc6"), ("fc7/two", "fc7/2"), ("", "vgg")])
def test_a_renamed_folder_is_named(run, old, new):
    place = run.folder.path / old
    renamed = place.rename(run.folder.path / new if old else run.out / new)
    with pytest.raises(InputError, match="so it is a copy, or was renamed"):
        intact.check_files(next(p.parent for p in renamed.rglob("metamer.json")), _record_below(renamed))


def _record_below(folder: Path):
    return read_record(next(folder.rglob("metamer.json")).parent)


def test_a_place_is_told_whatever_leads_to_it(run, monkeypatch):
    place = run.folder.metamer("fc7", "one").path
    monkeypatch.chdir(place)
    intact.check_files(".", read_record("."))
    monkeypatch.chdir(run.out)
    intact.check_files(os.path.relpath(place), read_record(place))


def test_a_name_whose_letters_were_taken_apart_is_the_same(run):
    """As macOS and its archives write it."""
    place = run.folder.metamer("fc7", "one").path
    record = dataclasses.replace(read_record(place), stimulus="caf\u00e9")
    intact.check_files(place.rename(place.with_name("cafe\u0301")), record)


def test_a_folder_of_ones_own_may_have_any_name(run, tmp_path):
    saved = tmp_path / "mine" / "kept" / "a metamer"
    shutil.copytree(run.folder.metamer("fc7", "one").path, saved)
    intact.check_files(saved, read_record(saved))
    (saved / "target.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"target\.png: is not the file that its record tells of"):
        intact.check_files(saved, read_record(saved))


def test_a_copy_elsewhere_is_counted_once(run, tmp_path):
    null = runs.measure_null(run, progress=False)
    shutil.copytree(run.folder.path, run.out / "kept" / "vgg_tiny")
    checked, problems = inclusion.check_folders(find_metamers(run.out), [null])
    assert len(checked) == 6 and len(problems) == 6
    assert all("the same metamer twice" in str(problem) for problem in problems)


def test_loading_a_metamer_whose_arrays_were_changed_is_refused(run):
    for kind, message in (("arrays swapped", "is not the file"), ("rho edited", "was changed after")):
        folder = tampering.KINDS[kind](run.folder)
        with pytest.raises(InputError, match=message):
            mm.load(folder)


def to_format_1(folder: RunFolder) -> None:
    """What an older version would have written."""
    for place in folder.metamers():
        record = dataclasses.replace(
            read_record(place.path), files=None, null_sha256=None, checkpoint_place=None
        )
        write_record(place, record)
        assert read_json(place.record)["format"] == 1


def test_a_run_of_format_1_goes_on(run, whole, notes, monkeypatch):
    before = seen(run.out)
    to_format_1(run.folder)
    (run.folder.metamer("fc7", "one").path / "metamer.png").unlink()
    monkeypatch.setattr(Search, "run", lambda *_, **__: pytest.fail("searched again"))
    done = perform(run)
    assert done.complete and not hidden(run.out)
    after = seen(run.out)
    assert {k: v for k, v in after.items() if "json" not in k} == {
        k: v for k, v in before.items() if "json" not in k
    }
    null = runs.measure_null(run, progress=False)
    checked, problems = inclusion.check_folders(find_metamers(run.out), [null])
    assert len(checked) == 6 and not problems and not any(one.other_null for one in checked)


def test_arrays_of_format_1_with_another_target_are_made_again(run, whole):
    to_format_1(run.folder)
    tampering.KINDS["arrays swapped"](run.folder)
    perform(run)
    assert len([name for name in hidden(run.out) if name.startswith(".broken")]) == 2
    again, before = seen(run.out), seen(whole.out)
    assert [k for k in before if k.endswith(("npz", "png")) and again[k] != before[k]] == []


def test_a_picture_that_comes_out_otherwise_is_not_kept(run, whole, notes):
    """As where another version of a library writes it: the record's file is not to be had."""
    place = run.folder.metamer("fc7", "one")
    values = read_json(place.record)
    values["files"]["metamer.png"] = "0" * 64
    write_json(place.record, sealed(values))
    perform(run)
    assert any("cannot be written as it was" in m and ".broken-one-1" in m for m in notes.messages)
    assert seen(run.out) == seen(whole.out)


def test_sounds_and_cochleagrams_are_tied_and_mended_too(tmp_path, tiny_word_cnn, small_sounds):
    own = make_run(tiny_word_cnn, small_sounds, tmp_path, layers=("conv_2",))
    for made, extension in ((own, "wav"), (runs.over_cochleagrams(own), "png")):
        perform(made)
        before = seen(made.folder.path)
        place = made.folder.metamer("conv_2", "two").path
        (place / f"metamer.{extension}").unlink()
        content = (place / f"target.{extension}").read_bytes()
        (place / f"target.{extension}").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        perform(made)
        assert seen(made.folder.path) == before and not hidden(made.out)


def test_verdicts_of_different_nulls_at_one_layer_are_refused(run):
    places = [place.path for place in run.folder.metamers(["fc7"])]
    records = [read_record(place) for place in places]
    other = dataclasses.replace(records[1], null_sha256="0" * 64)
    none = dataclasses.replace(other, floats=dataclasses.replace(other.floats, verdict=None))
    intact.check_nulls(zip(places, records, strict=True))
    intact.check_nulls(zip(places[:2], [records[0], none], strict=True))
    elsewhere = dataclasses.replace(other, checkpoint="random:9")
    intact.check_nulls(zip(places[:2], [records[0], elsewhere], strict=True))
    with pytest.raises(InputError, match="judged by different null distributions") as refused:
        intact.check_nulls(zip(places[:2], [records[0], other], strict=True))
    assert str(places[0]) in str(refused.value) and "\n" not in str(refused.value)
    for null_max, fits in ((records[0].floats.verdict.null_max, True), (np.nan, False)):
        verdict = dataclasses.replace(records[1].floats.verdict, null_max=null_max)
        floats = dataclasses.replace(records[1].floats, verdict=verdict)
        older = dataclasses.replace(records[1], floats=floats, files=None, null_sha256=None)
        pair = list(zip(places[:2], [records[0], older], strict=True))
        if fits:
            intact.check_nulls(pair)
            continue
        with pytest.raises(InputError, match="different null distributions"):
            intact.check_nulls(pair)


@pytest.mark.parametrize("content", [b"", b"PK", None], ids=["empty", "cut", "missing"])
def test_a_broken_null_distribution_is_measured_again(run, whole, notes, content):
    run.folder.null.unlink() if content is None else run.folder.null.write_bytes(content)
    perform(run)
    assert seen(run.out) == seen(whole.out)
    assert [str(run.folder.null) in message for message in notes.messages] == [True] * (content is not None)


def test_a_null_distribution_that_was_changed_judges_nothing(run, whole):
    arrays = read_arrays(run.folder.null)
    write_arrays(run.folder.null, {**arrays, "fc7/maximum": np.array(-1.0)})
    perform(run)
    assert seen(run.out) == seen(whole.out)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"], ids=["empty", "cut"])
def test_a_broken_saved_search_begins_again(run, whole, notes, monkeypatch, content):
    shutil.rmtree(run.folder.layer("fc7"))
    save = searches.state_path

    def broken(*args):
        path = save(*args)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    monkeypatch.setattr(searches, "state_path", broken)
    assert perform(run).complete
    assert seen(run.out) == seen(whole.out)
    assert any("the search begins again" in message for message in notes.messages)
