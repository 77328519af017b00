"""The page in Chromium, against the real server."""

import dataclasses
import sqlite3
import time
from collections import Counter

import numpy as np
import pytest

from model_metamers.people import page_files
from model_metamers.people.study import StudyFolder, Timing
from model_metamers.storage.writing import write_json
from tests.builders import serving, studies

SHORT = Timing(120.0, 80.0, 80.0, None)


def study_of(path, **changes) -> StudyFolder:
    """A small study of pictures or words, changed in what its page may know."""
    sizes = {"practice": 1, "demonstration": 1, "main": 3, "catch": 1, "lists": 2}
    for name in set(changes) & {*sizes, "task"}:
        sizes[name] = changes.pop(name)
    place = studies.make_study(path, pass_marks=changes.pop("pass_marks", {}), **sizes)
    about = dataclasses.asdict(dataclasses.replace(place.read_study(), **changes))
    write_json(place.study, about)
    return place


@pytest.fixture
def serve(tmp_path):
    """Starts the program on a study; it is stopped at the end."""
    processes = []

    def begin(place, *flags, port=0):
        process = serving.start(place, tmp_path / "data", page_files.PACKAGED, *flags, port=port)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.terminate()
        process.wait(20)


def rows(tmp_path, what="*", table="answer"):
    order = "token, position" if table == "answer" else "rowid"
    with sqlite3.connect(tmp_path / "data" / "answers.sqlite") as connection:
        return connection.execute(f"SELECT {what} FROM {table} ORDER BY {order}").fetchall()


def test_pictures_from_consent_to_thanks(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", timing=Timing(300.0, 200.0, 200.0, None), main=2)
    visitor = visit(serve(place).url + "/?PROLIFIC_PID=5f00aa&STUDY_ID=s&SESSION_ID=t")
    visitor.walk(lambda trial: "bird", "Thank you")
    assert visitor.complaints == []
    assert visitor.headings == [
        *("Pictures and words", "Before you begin", "What you do", "Practice", "Trial run", "Main part"),
        *("A break", "Almost done", "Thank you"),
    ]
    stored = rows(tmp_path, "position, answer, rt_ms, fixation_ms, image_ms, mask_ms, frame_ms")
    assert [row[:2] for row in stored] == [(position, "bird") for position in range(5)]
    shown = np.array([row[2:] for row in stored], float)
    assert np.all(shown[:, 0] >= 0) and np.all(shown[:, 4] > 0)
    frames = shown[:, 4]
    assert np.all(np.abs(np.median(shown[:, 1:4] - [300, 200, 200], axis=0)) <= frames.max() / 2)
    assert rows(tmp_path, "code, source", "person") == [("5f00aa", "prolific")]
    assert rows(tmp_path, "ended, simulated", "session") == [("finished", 0)]


@pytest.mark.slow
def test_words_from_the_headphones_to_thanks(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", task="words", pass_marks={"headphones": 0})
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "2" if trial < 6 else "nation's", "Thank you")
    assert visitor.complaints == []
    assert visitor.headings[:5] == [
        *("Pictures and words", "Before you begin", "Volume", "Headphones"),
        "Which of the three tones is the quietest?",
    ]
    assert [row[0] for row in rows(tmp_path, "answer")] == ["2"] * 6 + ["nation's"] * 6
    assert all(rt >= 0 and image is None for rt, image in rows(tmp_path, "rt_ms, image_ms"))


@pytest.mark.slow
def test_with_a_limit_the_last_press_counts_and_no_press_is_an_answer_too(tmp_path, serve, visit):
    timing = dataclasses.replace(SHORT, answer_ms=2500.0)
    place = study_of(tmp_path / "study", practice=0, demonstration=0, main=2, catch=0, timing=timing)
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "bird", "Main part")
    visitor.page.click("button:text-is('Begin')")
    for choice in ("cat", "dog"):
        visitor.page.click(f'.choice[data-choice="{choice}"]')
    visitor.page.wait_for_selector("h1:has-text('A break')")
    visitor.page.click("text=Continue")
    visitor.page.wait_for_selector("h1:has-text('Almost done')")
    assert [row[0] for row in rows(tmp_path, "answer")] == ["dog", ""]
    assert [row[0] is None for row in rows(tmp_path, "rt_ms")] == [False, True]


@pytest.mark.slow
def test_after_a_reload_the_next_unanswered_trial_comes(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", timing=SHORT)
    process = serve(place)
    visitor = visit(process.url)
    visitor.walk(lambda trial: "cat", "A break")  # after half of the main trials
    before = len(rows(tmp_path))
    visitor.page.reload()
    assert visitor.walk(lambda trial: "dog", "Welcome back")["action"]
    visitor.walk(lambda trial: "dog", "Thank you")
    stored = rows(tmp_path, "position, answer, events")
    assert [row[0] for row in stored] == list(range(6))
    assert Counter(row[1] for row in stored) == {"cat": before, "dog": 6 - before}
    assert [("reloaded" in row[2].split()) for row in stored] == [n == before for n in range(6)]
    assert len(rows(tmp_path, table="session")) == 1
    visitor.page.reload()
    assert "You have finished this study" in visitor.walk(lambda trial: "", "Pictures and words")["text"]


@pytest.mark.slow
def test_an_answer_is_sent_until_it_is_acknowledged(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", timing=SHORT)
    visitor = visit(serve(place).url)
    fates = iter(["lost", "half", "fails"])

    def answer(route):
        fate = next(fates, "served")
        if fate == "lost":
            route.abort()
        elif fate == "half":  # it arrives, but the reply does not
            route.fetch()
            route.abort()
        elif fate == "fails":
            route.fulfill(status=503, body="busy")
        else:
            route.continue_()

    visitor.page.route("**/api/answer", answer)
    visitor.walk(lambda trial: "cat", "Thank you")
    assert [row[0] for row in rows(tmp_path, "position")] == list(range(6))


@pytest.mark.slow
def test_a_killed_server_that_comes_back_loses_nobody(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", timing=SHORT)
    process = serve(place)
    visitor = visit(process.url)
    visitor.walk(lambda trial: "cat", "Trial run")
    process.kill()
    process.wait()
    visitor.page.click("button:text-is('Begin')")
    visitor.page.click('.choice[data-choice="cat"]')
    visitor.page.wait_for_selector("#saving:visible")
    serve(place, port=int(process.url.rsplit(":", 1)[1]))
    visitor.walk(lambda trial: "cat", "Thank you")
    assert [row[0] for row in rows(tmp_path, "position")] == list(range(6))


@pytest.mark.slow
@pytest.mark.parametrize("part, choices", [("headphones", "123"), ("demonstration", studies.CATEGORIES)])
def test_a_failed_part_ends_the_session(tmp_path, serve, visit, part, choices):
    more = {"task": "words"} if part == "headphones" else {"timing": SHORT, "practice": 0, "demonstration": 2}
    place = study_of(tmp_path / "study", pass_marks={part: 2}, **more)
    shown, trials = place.read_answers(), place.read_lists()[0]
    right = [shown[trial.file].truth for trial in trials if trial.part == part]
    wrong = [next(choice for choice in choices if choice != truth) for truth in right]
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "", "Headphones" if part == "headphones" else "Trial run")
    state = visitor.walk(lambda trial: wrong[min(trial, len(wrong) - 1)], "Pictures and words")
    assert "so the study ends here" in state["text"]
    assert len(rows(tmp_path)) == len(right)
    assert rows(tmp_path, "ended", "session") == [(f"failed_{part}",)]
    assert visitor.complaints == []


@pytest.mark.slow
def test_people_go_on_only_after_everything_is_stored(tmp_path, serve, visit):
    place = study_of(
        tmp_path / "study", timing=SHORT, practice=0, demonstration=0, main=1, catch=0, breaks=()
    )
    process = serve(place)
    process.terminate()
    process.wait()
    process = serve(
        place, f"--completion_url={process.url}/page.css?cc=ABC", port=int(process.url.rsplit(":")[-1])
    )
    visitor = visit(process.url)
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.url.removeprefix(process.url)))
    visitor.page.route("**/api/finish", lambda route: (time.sleep(1), route.continue_()))
    visitor.walk(lambda trial: "cat", "Almost done")
    visitor.page.click("text=Finish")
    visitor.page.wait_for_url("**/page.css?cc=ABC", timeout=20_000)
    end = [url for url in asked if url.startswith(("/api/", "/page.css?"))]
    assert end[-3:] == ["/api/answer", "/api/finish", "/page.css?cc=ABC"]
    assert rows(tmp_path, "ended", "session") == [("finished",)]


@pytest.mark.slow
def test_who_withdraws_is_deleted(tmp_path, serve, visit):
    place = study_of(tmp_path / "study", timing=SHORT)
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "cat", "A break")
    visitor.page.click("#withdraw")
    visitor.page.click("text=Go on with the study")
    assert rows(tmp_path) and visitor.state()["heading"] == "A break"
    visitor.page.click("#withdraw")
    visitor.page.click("text=Delete my answers and stop")
    visitor.page.wait_for_selector("text=Everything that you answered was deleted")
    assert rows(tmp_path) == rows(tmp_path, table="person") == []


def test_nothing_is_stored_of_who_does_not_agree_or_only_looks(tmp_path, serve, visit):
    url = serve(study_of(tmp_path / "study")).url
    visitor = visit(url)
    visitor.page.click("text=I do not agree")
    visitor.page.wait_for_selector("text=Nothing was stored")
    looking = visit(f"{url}/?workerId=W1&hitId=H&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE")
    looking.page.wait_for_selector("text=This is a preview")
    strange = visit(f"{url}/?code=two%20words")
    strange.page.click("text=I agree")
    strange.page.wait_for_selector("text=This link cannot be used")
    assert rows(tmp_path, table="person") == []


@pytest.mark.slow
def test_all_can_be_done_by_keyboard(tmp_path, serve, visit):
    place = study_of(
        tmp_path / "study", timing=SHORT, practice=0, demonstration=0, main=2, catch=0, breaks=()
    )
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "", "Main part")
    press = visitor.page.keyboard.press
    press("Tab"), press("Enter")
    for keys in (["ArrowDown", "ArrowDown"], ["ArrowDown", "ArrowRight", "ArrowDown"]):
        visitor.page.wait_for_selector(".choice")
        for key in keys:
            press(key)
        press("Enter")
        visitor.page.wait_for_timeout(50)
    visitor.walk(lambda trial: "", "Almost done")
    # Sixteen run down columns of four: the second of the first column, and the second of the second.
    assert [row[0] for row in rows(tmp_path, "answer")] == [studies.CATEGORIES[1], studies.CATEGORIES[5]]


@pytest.mark.slow
def test_a_second_tab_cannot_answer_what_the_first_has(tmp_path, serve, visit):
    place = study_of(
        tmp_path / "study", timing=SHORT, practice=0, demonstration=0, main=2, catch=0, breaks=()
    )
    url = serve(place).url
    first = visit(url + "/?code=p")
    first.walk(lambda trial: "", "Main part")
    second = visit(url + "/?code=p", first.page.context)
    second.page.wait_for_selector("h1")
    second.walk(lambda trial: "", "Main part")
    first.walk(lambda trial: "cat", "Almost done")
    second.page.bring_to_front()
    state = second.walk(lambda trial: "dog", "Something went wrong")
    assert "Reload to go on" in state["text"]
    second.page.click("button:text-is('Reload')")
    second.walk(lambda trial: "dog", "Thank you")
    assert [row[0] for row in rows(tmp_path, "answer")] == ["cat", "cat"]


@pytest.mark.slow
def test_only_listed_words_are_accepted(tmp_path, serve, visit):
    place = study_of(
        tmp_path / "study", task="words", practice=0, demonstration=0, main=1, catch=0, breaks=()
    )
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "1", "Listen, then answer")
    page = visitor.page
    page.click(".play")
    page.wait_for_selector("input.word:enabled")
    box = page.locator("input.word")
    assert (box.get_attribute("role"), box.get_attribute("aria-expanded")) == ("combobox", "false")
    page.keyboard.type("NATION\u2019")  # as phones write it
    assert page.locator("[role=option]").all_text_contents() == ["nation's"]
    assert page.locator("button[type=submit]").is_disabled()
    page.keyboard.press("Backspace")
    assert page.locator("[role=option]").all_text_contents() == ["nation", "nation's"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == page.locator("[aria-selected=true]").get_attribute(
        "id"
    )
    page.keyboard.press("Enter")
    assert box.input_value() == "nation's" and box.get_attribute("aria-expanded") == "false"
    box.fill("nations")
    page.keyboard.press("Enter")
    assert page.locator("button[type=submit]").is_disabled()
    assert "No word of the list" in page.locator("[role=status].told").text_content()
    box.fill("ation")
    page.click("[role=option] >> nth=0")
    page.click("button[type=submit]")
    visitor.walk(lambda trial: "", "Almost done")
    assert rows(tmp_path, "answer")[-1] == ("nation",)


@pytest.mark.slow
@pytest.mark.parametrize("width, height", [(390, 844), (820, 1180), (1280, 800)])
def test_every_screen_fits_its_width(tmp_path, serve, visit, width, height):
    place = study_of(tmp_path / "study", timing=SHORT, main=1, catch=0, breaks=())
    visitor = visit(serve(place).url, width=width, height=height)
    wide = []

    def answer(trial):
        wide.append(visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth"))
        return "cat"

    visitor.walk(answer, "Thank you")
    assert max(wide) == 0


@pytest.mark.slow
def test_lost_focus_and_full_screen_are_recorded(tmp_path, serve, visit):
    place = study_of(
        tmp_path / "study", timing=SHORT, practice=0, demonstration=0, main=1, catch=0, breaks=()
    )
    visitor = visit(serve(place).url)
    visitor.walk(lambda trial: "", "Main part")
    visitor.page.click("button:text-is('Begin')")
    visitor.page.wait_for_selector(".choice")
    visitor.page.evaluate("document.exitFullscreen()")
    visitor.page.wait_for_timeout(300)
    visitor.page.evaluate("window.dispatchEvent(new Event('blur')), window.dispatchEvent(new Event('focus'))")
    visitor.walk(lambda trial: "cat", "Almost done")
    assert rows(tmp_path, "events")[0][0].split()[:3] == ["left_full_screen", "blur", "focus"]
