"""Studies without a server of their own."""

import dataclasses
import json
import uuid
import zipfile

import pytest

from model_metamers.errors import InputError
from model_metamers.people import page_files, static
from model_metamers.people.study import write_tables
from tests.builders import studies


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page of a few lines, with what an export changes in it."""
    folder = studies.make_page(tmp_path / "page")
    index = (
        '<!doctype html>\n<html lang="en" data-store="server">\n<head>\n<meta charset="utf-8" />\n'
        '<script src="page.js" defer></script>\n</head>\n</html>\n'
    )
    (folder / "index.html").write_text(index)
    monkeypatch.setattr(page_files, "PACKAGED", folder)
    return folder


def test_a_folder_holds_the_page_the_study_and_no_answer_of_the_main_part(tmp_path, page):
    place = studies.make_study(tmp_path / "study", practice=2, demonstration=3, main=6, catch=1)
    made = static.export(place, "web", tmp_path / "out")
    assert made.path == tmp_path / "out"
    names = {str(path.relative_to(made.path)) for path in made.path.rglob("*") if path.is_file()}
    files = {f"files/{path.name}" for path in place.files.iterdir()}
    ours = {"study.json", "lists.json", "known.json"}
    assert names == files | ours | {path.name for path in page.iterdir()}
    assert (made.path / "study.json").read_bytes() == place.study.read_bytes()
    known = json.loads((made.path / "known.json").read_text())
    answers, lists = place.read_answers(), place.read_lists()
    early = {t.file for trials in lists for t in trials if t.part in ("practice", "demonstration")}
    assert known == {name: answers[name].truth for name in early}
    assert made.readable == len(early) == 15 and "can be read" in made.note
    text = "".join(path.read_text() for path in made.path.glob("*.*"))
    assert not any(shown.stimulus in text or "vgg/" in text for shown in answers.values())
    index = (made.path / "index.html").read_text()
    assert 'data-store="web"' in index and "Content-Security-Policy" in index and "jatos" not in index


def test_parts_without_a_mark_are_not_told(tmp_path, page):
    place = studies.make_study(tmp_path / "study", pass_marks={})
    static.export(place, "web", tmp_path / "out")
    known = json.loads((tmp_path / "out" / "known.json").read_text())
    assert set(known) == {t.file for trials in place.read_lists() for t in trials if t.part == "practice"}


def test_the_headphone_check_is_told_where_it_has_a_mark(tmp_path, page):
    place = studies.make_study(tmp_path / "study", task="words")
    static.export(place, "web", tmp_path / "out")
    known = json.loads((tmp_path / "out" / "known.json").read_text())
    assert {"1", "2", "3"} <= set(known.values())


def test_a_jatos_archive_is_a_folder_and_a_description_beside_it(tmp_path, page):
    place = studies.make_study(tmp_path / "study")
    made = static.export(place, "jatos", tmp_path / "out")
    assert made.path == tmp_path / "out" / "study.jzip"
    with zipfile.ZipFile(made.path) as archive:
        names = archive.namelist()
        top = {name.split("/")[0] for name in names}
        (description,) = [name for name in top if name.endswith(".jas")]
        (folder,) = top - {description}
        told = json.loads(archive.read(description))
        index = archive.read(f"{folder}/index.html").decode()
    assert f"{folder}/lists.json" in names and f"{folder}/known.json" in names
    assert not any("answers" in name for name in names)
    assert told["version"] == "3"
    assert set(told["data"]) == {
        *("uuid", "title", "description", "groupStudy", "linearStudy", "allowPreview", "dirName", "comments"),
        *("studyInput", "endRedirectUrl", "studyEntryMsg", "componentList", "batchList"),
    }
    assert told["data"]["dirName"] == folder and told["data"]["groupStudy"] is False
    (component,) = told["data"]["componentList"]
    assert set(component) == {
        *("uuid", "title", "htmlFilePath", "reloadable", "active", "comments", "componentInput")
    }
    assert (component["htmlFilePath"], component["reloadable"]) == ("index.html", True)
    (batch,) = told["data"]["batchList"]
    assert set(batch) == {
        *("uuid", "title", "active", "maxActiveMembers", "maxTotalMembers", "maxTotalWorkers"),
        *("allowedWorkerTypes", "comments", "batchInput"),
    }
    identities = [part["uuid"] for part in (told["data"], component, batch)]
    assert len({uuid.UUID(each) for each in identities}) == 3
    assert index.index('src="jatos.js"') < index.index('src="page.js"') and 'data-store="jatos"' in index
    again = static.export(place, "jatos", tmp_path / "again")
    with zipfile.ZipFile(again.path) as archive:
        assert json.loads(archive.read(description)) == told


@pytest.mark.parametrize("kind", ["", "WEB", "prolific"])
def test_an_unknown_kind_is_refused(tmp_path, page, kind):
    place = studies.make_study(tmp_path / "study")
    with pytest.raises(InputError, match="expected one of web, jatos"):
        static.export(place, kind, tmp_path / "out")


@pytest.mark.parametrize("kind", static.EXPORTS)
def test_what_is_there_is_not_written_over(tmp_path, page, kind):
    place = studies.make_study(tmp_path / "study")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists already"):
        static.export(place, kind, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_of_practice_that_the_main_part_shows_too_is_refused(tmp_path, page):
    place = studies.make_study(tmp_path / "study", lists=1)
    (trials,) = place.read_lists()
    same = dataclasses.replace(trials[-1], file=trials[0].file)
    write_tables(place, place.read_study(), [[*trials[:-1], same]], place.read_answers())
    with pytest.raises(InputError, match="in practice and in the main part"):
        static.export(place, "web", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("index", ["", "<html></html>", '<html data-store="server"></html>'])
def test_a_page_of_another_version_is_refused(tmp_path, page, index):
    (page / "index.html").write_text(index)
    place = studies.make_study(tmp_path / "study")
    with pytest.raises(InputError, match="of another version"):
        static.export(place, "web", tmp_path / "out")
    assert not (tmp_path / "out").exists()
