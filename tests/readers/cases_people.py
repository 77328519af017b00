"""Cases of what studies with people hold: plans, exported answers."""

import dataclasses
from pathlib import Path

from model_metamers.people import plan, recorded
from model_metamers.people.answers import Answer, Session
from model_metamers.storage.writing import write_json, write_table
from tests.builders.reshaping import json_values
from tests.readers.case import Case

PLAN = plan.Plan("1", 16, 10, contrasts=plan.usual_contrasts([("a/x", "a/y"), ("b/x", "b/y")]))
ANSWER = Answer(
    **{"person": 1, "session": 1, "list": 0, "position": 3, "part": "main", "file": "f", "kind": "metamer"},
    **{"condition": "a/x", "stimulus": "s", "truth": "cat", "answer": "dog", "correct": False},
    **{"rt_ms": 640.5, "fixation_ms": 300.0, "image_ms": 200.1, "mask_ms": None, "frame_ms": 16.7},
    **{"events": "blur focus", "received": "2026-01-05T09:00:00.000Z", "simulated": False},
)
SESSION = Session(1, 1, 0, "2026-01-05T09:00:00Z", "", "open", 'It said "dog",\nI think', False)


def check_plan(path: Path):
    read = plan.read_plan(path)
    assert 0 < read.alpha < 1 and read.permutations >= 1
    assert all(one.test in plan.TESTS and len(one.conditions[0]) > 1 for one in read.contrasts)


def check_changes(path: Path):
    read = plan.read_changes(path, PLAN)
    assert 0 < read.alpha < 1 and read.participants == PLAN.participants


def export(path: Path):
    for name, one in (("trials.csv", ANSWER), ("sessions.csv", SESSION)):
        values = dataclasses.asdict(one)
        write_table(path.with_name(name), [list(values), list(values.values())])
    write_json(path.with_name("export.json"), {"study_sha256": "0"})


def check_export(path: Path):
    answers, sessions = recorded.read_export(path.parent, "0")
    for answer in answers:
        assert isinstance(answer.correct, bool) and (answer.rt_ms is None or abs(answer.rt_ms) < 1e400)
    assert all(session.ended in recorded.ENDED for session in sessions)


CASES = {
    "plan": Case("studies", "plan.json", lambda path: plan.write_plan(path, PLAN), check_plan, json_values),
    "changes of a plan": Case(
        "studies", "plan.json", lambda path: plan.write_plan(path, PLAN), check_changes, json_values
    ),
    "answers": Case("studies", "trials.csv", export, check_export),
    "sessions": Case("studies", "sessions.csv", export, check_export),
    "about an export": Case("studies", "export.json", export, check_export, json_values),
}
