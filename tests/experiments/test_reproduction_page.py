"""The page of the paper's reproduction: what it reads, and what it shows."""

import dataclasses
import json

import pytest

from model_metamers import InputError
from model_metamers.recognition import points
from model_metamers.recognition.judgement import Who, write_judgements
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import (
    answers,
    contrasts,
    depth_claims,
    judging,
    page,
    scales,
    steps,
    work,
)
from model_metamers_experiments.reproduction.statements import STATEMENTS
from tests.builders.judgements import make_judgement


def write_rows(folder, *rows):
    """What recognize_metamers writes, of judgements that have these values."""
    folder.mkdir(parents=True, exist_ok=True)
    judgements = [make_judgement(**row) for row in rows]
    write_judgements(folder / "judgements.csv", judgements)
    chance = {(one.judge, one.decision): 0.1 for one in judgements}
    points.write_points(folder / points.FILE, points.of_judgements(judgements, chance, resamples=2))


def test_answers_are_those_that_count(tmp_path):
    write_rows(tmp_path, {"stimulus": "s1"}, {"stimulus": "s2", "counted": False})
    assert answers.read(tmp_path) == [make_judgement(stimulus="s1")]
    (tmp_path / "judgements.csv").write_text("judge,counted\nj,True\n")
    with pytest.raises(InputError, match=r"line 1: has no column 'generator'.*recognize_metamers"):
        answers.read(tmp_path)


def test_natural_signals_are_no_metamers():
    natural, metamer = make_judgement(layer="natural"), make_judgement(layer="a")
    assert answers.of_metamers([natural, metamer]) == [metamer]
    assert depth_claims.falls_with_depth([natural], [natural], ["fine"], lambda *_: True) == []


def test_findings_are_of_metamers_that_meet_the_conditions_with_all_of_them_beside(tmp_path):
    """Claims 3 to 8: which folder of judgements counts, and which is told beside it."""
    parts = [part for part in scales.MINI.parts if part.role in ("both_tasks", "backgrounds", "word_aliased")]
    scale = dataclasses.replace(scales.MINI, parts=tuple(parts), decisions=("fine",))
    both, sounds, aliased = (part.network for part in parts)

    def rows(judge, generator, early, late, **about):
        """Ten stimuli at two layers, with these numbers of right answers."""
        return [
            {
                "judge": Who(*judge),
                "generator": Who(*generator),
                **about,
                "layer": layer,
                "layer_index": index,
                "stimulus": f"s{i}",
                "correct": i < right,
            }
            for index, (layer, right) in enumerate((("a", early), ("b", late)))
            for i in range(10)
        ]

    word, seed = ("word_small", "w"), ("word_small_seed1", "s")
    # Claim: right answers, of ten, that are contrasted; of metamers that meet the conditions, then of all.
    told = {"": {3: 9, 4: 8, 5: 7, 6: 6, 7: 9, 8: 10}, "_all": {3: 4, 4: 3, 5: 2, 6: 1, 7: 5, 8: 6}}
    for ending, right in told.items():
        folder = tmp_path / "recognition"
        images = rows(("x", "1"), ("vgg", "2"), right[3], 0) + rows(
            ("vgg_seed1", "3"), ("vgg", "2"), right[4], 0
        )
        write_rows(folder / f"images{ending}", *images)
        heard = rows(word, seed, 10, 10, optimized="waveform")
        heard += rows(word, seed, 10, 10 - right[8], optimized="cochleagram")
        heard += rows(word, ("word_small", "random:0"), 10, 10 - right[5], optimized="waveform")
        heard += rows(word, (sounds, "b"), 10, 10 - right[6], optimized="waveform")
        heard += rows(word, (both, "t"), 10, 10, optimized="waveform")
        write_rows(folder / f"sounds{ending}", *heard)
        either = rows((aliased, "a"), word, 10, right[7]) + rows(word, (aliased, "a"), 10, 0)
        write_rows(folder / f"architectures{ending}", *either)
    current = {f"recognition/{name}{ending}" for name in judging.JUDGEMENTS for ending in told}
    found = page.findings(scale, tmp_path, current)
    for claim in range(3, 9):
        first = found[claim][0]
        assert first.value == pytest.approx(told[""][claim] / 10), claim
        assert first.of_all[0] == pytest.approx(told["_all"][claim] / 10), claim
    assert found[6][2].value == 0.0 and found[6][2].of_all[0] == 0.0
    assert found[10][0].value == pytest.approx(0.3) and found[11][0].value == pytest.approx(0.0)
    assert found[11][0].text.endswith("b (chance 0.1)")


def test_what_a_failed_step_left_before_is_not_read(tmp_path):
    deep = {"layer": "b", "layer_index": 4, "correct": False}
    write_rows(tmp_path / "recognition" / "images_all", {}, deep)
    scale = dataclasses.replace(scales.MINI, parts=())
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
    scale = dataclasses.replace(scales.MINI, parts=scales.MINI.parts[:1])
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
    scale = dataclasses.replace(scales.MINI, parts=())
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
    assert verdicts == {contrasts.UNTOLD}


@pytest.mark.parametrize(
    "value, sem, shown",
    [
        (0.2637, 0.05, ["0.264", "0.164 to 0.364"]),
        (0.0, 0.0, ["0.000", "-0.100 to 0.100"]),
        (0.000384, 0.000176, ["0.00038", "-0.09962 to 0.10038"]),
    ],
)
def test_a_small_difference_is_not_shown_as_none(value, sem, shown):
    found = contrasts.Finding(
        "fc7", value, sem, 16, contrasts.HOLDS, low=value - 0.1, high=value + 0.1, p_holds=0.0123
    )
    assert page.rows({2: [found]})[1] == ["", contrasts.HOLDS, *shown, "0.012", "fc7"]


def test_page_says_which_layers_are_left_out(tmp_path):
    """Of networks whose metamers are made, not of those that only judge."""
    chosen = tuple(part for part in scales.MINI.parts if part.role in ("word", "vgg_other_seed"))
    scale = dataclasses.replace(scales.MINI, parts=chosen)
    about = {"scale": "mini", "command": "", "sources": {}, "missing": {}, "failures": [], "costs": []}
    told = {number: [] for number in STATEMENTS}
    html = page.write(tmp_path, scale, told, set(), about).read_text()
    assert "What this scale leaves out" in html and "vgg other seed: " not in html
    assert "word: cochleagram, " in html and "conv_3" in html and "pool_1_0" in html


def test_paper_scale_leaves_no_layer_out():
    """Figures 4 and 6 have eight, from the cochleagram to the classes; Figure 2c has DeepSpeech too."""
    parts = {part.role: part for part in scales.PAPER.parts}
    for role in ("word", "word_other_seed", "both_tasks", "backgrounds", "untrained", "word_aliased"):
        assert steps.left_out(parts[role]) == [] and len(work.matched_layers(parts[role])) == 8, role
    assert {"word", "word_aliased", "deepspeech"} <= scales.PAPER.relu_layers.keys() & parts.keys()
