"""The paper in one command: what claims say of known answers, the plan, the runs, the page."""

import concurrent.futures
import contextlib
import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from model_metamers import InputError
from model_metamers.networks import catalog
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.figures.points import Who
from model_metamers_experiments.reproduction import (
    answers,
    cast,
    claims,
    page,
    rho_claims,
    running,
    steps,
    stimuli,
)
from model_metamers_experiments.reproduction.answers import Answer, Correlations
from model_metamers_experiments.reproduction.statements import STATEMENTS
from tests.test_figures import OTHER, SEED1, VGG, write_results

LAYERS = ("natural", "early", "middle", "late", "last")
WORD, SEED, BOTH, SOUNDS, UNTRAINED, ALIASED = (
    Who(name, weights)
    for name, weights in (
        ("word_small", "sha256:1"), ("word_small_seed1", "sha256:2"), ("both_small", "sha256:3"),
        ("sounds_small", "sha256:4"), ("word_small", "random:0"), ("aliased_small", "sha256:5"),
    )
)  # fmt: skip


def judged(judge, generator, shares, count=40, optimized="waveform", decision="fine"):
    """Answers of which the given share of each layer, early to late, is right."""
    return [
        Answer(judge, generator, layer, index - 1, f"s{i:02d}", optimized, decision, i < round(share * count))
        for index, (layer, share) in enumerate(zip(LAYERS, (1.0, *shares), strict=True))
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("value", "sem", "stimuli", "said"),
    [(0.4, 0.1, 40, "holds"), (0.15, 0.1, 40, "cannot be told here"), (-0.3, 0.1, 40, "does not hold"),
     (0.0, 0.01, 40, "does not hold"), (0.0, 0.06, 40, "cannot be told here"), (0.2, 0.0, 40, "holds"),
     (0.04, 0.01, 400, "holds"), (0.04, 0.01, 40, "does not hold"), (0.0, 0.0, 5, "cannot be told here"),
     (0.2, 0.0, 5, "cannot be told here"), (0.3, float("nan"), 40, "cannot be told here")],
)  # fmt: skip
def test_verdict_of_a_contrast(value, sem, stimuli, said):
    assert claims.verdict(value, sem, stimuli) == said


def test_claims_of_depth_tell_other_architectures_from_other_seeds():
    vgg, seed, other = Who(*VGG), Who(*SEED1), Who(*OTHER)
    rows = (
        judged(vgg, vgg, (1, 1, 1, 1))
        + judged(seed, vgg, (1, 1, 1, 0.9))
        + judged(other, vgg, (0.9, 1, 1, 0.2))
    )
    (across,) = claims.falls_with_depth(rows, rows, "fine", claims.other_architecture)
    assert across.value == pytest.approx(0.7) and across.verdict == claims.HOLDS and across.stimuli == 40
    assert dict(across.parts) == {"early": pytest.approx(0.9), "last": pytest.approx(0.2)}
    (within,) = claims.falls_with_depth(rows, rows, "fine", claims.other_seed)
    closed = np.sqrt(0.1 * 0.9 / 40)  # of 40 differences, 4 are one
    assert within.value == pytest.approx(0.1) and within.sem == pytest.approx(closed, rel=0.05)
    assert claims.falls_with_depth(rows, rows, "sixteen", claims.other_seed) == []


def test_depth_is_told_at_the_latest_layer_with_enough_metamers():
    vgg, other = Who(*VGG), Who(*OTHER)
    rows = judged(other, vgg, (1, 1, 0.5, 0))
    few = [row for row in rows if row.layer != "last" or row.stimulus < "s04"]
    (found,) = claims.falls_with_depth(few, rows, "fine", claims.other_architecture)
    assert "early minus late" in found.text and found.value == pytest.approx(0.5)
    none = [row for row in rows if row.layer == "natural" or row.stimulus < "s04"]
    (found,) = claims.falls_with_depth(none, rows, "fine", claims.other_architecture)
    assert found.verdict == claims.UNTOLD and found.of_all[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("untrained", "both", "sounds", "verdicts"),
    [
        (0.1, 0.8, 0.1, ("holds", "holds", "holds")),
        (0.9, 0.2, 0.1, ("does not hold", "holds", "does not hold")),
        (0.1, 0.9, 0.95, ("holds", "does not hold", "does not hold")),
    ],
)
def test_claims_of_tasks(untrained, both, sounds, verdicts):
    rows = judged(WORD, SEED, (1, 1, 0.9, 0.9)) + judged(WORD, UNTRAINED, (1, 1, untrained, untrained))
    rows += judged(WORD, BOTH, (1, 1, both, both)) + judged(WORD, SOUNDS, (1, 1, sounds, sounds))
    names = {"both_tasks": BOTH.name, "backgrounds": SOUNDS.name}
    (fifth,), (task, between) = claims.transfer(rows, rows, names)
    assert fifth.text.startswith("late, last:")
    assert (fifth.verdict, task.verdict) == verdicts[:2]
    assert between.value == pytest.approx(both - (0.9 + sounds) / 2)
    assert between.verdict == verdicts[2]


def test_late_layers_weigh_alike_where_all_conditions_have_them():
    """One of two late layers with fewer metamers of one network neither weighs less nor is told alone."""
    rows = judged(WORD, SEED, (1, 1, 0.9, 0.5)) + judged(WORD, SOUNDS, (1, 1, 0.1, 0.1))
    untrained = judged(WORD, UNTRAINED, (1, 1, 0.8, 0.2))
    some = [x for x in untrained if x.layer != "last" or x.stimulus in {f"s{i:02d}" for i in range(6)}]
    (fifth,), _ = claims.transfer(rows + some, rows + some, {})
    # At the last layer, the six that count are among the eight that are right.
    assert dict(fifth.parts) == {"another seed": pytest.approx(0.7), "untrained": pytest.approx(0.9)}
    assert fifth.text.startswith("late, last:") and fifth.stimuli == 6
    few = [x for x in some if x.layer != "last" or x.stimulus < "s04"]
    (fifth,), _ = claims.transfer(rows + few, rows + few, {})
    assert fifth.text.startswith("late:") and fifth.value == pytest.approx(0.1)


def test_claims_without_their_networks_cannot_be_told():
    rows = judged(WORD, SEED, (1, 1, 1, 1))
    (fifth,), sixth = claims.transfer(rows, rows, {})
    assert {fifth.verdict, *(finding.verdict for finding in sixth)} == {claims.UNTOLD}
    assert claims.together([]) == claims.UNTOLD
    assert claims.cochleagram(rows, rows)[0].verdict == claims.UNTOLD
    assert claims.reduced_aliasing(rows, rows, "")[0].verdict == claims.UNTOLD


def test_claims_of_aliasing_and_of_the_cochleagram():
    rows = judged(ALIASED, WORD, (1, 1, 0.9, 0.7)) + judged(WORD, ALIASED, (1, 1, 0.4, 0.2))
    rows += judged(WORD, SEED, (1, 1, 1, 1))  # of one architecture: not for claim 7
    (found,) = claims.reduced_aliasing(rows, rows, ALIASED.name)
    assert found.value == pytest.approx(0.5) and found.verdict == claims.HOLDS
    rows = judged(WORD, SEED, (1, 1, 0.8, 0.8)) + judged(
        WORD, SEED, (1, 1, 0.8, 0.8), optimized="cochleagram"
    )
    (found,) = claims.cochleagram(rows, rows)
    assert found.value == 0 and found.verdict == claims.FAILS


def test_verdicts_together():
    def of(*verdicts):
        return claims.together([claims.Finding("", 0, 0, 0, verdict) for verdict in verdicts])

    assert of(claims.HOLDS, claims.UNTOLD) == claims.HOLDS
    every = [claims.Finding("", 0, 0, 0, verdict) for verdict in (claims.HOLDS, claims.UNTOLD)]
    assert claims.together(every, every=True) == claims.IN_PART
    assert claims.together(every[:1], every=True) == claims.HOLDS
    assert of(claims.HOLDS, claims.FAILS, claims.UNTOLD) == claims.IN_PART
    assert of(claims.FAILS) == claims.FAILS
    assert of(claims.UNTOLD) == claims.UNTOLD


def test_claim_of_matching():
    def eight(*means):
        return {layer: np.full(8, mean) for layer, mean in zip("abc", means, strict=True)}

    rho = {"a": eight(0.99, 0.99, 0.99), "c": eight(0.1, 0.1, 0.99)}
    one = Correlations(["a", "c"], list("abc"), rho, dict.fromkeys("abc", 0.5), dict.fromkeys("abc", 0.0))
    assert [f.verdict for f in rho_claims.matching({"net": one})] == [claims.HOLDS] * 3
    assert [f.stimuli for f in rho_claims.matching({"net": one})] == [8] * 3  # not those times layers
    rho["c"]["a"][0] = 0.6  # one of eight above every unrelated pair is no proof
    assert rho_claims.matching({"net": one})[2].verdict == claims.UNTOLD
    rho["c"]["a"][:] = 0.6
    rho["a"]["b"][:] = 0.2
    assert [f.verdict for f in rho_claims.matching({"net": one})] == [
        claims.HOLDS,
        claims.FAILS,
        claims.FAILS,
    ]


def test_errors_of_rho_are_over_stimuli():
    values = np.random.default_rng(0).uniform(0.9, 1.0, 40)
    rho = {layer: {m: values for m in "ab"} for layer in "ab"}  # layers that add nothing
    one = Correlations(["a", "b"], list("ab"), rho, dict.fromkeys("ab", 0.5), dict.fromkeys("ab", 0.0))
    at, later, _ = rho_claims.matching({"net": one})
    closed = values.std() / np.sqrt(40)
    assert at.sem == pytest.approx(closed, rel=0.05) and later.sem == pytest.approx(closed, rel=0.05)


def test_claim_of_the_relu_gradient():
    def rows(linear, plain):
        about = {"network": "n", "depth": 1, "layer": "l"}
        return [
            {**about, "stimulus": f"s{i}", "gradient": gradient, "rho": rho + 0.01 * i}
            for gradient, rho in (("linear", linear), ("plain", plain))
            for i in range(8)
        ]

    (found,) = rho_claims.relu_gradient(rows(0.9, 0.8))
    assert found.verdict == claims.HOLDS and found.value == pytest.approx(0.1)
    assert rho_claims.relu_gradient(rows(0.8, 0.9))[0].verdict == claims.FAILS
    assert rho_claims.relu_gradient(rows(0.8, 0.8))[0].verdict == claims.UNTOLD


def write_judgements(folder, *changes):
    """A table of recognize_metamers; a row for each set of changes."""
    row = {"judge": "j", "judge_weights": "1", "generator": "g", "generator_weights": "2", "layer": "a",
           "layer_index": "3", "stimulus": "s", "optimized": "image", "decision": "fine",
           "correct": "True", "counted": "True"}  # fmt: skip
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
    relu = [{"network": "n", "depth": 1, "layer": "l", "stimulus": "s", "gradient": gradient, "rho": 0.9}
            for gradient in ("linear", "plain")]  # fmt: skip
    (tmp_path / "relu" / "vgg").mkdir(parents=True)
    (tmp_path / "relu" / "vgg" / figure_2.ROWS).write_text(json.dumps(relu))
    told = page.findings(scale, tmp_path)
    assert len(told[2]) == len(told[3]) == 1
    told = page.findings(scale, tmp_path, ["recognition/images_all", "relu/vgg"])
    assert told[2] == told[3] == []


def test_checkpoints_decide_which_networks_take_part(tmp_path):
    for name in "abw":
        (tmp_path / f"{name}.ckpt.index").write_text(name)
    a, b, w = (tmp_path / f"{name}.ckpt" for name in "abw")
    scale, missing = cast.with_checkpoints(cast.PAPER, [f"vgg={a}", f"vgg_other_seed={b}"])
    assert [part.role for part in scale.parts] == ["vgg", "vgg_other_seed"]
    assert scale.parts[0].weights != scale.parts[1].weights
    assert "inception" in missing and "word" in missing and "nobody" in missing["untrained"]
    scale, _ = cast.with_checkpoints(cast.PAPER, [f"word={w}"])
    assert [(part.role, part.trained) for part in scale.parts] == [("word", True), ("untrained", False)]
    _, missing = cast.with_checkpoints(cast.PAPER, [f"vgg={a}", f"vgg_other_seed={a}"])
    assert "vgg_other_seed" in missing
    for text in (f"nobody={a}", "vgg"):
        with pytest.raises(InputError, match="ROLE=CHECKPOINT"):
            cast.with_checkpoints(cast.PAPER, [text])
    with pytest.raises(InputError, match="no such checkpoint"):
        cast.with_checkpoints(cast.PAPER, ["vgg=typo.ckpt"])
    with pytest.raises(InputError, match="trained ones"):
        cast.with_checkpoints(cast.PAPER, ["word=random:0"])


def everything_plan(scale, out, without=()):
    """The plan of a scale whose networks all have weights."""
    signals = {
        kind: stimuli.Stimuli(out / kind, out / "further", None, 4, "", "") for kind in ("image", "sound")
    }
    return steps.plan(scale, signals, out, without)


def test_plan_has_every_run_once_and_grows_with_the_work(tmp_path):
    planned = everything_plan(cast.MINI, tmp_path)
    names = [step.name for step in planned]
    assert len(names) == len(set(names))
    assert {"metamers/word_other_seed_cochleagram", "relu/word", "recognition/architectures_all",
            "figures/figure_5.pdf", "figures/figure_s9.pdf"} <= set(names)  # fmt: skip
    assert not any(name.startswith("metamers/vgg_other_seed") for name in names)
    longer = everything_plan(dataclasses.replace(cast.MINI, iterations=2 * cast.MINI.iterations), tmp_path)
    assert 1.2 < steps.total(longer)[0] / steps.total(planned)[0] < 2
    for step in planned:
        assert (step.stage > 0) == (not step.name.startswith(("metamers", "relu")))


def test_plan_of_the_paper(tmp_path):
    names = {step.name for step in everything_plan(cast.PAPER, tmp_path)}
    assert {"metamers/vgg", "metamers/word_other_seed_cochleagram", "relu/word_aliased", "recognition/images",
            "figures/figure_5.pdf", "figures/figure_6.pdf", "figures/figure_s9.pdf"} <= names  # fmt: skip


def test_later_steps_do_without_what_failed(tmp_path):
    lost = ["metamers/backgrounds", "metamers/word_other_seed_cochleagram"]
    planned = {step.name: step for step in everything_plan(cast.MINI, tmp_path, lost)}
    command = " ".join(planned["recognition/sounds"].command)
    assert "metamers/both_tasks" in command and "metamers/word_other_seed" in command
    assert "metamers/backgrounds" not in command and "cochleagram" not in command
    assert not {"verdicts/backgrounds", "figures/figure_s9.pdf"} & set(planned)
    assert set(lost) <= set(planned) and "figures/figure_6.pdf" in planned


def test_steps_run_once_and_failures_are_told(tmp_path):
    results = write_results(tmp_path / "recognition.csv", [(SEED1, VGG), (OTHER, VGG)])
    good = steps.Step("figures/five", 0, ("draw_figure", "--figure=5", f"--recognition={results}",
                                          f"--out={tmp_path / 'five.png'}"), 1)  # fmt: skip
    bad = steps.Step("figures/none", 0, ("draw_figure", "--figure=5", f"--recognition={tmp_path / 'no.csv'}",
                                         f"--out={tmp_path / 'none.png'}"), 1)  # fmt: skip
    failures = running.run([good, bad], tmp_path, jobs=2, progress=False)
    assert list(failures) == [bad.name]
    assert failures[bad.name].startswith("figures/none: ended with status 2; draw_figure:")
    assert running.left([good, bad], tmp_path) == [bad]
    drawn = (tmp_path / "five.png").stat().st_mtime_ns
    assert running.run([good], tmp_path, jobs=1, progress=False) == {}
    assert (tmp_path / "five.png").stat().st_mtime_ns == drawn
    for other in (
        dataclasses.replace(good, command=(*good.command, "--names=")),
        dataclasses.replace(good, inputs=("other weights",)),
        dataclasses.replace(good, made=tmp_path / "six.png"),
    ):
        assert running.left([other], tmp_path) == [other]
    assert running.left([dataclasses.replace(good, made=tmp_path / "five.png")], tmp_path) == []


def test_the_longest_of_a_stage_begins_first(tmp_path):
    given = [
        steps.Step(name, stage, ("no_such_binary",), seconds)
        for name, stage, seconds in [("later", 1, 9), ("short", 0, 1), ("long", 0, 3), ("middle", 0, 2)]
    ]
    failures = running.run(given, tmp_path, jobs=1, progress=False)
    assert list(failures) == ["long", "middle", "short", "later"]


def test_steps_that_read_what_changed_are_run_again(tmp_path):
    early, late = (steps.Step(f"s/{stage}", stage, ("draw_figure", str(stage)), 1) for stage in (0, 1))

    def mark(step, ended):
        path = tmp_path / "done" / f"s_{step.stage}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"command": step.command, "inputs": [], "seconds": 1.0, "ended": ended}))

    assert running.left([early, late], tmp_path) == [early, late]
    mark(early, 10.0)
    mark(late, 20.0)
    assert running.left([early, late], tmp_path) == []
    mark(early, 30.0)
    assert running.left([early, late], tmp_path) == [late]
    changed = dataclasses.replace(early, command=("draw_figure", "--help"))
    mark(late, 40.0)
    assert running.left([changed, late], tmp_path) == [changed, late]


def test_page_tells_what_is_missing(tmp_path):
    scale = dataclasses.replace(cast.MINI, parts=())
    told = page.findings(scale, tmp_path)
    assert set(told) == set(STATEMENTS)
    about = {"scale": "mini", "command": "reproduce_paper", "sources": {"image": "i", "sound": "s"},
             "missing": {"word_aliased": "no weights"}, "failures": ["a step"],
             "costs": [("a", 1.0)]}  # fmt: skip
    html = page.write(tmp_path, scale, told, about).read_text()
    assert html.count("cannot be told here") >= 8 and "word aliased: no weights" in html and "a step" in html
    verdicts = {entry["verdict"] for entry in json.loads((tmp_path / page.CLAIMS).read_text()).values()}
    assert verdicts == {claims.UNTOLD}


def test_installed_stimuli(tmp_path):
    pictures = stimuli.photographs(tmp_path / "images", 10)
    assert not (tmp_path / "images").exists()  # until they are wanted
    pictures.prepare()
    assert len(list(pictures.matched.iterdir())) == 10 and len(list(pictures.further.iterdir())) == 6
    assert pictures.labels is None
    words = stimuli.synthesised_words(tmp_path / "words", 4)
    words.prepare()
    with words.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert set(truths) == {path.stem for path in words.matched.iterdir()} and len(truths) == 4
    assert all(name == label for name, label in truths.items())


def test_paper_scale_needs_signals(tmp_path):
    (tmp_path / "a.ckpt").write_text("weights")
    command = [sys.executable, "-m", "model_metamers_experiments.reproduce_paper", "--scale=paper", "--plan"]
    for given, told in ([], "no network has its weights"), (
        [f"--checkpoint=vgg={tmp_path / 'a.ckpt'}"], "--images: a folder of natural signals",
    ):  # fmt: skip
        done = subprocess.run([*command, *given, f"--out={tmp_path}"], capture_output=True, text=True)
        assert done.returncode == 2 and told in done.stderr


def test_a_plan_writes_nothing(tmp_path):
    command = [sys.executable, "-m", "model_metamers_experiments.reproduce_paper", "--plan"]
    done = subprocess.run([*command, f"--out={tmp_path / 'r'}"], capture_output=True, text=True, check=True)
    assert "metamers/word_aliased" in done.stdout and "0 of" not in done.stdout
    assert not (tmp_path / "r").exists()


def test_other_signals_of_the_user_are_other_signals(tmp_path):
    signal = catalog.build_network("vgg_19_small").signal
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32)).save(tmp_path / name / f"{name}.png")
    a, b = (stimuli.own(signal, str(tmp_path / name), None, None) for name in ("a", "b"))
    assert a.identity != b.identity and a.count == 1
    Image.new("RGB", (32, 32)).save(tmp_path / "a" / "more.png")
    more = stimuli.own(signal, str(tmp_path / "a"), None, None)
    assert more.identity != a.identity and more.count == 2
    with pytest.raises(InputError, match="no such file"):
        stimuli.own(signal, str(tmp_path / "c"), None, None)


@pytest.mark.slow
def test_a_killed_reproduction_ends_with_the_same_bytes(tmp_path):
    """On installed signals, all networks of the mini scale."""
    environment = {name: value for name, value in os.environ.items() if name != "METAMERS_DATA"}
    # oneDNN's convolutions of resnet_v2_small differ in the last bit with where memory happens to lie.
    environment["TF_ENABLE_ONEDNN_OPTS"] = "0"

    def begin(out):
        command = [sys.executable, "-m", "model_metamers_experiments.reproduce_paper", "--scale=mini",
                   "--stimuli=2", "--iterations=20", "--noprogress", f"--out={out}"]  # fmt: skip
        return subprocess.Popen(command, env=environment, start_new_session=True)

    whole, killed = tmp_path / "whole" / "r", tmp_path / "killed" / "r"
    stimuli.synthesised_words(tmp_path / "words", 2).prepare()
    for out in (whole, killed):
        shutil.copytree(tmp_path / "words", out / "stimuli" / "words")  # espeak-ng is not repeatable
    assert begin(whole).wait() == 0
    random = np.random.default_rng()
    for _ in range(3):
        process = begin(killed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=random.uniform(20, 60))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL  # and not that it had ended
    assert begin(killed).wait() == 0
    for path in sorted(whole.glob("recognition/*/*.csv")):
        assert (killed / path.relative_to(whole)).read_bytes() == path.read_bytes(), path
    assert (killed / page.CLAIMS).read_bytes() == (whole / page.CLAIMS).read_bytes()


def write_clips(path, clips):
    """Validation clips as build_speech_dataset writes them; a recording may lie in a folder."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for word, speaker, recording, level in clips:
            texts = {"word": word, "speaker": speaker, "recording": recording}
            features = {
                f"/stimuli/{key}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
                for key, text in texts.items()
            }
            waveform = tf.train.FloatList(value=np.full(100, level))
            features["/stimuli/signal"] = tf.train.Feature(float_list=waveform)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def test_spoken_words_are_of_unlike_words_and_speakers(tmp_path):
    clips = [
        (word, f"speaker{s}", f"{word}/{s}_nohash_0", 0.1 * s)
        for word in ("go", "no", "up")
        for s in range(4)
    ]
    (tmp_path / "speech").mkdir()
    write_clips(tmp_path / "speech" / "validation-00000-of-00001.tfrecord", clips)

    def drawn(out):
        found = stimuli.spoken_words(tmp_path / "speech", out, 3, 5, 8000, pytest.fail)
        found.prepare()
        return found

    found = drawn(tmp_path / "out")
    with found.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert sorted(truths.values()) == ["go", "no", "up"]
    matched, further = ({path.stem for path in folder.iterdir()} for folder in (found.matched, found.further))
    assert matched == set(truths) and len(further) == 5 and not matched & further
    assert len({name.split("_")[1] for name in matched}) == 3  # speakers
    for name, label in truths.items():
        waveform, rate = soundfile.read(found.matched / f"{name}.wav")
        assert (
            rate == 8000 and np.allclose(waveform, 0.1 * int(name.split("_")[1])) and name.startswith(label)
        )
    again = drawn(tmp_path / "again")
    assert {path.stem for path in again.matched.iterdir()} == matched


def test_a_step_waits_for_the_one_that_outlived_a_killed_reproduction(tmp_path):
    results = write_results(tmp_path / "recognition.csv", [(SEED1, VGG)])
    step = steps.Step("figures/five", 0, ("draw_figure", "--figure=5", f"--recognition={results}",
                                          f"--out={tmp_path / 'five.png'}"), 1)  # fmt: skip
    log = tmp_path / "logs" / "figures_five.txt"
    log.parent.mkdir()
    log.write_text("of the one before")
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(60)"
    )
    outlived = subprocess.Popen([sys.executable, "-c", hold, str(log)], stdout=subprocess.PIPE)
    assert outlived.stdout.readline() == b"held\n"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running_step = pool.submit(running.run, [step], tmp_path, 1, False)
        with pytest.raises(concurrent.futures.TimeoutError):
            running_step.result(timeout=1)
        assert log.read_text() == "of the one before"
        outlived.kill()
        outlived.wait()
        assert running_step.result(timeout=120) == {}
    assert (tmp_path / "five.png").exists()
