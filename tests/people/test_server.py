"""A study over HTTP: who is told what, what is stored, and what is refused."""

import base64
import json

import pytest

from model_metamers.people import store
from tests.builders import serving, studies


def truths(study, session):
    """The right answers to a session's trials."""
    shown = study.read_answers()
    return [shown[trial["file"]].truth for trial in session["trials"]]


def test_a_session_from_beginning_to_end(browser, study):
    public = browser.client.get("/api/study").json()
    assert public["choices"] == list(studies.CATEGORIES) and public["simulated_allowed"] is True
    session = browser.enter()
    assert session["position"] == 0 and session["ended"] is None
    assert set(session["trials"][0]) == {"position", "part", "file", "mask"}
    right = truths(study, session)
    replies = browser.answer_all(session, right)
    assert [reply["position"] for reply in replies] == list(range(1, len(right) + 1))
    # Two practice trials, three of the demonstration, then six main ones with a catch trial among them.
    assert [reply["truth"] for reply in replies] == right[:2] + [None] * 10
    assert [reply["correct"] for reply in replies] == [True] * 2 + [None] * 10
    ended = {number: reply["part_ended"] for number, reply in enumerate(replies) if reply["part_ended"]}
    assert ended == {
        1: {"part": "practice", "right": None, "passed": None},
        4: {"part": "demonstration", "right": 3, "passed": True},
        11: {"part": "main", "right": None, "passed": None},
    }
    done = [browser.post("finish", token=session["token"], comments="Nice") for _ in range(2)]
    assert [reply.json() for reply in done] == [{"completion_url": None}] * 2
    assert browser.enter()["ended"] == "finished"


def test_a_repeat_gets_the_same_reply_and_another_answer_is_refused(browser, study):
    session = browser.enter()
    right, token = truths(study, session), session["token"]
    replies = browser.answer_all(session, right[:5])
    again = [browser.answer(token, position, right[position]) for position in range(5)]
    assert [reply.status_code for reply in again] == [200] * 5
    assert [reply.json() for reply in again] == replies
    other = next(choice for choice in studies.CATEGORIES if choice != right[4])
    refused = [
        browser.answer(token, 4, other),
        browser.answer(token, 4, right[4], rt_ms=1.0),
        browser.answer(token, 4, right[4], events=["blur"]),
        browser.answer(token, 4, None),
        browser.answer(token, 6, right[6]),
        browser.answer(token, 1000, right[6]),
        browser.post("finish", token=token, comments=None),
    ]
    assert [reply.status_code for reply in refused] == [409] * len(refused)
    assert browser.enter()["position"] == 5


def test_comments_are_taken_whatever_they_hold(browser, study, tmp_path):
    session = browser.enter()
    browser.answer_all(session, truths(study, session))
    comments = 'Très bien\x00\x0b\u2028 \U0001f600,\n\t"no" ' + "é" * 1900
    assert browser.post("finish", token=session["token"], comments=comments).status_code == 200
    with store.readable(tmp_path / "data", study.digest()) as reader:
        kept = reader.session(session["token"]).comments
    assert kept == comments.replace("\x00\x0b", "  ")


def test_without_an_answer_in_time_there_is_none_and_it_is_wrong(browser, study):
    session = browser.enter()
    reply = browser.answer(session["token"], 0, None, rt_ms=None)
    assert reply.json()["correct"] is False
    assert browser.answer(session["token"], 0, "", rt_ms=None).status_code == 200


def test_where_time_is_not_limited_an_answer_is_needed(tmp_path, page, clock):
    study = studies.make_study(tmp_path / "untimed", answer_ms=None)
    with serving.browser(study, tmp_path / "untimed_data", page, clock) as browser:
        session = browser.enter()
        assert browser.answer(session["token"], 0, None).status_code == 400
        assert browser.answer(session["token"], 0, "dog").status_code == 200


def test_who_fails_a_check_is_told_and_ends_and_the_list_goes_to_the_next(browser, study):
    session = browser.enter("P01")
    right, token = truths(study, session), session["token"]
    browser.answer_all(session, right[:2])
    replies = [browser.answer(token, position, "").json() for position in (2, 3)]
    last = browser.answer(token, 4, right[4]).json()
    assert [reply["part_ended"] for reply in replies] == [None, None]
    assert last["part_ended"] == {"part": "demonstration", "right": 1, "passed": False}
    assert browser.answer(token, 4, right[4]).json() == last
    assert browser.answer(token, 5, right[5]).status_code == 409
    assert browser.post("finish", token=token, comments="").status_code == 409
    assert browser.enter("P01")["ended"] == "failed_demonstration"
    lists = [browser.enter(f"P{number}")["trials"][0]["file"] for number in range(2, 5)]
    expected = [study.read_lists()[number][0].file for number in (0, 1, 2)]
    assert lists == expected


def test_words_begin_with_headphones_whose_choices_are_numbers(tmp_path, page, clock):
    study = studies.make_study(tmp_path / "words", task="words")
    with serving.browser(study, tmp_path / "heard", page, clock) as browser:
        session = browser.enter()
        right = truths(study, session)
        assert browser.answer(session["token"], 0, "human").status_code == 400
        replies = browser.answer_all(session, right)
        assert replies[5]["part_ended"] == {"part": "headphones", "right": 6, "passed": True}
        assert browser.answer(session["token"], 6, "1").status_code == 409


@pytest.mark.parametrize("right, ended", [(5, None), (4, "failed_headphones"), (0, "failed_headphones")])
def test_five_of_six_pass_the_headphone_check(tmp_path, page, clock, right, ended):
    study = studies.make_study(tmp_path / "words", task="words", lists=1)
    with serving.browser(study, tmp_path / "heard", page, clock) as browser:
        session = browser.enter()
        answers = truths(study, session)[:6]
        for position in range(6 - right):
            answers[position] = {"1": "2", "2": "3", "3": "1"}[answers[position]]
        assert browser.answer_all(session, answers)[-1]["part_ended"]["passed"] is (ended is None)
        assert browser.enter()["ended"] == ended


def test_lists_go_out_evenly_and_one_left_is_given_again_after_a_day(browser, study, clock):
    first = {trials[0].file: number for number, trials in enumerate(study.read_lists())}
    given = [first[browser.enter(f"P{number}")["trials"][0]["file"]] for number in range(6)]
    assert given == [0, 1, 2, 0, 1, 2]
    clock.pass_hours(20)
    token = browser.enter("P1")["token"]  # P1 was heard of now
    clock.pass_hours(5)
    late = browser.enter("P3")  # nobody was given its list yet
    assert late["position"] == 0 and late["ended"] is None
    again = [first[browser.enter(f"Q{number}")["trials"][0]["file"]] for number in range(4)]
    assert again == [2, 2, 0, 1]
    assert browser.enter("P0")["ended"] == "given_up" and browser.enter("P4")["ended"] == "given_up"
    assert browser.enter("P1")["token"] == token and browser.enter("P1")["ended"] is None
    assert browser.enter("P3")["ended"] is None


def test_simulated_observers_are_counted_for_themselves_and_keep_their_codes(browser, study):
    first = {trials[0].file: number for number, trials in enumerate(study.read_lists())}
    given = [
        browser.enter(code, simulated)["trials"][0]["file"]
        for code, simulated in (("P1", False), ("S1", True), ("S2", True), ("P2", False))
    ]
    assert [first[name] for name in given] == [0, 0, 1, 1]
    assert browser.post("session", code="P1", source="code", simulated=True).status_code == 409
    assert browser.post("session", code="S1", source="code", simulated=False).status_code == 409


def test_without_leave_no_simulated_observer_takes_part(study, tmp_path, page, clock):
    with serving.browser(study, tmp_path / "people", page, clock) as browser:
        assert browser.client.get("/api/study").json()["simulated_allowed"] is False
        refused = browser.post("session", code="S1", source="code", simulated=True)
        assert refused.status_code == 403 and "--allow_simulated" in refused.json()["error"]


def test_who_withdraws_is_gone_and_may_begin_anew(browser, study):
    kept = browser.enter("P02")
    session = browser.enter("P01")
    browser.answer_all(session, truths(study, session)[:4])
    assert browser.post("withdraw", token=session["token"]).json() == {}
    assert browser.answer(session["token"], 4, "dog").status_code == 401
    assert browser.post("withdraw", token=session["token"]).status_code == 401
    anew = browser.enter("P01")
    assert anew["position"] == 0 and anew["token"] != session["token"]
    assert browser.enter("P02")["token"] == kept["token"]


def test_the_page_and_the_files_are_sent_and_nothing_else(browser, study, page, tmp_path):
    assert browser.client.get("/").text == studies.PAGE["index.html"]
    for name, kind in (
        ("page.js", "text/javascript"),
        ("page.css", "text/css"),
        ("THIRD_PARTY.txt", "text/plain"),
    ):
        reply = browser.client.get(f"/{name}")
        assert reply.text == studies.PAGE[name] and reply.headers["content-type"].startswith(kind)
    trial = study.read_lists()[1][3]
    for name in (trial.file, trial.mask):
        reply = browser.client.get(f"/files/{name}")
        assert reply.content == (study.files / name).read_bytes()
        assert reply.headers["content-type"] == "image/png"
    (page / "later.js").write_text("1")
    (study.files / "stranger.png").write_bytes(b"x")
    for path in NOWHERE:
        reply = browser.client.get(path)
        assert reply.status_code in (404, 405) and set(reply.json()) == {"error"}, path


def test_no_name_and_no_header_tells_a_condition(browser, study):
    def headers(name):
        sent = browser.client.get(f"/files/{name}").headers
        return {key: value for key, value in sent.items() if key != "content-length"}

    shown = study.read_answers()
    pictures = [trial.file for trials in study.read_lists() for trial in trials]
    assert len({shown[name].condition for name in pictures}) > 4
    first = headers(pictures[0])
    assert all(headers(name) == first for name in pictures)
    assert not {"etag", "last-modified", "server"} & set(first)


def test_every_reply_has_the_strict_policy(browser, study):
    replies = [browser.client.get(path) for path in ("/", "/page.js", "/api/study", "/nothing")]
    replies += [
        browser.client.send("PUT", "/api/session", (), {}),
        browser.client.post("/api/answer", content=b"{"),
    ]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
        )
        assert "unsafe" not in policy and reply.headers["x-content-type-options"] == "nosniff"
    assert browser.client.get("/api/study").headers["cache-control"] == "no-store"


def test_progress_needs_the_password_and_tells_no_code(browser, study, monkeypatch):
    monkeypatch.setattr("model_metamers.people.server._WRONG_PASSWORD_S", 0.0)
    browser.answer_all(browser.enter("SECRETCODE"), studies.right_answers(study, 0)[:4])

    def ask(header):
        return browser.client.get("/progress", headers={"Authorization": header} if header else {})

    def basic(password):
        return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()

    wrong = [
        None,
        "",
        "Basic",
        "Basic x",
        "Bearer let me in",
        basic(""),
        basic("let me"),
        basic("let me in!"),
    ]
    for header in wrong:
        reply = ask(header)
        assert reply.status_code == 401 and "www-authenticate" in reply.headers
    page = ask(basic("let me in"))
    assert page.status_code == 200 and "<td>4</td><td>12</td>" in page.text
    assert "SECRETCODE" not in page.text


def test_there_is_no_progress_without_a_password(study, tmp_path, page, clock):
    with serving.browser(study, tmp_path / "data", page, clock) as browser:
        assert browser.client.get("/progress").status_code == 404


NOWHERE = (
    *("/answers.json", "/lists.json", "/later.js", "/docs", "/openapi.json", "/api", "/api/session/"),
    *(
        "/files/stranger.png",
        "/files/",
        "/files/..",
        "/files/../answers.json",
        "/files/answers.json%00.png",
        "/files/%00",
        "//etc/passwd",
    ),
    *("/files/%2e%2e%2fanswers.json", "/..%2fstudy%2fanswers.json"),
)
GOOD = {"position": 0, "answer": "dog", "rt_ms": 5.0, "events": []}
BAD_ANSWERS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"[" * 8000,
    b'{"a":' * 3000,
    json.dumps({**GOOD, "rt_ms": float("nan")}).encode(),
    json.dumps({**GOOD, "rt_ms": float("inf")}).encode(),
    b'{"token":"TOKEN","position":0,"answer":"dog","rt_ms":1e999}',
    b'{"token":"TOKEN","position":0,"answer":"\\ud800"}',
    b'{"token":"TOKEN","position":1e400,"answer":"dog"}',
    *(
        json.dumps({**GOOD, **change}).encode()
        for change in (
            {"extra": 1},
            {"position": "0"},
            {"position": 0.5},
            {"position": True},
            {"position": -1},
            {"position": 2**70},
            {"position": None},
            {"answer": 1},
            {"answer": ["dog"]},
            {"answer": "Dog"},
            {"answer": "wolf"},
            {"answer": "dog' OR 1=1 --"},
            {"answer": "d" * 101},
            {"rt_ms": "5"},
            {"rt_ms": -1},
            {"rt_ms": True},
            {"frame_ms": [1]},
            {"events": "blur"},
            {"events": [1]},
            {"events": ["blur focus"]},
            {"events": ["<script>"]},
            {"events": ["blur\n"]},
            {"events": ["blur"] * 201},
            {"token": 7},
            {"token": "x" * 32 + "\n"},
            {"token": "../../etc/passwd"},
        )
    ),
]


@pytest.mark.parametrize("body", BAD_ANSWERS)
def test_what_is_no_answer_is_refused_without_an_echo_and_not_stored(browser, body):
    token = browser.enter()["token"]
    if b'"token"' not in body and body.startswith(b'{"position"'):
        body = body[:-1] + b', "token": "' + token.encode() + b'"}'
    reply = browser.client.post("/api/answer", content=body.replace(b"TOKEN", token.encode()))
    assert reply.status_code == 400
    assert reply.json()["error"] in (
        "the body is no given as it is expected here",
        "the answer is none of the choices",
    )
    assert browser.enter()["position"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"code": ""},
        {"code": "a b"},
        {"code": "x" * 65},
        {"code": "P01\n"},
        {"code": "'; DROP TABLE person; --"},
        {"code": None},
        {"code": 12},
        {"source": "elsewhere"},
        {"simulated": "true"},
        {"simulated": 1},
        {"list": 3},
    ],
)
def test_who_comes_with_something_else_is_not_noted(browser, change):
    reply = browser.post("session", **{"code": "P01", "source": "code", "simulated": False, **change})
    assert reply.status_code == 400
    told = reply.json()["error"]
    assert told == "the body is no entry as it is expected here" or told.startswith("the code in the address")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_16_kib_is_refused_before_it_is_read(browser, chunked):
    token = browser.enter()["token"]
    body = json.dumps({"token": token, "comments": "x" * 20_000}).encode()
    content = (body[at : at + 1000] for at in range(0, len(body), 1000)) if chunked else body
    reply = browser.client.post("/api/finish", content=content)
    assert reply.status_code == 413 and "16384" in reply.json()["error"]


def test_anothers_or_no_token_is_refused(browser):
    browser.enter("P01")
    for token in ("A" * 32, "0" * 32):
        for what, more in (
            ("answer", {"position": 0, "answer": "dog"}),
            ("finish", {"comments": ""}),
            ("withdraw", {}),
        ):
            assert browser.post(what, token=token, **more).status_code == 401


def test_a_defect_ends_in_a_line(browser, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret /home/me")

    monkeypatch.setattr("model_metamers.people.taking_part.Desk.enter", broken)
    reply = browser.post("session", code="P01", source="code")
    assert reply.status_code == 500 and reply.json() == {"error": "the server failed"}
    assert "default-src 'none'" in reply.headers["content-security-policy"]
