"""The page of the paper's reproduction: what it reads, and what it shows."""

import csv
import dataclasses
import json

import pytest

from model_metamers import InputError
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.figures.points import Who
from model_metamers_experiments.reproduction import answers, cast, claims, page
from model_metamers_experiments.reproduction.answers import Answer
from model_metamers_experiments.reproduction.statements import STATEMENTS


def write_judgements(folder, *changes):
    """A table of recognize_metamers; a row for each set of changes."""
    row = {
        "judge": "j",
        "judge_weights": "1",
        "generator": "g",
        "generator_weights": "2",
        "layer": "a",
        "layer_index": "3",
        "stimulus": "s",
        "optimized": "image",
        "decision": "fine",
        "correct": "True",
        "counted": "True",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "judgements.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerows([{**row, **changed} for changed in changes])


def test_answers_are_those_that_count(tmp_path):
    write_judgements(tmp_path, {}, {"counted": "False"})
    (only,) = answers.read(tmp_path)
    assert only == Answer(Who("j", "1"), Who("g", "2"), "a", 3, "s", "image", "fine", True)
    (tmp_path / "judgements.csv").write_text("judge,counted\nj,True\n")
    with pytest.raises(InputError, match="recognize_metamers"):
        answers.read(tmp_path)


def test_what_a_failed_step_left_before_is_not_read(tmp_path):
    deep = {"layer": "b", "layer_index": "4", "correct": "False"}
    write_judgements(tmp_path / "recognition" / "images_all", {}, deep)
    scale = dataclasses.replace(cast.MINI, parts=())
    relu = [
        {"network": "n", "depth": 1, "layer": "l", "stimulus": "s", "gradient": gradient, "rho": 0.9}
        for gradient in ("linear", "plain")
    ]
    (tmp_path / "relu" / "vgg").mkdir(parents=True)
    (tmp_path / "relu" / "vgg" / figure_2.ROWS).write_text(json.dumps(relu))
    told = page.findings(scale, tmp_path, {"recognition/images_all", "relu/vgg"})
    assert len(told[2]) == len(told[3]) == 1
    told = page.findings(scale, tmp_path, {"relu/word"})
    assert told[2] == told[3] == []


def test_what_a_failed_step_left_before_is_not_shown(tmp_path):
    names = (
        "relu/vgg/figure_2c.png",
        "figures/figure_5.png",
        "figures/figure_3_images.png",
        "verdicts/vgg/spearman.png",
        "metamers/vgg/report.html",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    header = "layer,made,included_as_file,rho_mean,null_max\n"
    (tmp_path / "verdicts" / "vgg" / "table.csv").write_text(header + "conv1_2,7,5,0.9,0.1\n")
    scale = dataclasses.replace(cast.MINI, parts=cast.MINI.parts[:1])
    about = {"scale": "mini", "command": "", "sources": {}, "missing": {}, "failures": [], "costs": []}
    everything = {
        "relu/vgg",
        "figures/figure_5.png",
        "figures/figure_3_images.png",
        "verdicts/vgg",
        "metamers/vgg",
    }
    shown = (*names, "5 of 7")
    for current, expected in (everything, set(shown)), (set(), set()):
        told = {number: [] for number in STATEMENTS}
        html = page.write(tmp_path, scale, told, current, about).read_text()
        assert {text for text in shown if text in html} == expected


def test_page_tells_what_is_missing(tmp_path):
    scale = dataclasses.replace(cast.MINI, parts=())
    told = page.findings(scale, tmp_path, set())
    assert set(told) == set(STATEMENTS)
    about = {
        "scale": "mini",
        "command": "reproduce_paper",
        "sources": {"image": "i", "sound": "s"},
        "missing": {"word_aliased": "no weights"},
        "failures": ["a step"],
        "costs": [("a", 1.0)],
    }
    html = page.write(tmp_path, scale, told, set(), about).read_text()
    assert html.count("cannot be told here") >= 8 and "word aliased: no weights" in html and "a step" in html
    verdicts = {entry["verdict"] for entry in json.loads((tmp_path / page.CLAIMS).read_text()).values()}
    assert verdicts == {claims.UNTOLD}


@pytest.mark.parametrize(
    "value, sem, shown",
    [
        (0.2637, 0.05, ["0.264", "0.050"]),
        (0.0, 0.0, ["0.000", "0.000"]),
        (0.000384, 0.000176, ["0.00038", "0.00018"]),
    ],
)
def test_a_small_difference_is_not_shown_as_none(value, sem, shown):
    found = claims.Finding("fc7", value, sem, 16, claims.HOLDS)
    assert page.rows({2: [found]})[1] == ["", claims.HOLDS, *shown, "fc7"]
