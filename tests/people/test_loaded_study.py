"""A study that does not fit together is refused before anybody is served."""

import json

import pytest

from model_metamers.errors import InputError
from model_metamers.people import loaded_study, page_files
from tests.builders import studies


def changed(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def swap_parts(lists):
    lists[1][0]["part"], lists[1][11]["part"] = "main", "practice"


def forget(place, name):
    changed(place.answers, lambda shown: shown.pop(name))


BREAK = {
    "no study": lambda place: place.study.unlink(),
    "no answers": lambda place: place.answers.unlink(),
    "no lists": lambda place: place.lists.write_text("[]"),
    "an empty list": lambda place: changed(place.lists, lambda lists: lists[2].clear()),
    "no plan": lambda place: place.plan.unlink(),
    "another format": lambda place: changed(place.study, lambda study: study.update(format="99")),
    "no JSON": lambda place: place.lists.write_text("[[{"),
    "a position twice": lambda place: changed(place.lists, lambda lists: lists[0][3].update(position=2)),
    "an unknown part": lambda place: changed(place.lists, lambda lists: lists[0][3].update(part="break")),
    "parts out of order": lambda place: changed(place.lists, swap_parts),
    "a truth that is no choice": lambda place: changed(place.study, lambda study: study["choices"].pop(0)),
    "an unknown file": lambda place: forget(place, place.read_lists()[0][0].file),
    "a missing picture": lambda place: (place.files / place.read_lists()[0][4].file).unlink(),
    "a missing mask": lambda place: (place.files / place.read_lists()[0][4].mask).unlink(),
    "a file elsewhere": lambda place: changed(
        place.lists, lambda lists: lists[0][0].update(mask="../answers.json")
    ),
}


def test_a_whole_study_is_read(study):
    loaded = loaded_study.load(study.path)
    assert len(loaded.lists) == 3 and len(loaded.shown) == 36
    assert len(loaded.files) == 38  # with two masks
    assert loaded.digest == study.digest()


@pytest.mark.parametrize("what", list(BREAK))
def test_what_does_not_fit_is_refused_in_one_line(study, what):
    BREAK[what](study)
    with pytest.raises(InputError) as error:
        loaded_study.load(study.path)
    assert str(study.path) in str(error.value) and "\n" not in str(error.value)


def test_without_a_page_the_commands_that_build_it_are_named(tmp_path, page):
    assert page_files.page_folder(page) == page
    (page / "page.js").unlink()
    with pytest.raises(InputError, match="`make experiment-page`"):
        page_files.page_folder(page)


def test_only_files_of_known_kinds_belong_to_the_page(page):
    for name in (".hidden", "page.js.map", "server.py", "notes"):
        (page / name).write_text("x")
    (page / "folder.js").mkdir()
    assert set(page_files.read_page(page)) == set(studies.PAGE)
