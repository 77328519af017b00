"""The page in Chromium without a server of this package: a plain web server, or a stand-in for JATOS."""

import functools
import http.server
import json
import re
import threading
import zipfile
from collections import Counter

import pytest

from model_metamers.people import loaded_study, static, static_results, store
from tests.builders import studies
from tests.people.test_page import SHORT, study_of

# The calls of JATOS's own script that the page uses; what JATOS would keep stays in the browser's store.
_JATOS = """
const kept = JSON.parse(localStorage.getItem("jatos") ?? '{"results": "", "session": {}, "ended": []}');
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));
const keep = (change) => {
  Object.assign(kept, change);
  localStorage.setItem("jatos", JSON.stringify(kept));
  return soon();
};
const jatos = window.jatos = {
  studySessionData: kept.session,
  urlQueryParameters: { PROLIFIC_PID: "p7" },
  onLoad: (callback) => setTimeout(callback, 20),
  appendResultData: (text) => keep({ results: kept.results + text }),
  setStudySessionData: (session) => keep({ session: (jatos.studySessionData = session) }),
  endStudy: (...given) => keep({ ended: [...kept.ended, ["end", ...given]] }),
  abortStudy: (...given) => keep({ ended: [["abort", ...given]], results: "" }),
};
"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        pass


@pytest.fixture
def web():
    """Serves a folder as any web server would; gives its address."""
    servers = []

    def begin(folder):
        handler = functools.partial(_Handler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def jatos(tmp_path, web):
    """Unpacks an archive as JATOS does and serves it, with the stand-in beside the page."""

    def begin(archive):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path / "jatos")
        (description,) = (tmp_path / "jatos").glob("*.jas")
        data = json.loads(description.read_text())["data"]
        folder = tmp_path / "jatos" / data["dirName"]
        (folder / "jatos.js").write_text(_JATOS)
        return f"{web(folder)}/{data['componentList'][0]['htmlFilePath']}"

    return begin


def test_a_folder_on_any_web_server_gives_the_answers_as_a_file(tmp_path, visit, web):
    place = study_of(tmp_path / "study", timing=SHORT, pass_marks={"demonstration": 0})
    made = static.export(place, "web", tmp_path / "out")
    visitor = visit(web(made.path) + "/?code=lab-3&list=1")
    visitor.walk(lambda trial: "cat", "A break")
    visitor.page.reload()
    visitor.walk(lambda trial: "dog", "Thank you")
    with visitor.page.expect_download() as download:
        visitor.page.click("text=Save my answers")
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert Counter(line["kind"] for line in lines) == {"session": 1, "answer": 6, "end": 1}
    about = place.read_study()
    assert (lines[0]["code"], lines[0]["list"], lines[0]["plan_sha256"]) == ("lab-3", 1, about.plan_sha256)
    given = [line for line in lines if line["kind"] == "answer"]
    trials = place.read_lists()[1]
    assert [(g["position"], g["part"], g["file"]) for g in given] == [
        (t.position, t.part, t.file) for t in trials
    ]
    assert {line["answer"] for line in given} == {"cat", "dog"}
    loaded = loaded_study.load(place.path)
    with store.writable(tmp_path / "data", loaded.digest) as answers:
        assert static_results.take_in(answers, loaded, [download.value.path()]) == (1, 6)
        assert [session.ended for session in answers.sessions()] == ["finished"]
    visitor.page.reload()
    assert re.fullmatch(r"answers-[0-9-]{20,30}\.jsonl", download.value.suggested_filename)
    with visitor.page.expect_download() as again:
        visitor.page.click("text=Save my answers")
    assert again.value.path().read_bytes() == download.value.path().read_bytes()
    assert visitor.complaints == []


def test_a_folder_that_is_opened_as_a_file_says_what_to_do(tmp_path, visit):
    made = static.export(study_of(tmp_path / "study"), "web", tmp_path / "out")
    visitor = visit((made.path / "index.html").as_uri())
    visitor.page.wait_for_selector("text=on a web server")


@pytest.mark.slow
def test_jatos_keeps_every_answer_and_a_reload_goes_on(tmp_path, visit, jatos):
    place = study_of(tmp_path / "study", task="words", pass_marks={"headphones": 0})
    visitor = visit(jatos(static.export(place, "jatos", tmp_path / "out").path))
    visitor.walk(lambda trial: "2" if trial < 6 else "water", "A break")
    visitor.page.reload()
    visitor.walk(lambda trial: "people", "Thank you")
    kept = json.loads(visitor.page.evaluate("localStorage.getItem('jatos')"))
    lines = [json.loads(line) for line in kept["results"].splitlines()]
    given = [line for line in lines if line["kind"] == "answer"]
    assert [line["position"] for line in given] == list(range(12))
    assert (lines[0]["code"], lines[0]["source"]) == ("p7", "prolific")
    assert [line["kind"] for line in lines][-1] == "end"
    assert kept["ended"] == [["end", True, "finished"]]
    assert visitor.complaints == []


@pytest.mark.slow
def test_who_fails_or_withdraws_without_a_server(tmp_path, visit, jatos):
    place = study_of(
        tmp_path / "study", timing=SHORT, practice=0, demonstration=1, pass_marks={"demonstration": 1}
    )
    url = jatos(static.export(place, "jatos", tmp_path / "out").path)
    truths = {studies.right_answers(place, number)[0] for number in range(2)}
    wrong = next(choice for choice in studies.CATEGORIES if choice not in truths)
    failed = visit(url)
    failed.walk(lambda trial: "", "Trial run")
    assert "so the study ends here" in failed.walk(lambda trial: wrong, "Pictures and words")["text"]
    kept = json.loads(failed.page.evaluate("localStorage.getItem('jatos')"))
    assert kept["ended"] == [["end", True, "failed_demonstration"]]
    failed.page.reload()
    failed.page.wait_for_selector("text=so the study ends here")
    leaving = visit(url)
    leaving.walk(lambda trial: "", "Trial run")
    leaving.page.click("#withdraw")
    leaving.page.click("text=Delete my answers and stop")
    leaving.page.wait_for_selector("text=Everything that you answered was deleted")
    kept = json.loads(leaving.page.evaluate("localStorage.getItem('jatos')"))
    assert kept["ended"] == [["abort", "withdrawn by the person", False]] and kept["results"] == ""
