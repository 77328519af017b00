"""The reproduction's plan: which networks take part, what is run, and what is run again."""

import dataclasses
import json

import pytest

from model_metamers import InputError, SignalSpec, execution
from model_metamers.execution import driving, task_units
from model_metamers.execution.programs import flags
from model_metamers.execution.units import Needs
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import cast, judging, page, scales, steps
from model_metamers_experiments.reproduction.stimuli import StimulusSet
from tests.builders.file_units import Threads

SIGNALS = {
    "image": SignalSpec("image", (32, 32, 3), 0.0, 1.0),
    "sound": SignalSpec("sound", (8000,), -1.0, 1.0, 8000),
}


def write_checkpoint(prefix, text):
    for ending in (".index", ".data-00000-of-00001"):
        prefix.with_name(prefix.name + ending).write_text(text + ending)
    return prefix


def test_checkpoints_decide_which_networks_take_part(tmp_path):
    a, b, w = (write_checkpoint(tmp_path / f"{name}.ckpt", name) for name in "abw")
    scale, missing = cast.with_checkpoints(scales.PAPER, [f"vgg={a}", f"vgg_other_seed={b}"])
    assert [part.role for part in scale.parts] == ["vgg", "vgg_other_seed"]
    assert scale.parts[0].weights != scale.parts[1].weights
    assert "inception" in missing and "word" in missing and "nobody" in missing["untrained"]
    scale, _ = cast.with_checkpoints(scales.PAPER, [f"word={w}"])
    assert [(part.role, part.trained) for part in scale.parts] == [("word", True), ("untrained", False)]
    _, missing = cast.with_checkpoints(scales.PAPER, [f"vgg={a}", f"vgg_other_seed={a}"])
    assert "vgg_other_seed" in missing
    for text in (f"nobody={a}", "vgg"):
        with pytest.raises(InputError, match="ROLE=CHECKPOINT"):
            cast.with_checkpoints(scales.PAPER, [text])
    with pytest.raises(InputError, match="no such checkpoint"):
        cast.with_checkpoints(scales.PAPER, ["vgg=typo.ckpt"])
    with pytest.raises(InputError, match="trained ones"):
        cast.with_checkpoints(scales.PAPER, ["word=random:0"])


OWN = """
import tensorflow as tf
import model_metamers as mm

def small(checkpoint=None, kind="image", name="mine"):
    shape = (8, 8, 3) if kind == "image" else (64,)
    inputs = tf.keras.Input(shape)
    flat = tf.keras.layers.Flatten()(inputs)
    x = tf.keras.layers.Dense(4, activation="relu", name="first")(flat)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(3, name="last")(x), name=name)
    signal = mm.SignalSpec(kind, shape, 0.0, 1.0, *([] if kind == "image" else [64]))
    return mm.from_keras(model, layers=["first", "last"], signal=signal, classes=["a", "b", "c"])

def of_sounds():
    return small(kind="sound")

def taken():
    return small(name="vgg_19")
"""


def test_networks_of_the_user_take_part(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    (tmp_path / "mine.npz").write_text("weights")
    checkpoint = f"mine={tmp_path / 'mine.npz'}"
    scale = cast.with_networks(scales.IMAGENET, [f"mine={file}:small"], [checkpoint])
    scale, missing = cast.with_checkpoints(scale, [checkpoint])
    (mine,) = [part for part in scale.parts if part.role == "mine"]
    assert (mine.network, mine.kind, mine.spec) == ("mine", "image", f"{file}:small")
    assert "vgg" in missing
    planned = {task.name: task for task in plan(scale, tmp_path)}
    assert planned["metamers/mine"].arguments["network"] == f"{file}:small"
    assert planned["metamers/mine"].arguments["layers"] == ("first", "last")
    assert f"{file}:small={tmp_path / 'mine.npz'}" in planned["recognition/images"].arguments["judges"]
    file.write_text(OWN + "# changed")
    assert cast.with_checkpoints(scale, [checkpoint])[0].parts[-1].weights != mine.weights


def test_a_keras_file_of_the_user_takes_part(tmp_path):
    import tensorflow as tf

    layers = [tf.keras.Input((8, 8, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(3, name="last")]
    tf.keras.Sequential(layers).save(tmp_path / "own.keras")
    signal = tmp_path / "own.signal.json"
    fields = {"kind": "image", "shape": [8, 8, 3], "low": 0, "high": 1, "layers": ["last"]}
    signal.write_text(json.dumps(fields))
    scale = cast.with_networks(scales.IMAGENET, [f"mine={tmp_path / 'own.keras'}"], [])
    (mine,) = [part for part in cast.with_checkpoints(scale, [])[0].parts if part.role == "mine"]
    assert (mine.network, mine.spec) == ("own", str(tmp_path / "own.keras"))
    planned = {task.name: task for task in plan(scale, tmp_path)}
    assert planned["metamers/mine"].arguments["network"] == str(tmp_path / "own.keras")
    assert planned["metamers/mine"].arguments["layers"] == ("last",)
    assert str(tmp_path / "own.keras") in planned["recognition/images"].arguments["judges"]
    signal.write_text(json.dumps({**fields, "mean": 0.5}))
    assert cast.with_checkpoints(scale, [])[0].parts[-1].weights != mine.weights


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mine.py:small", "ROLE=FILE.py:FUNCTION"),
        ("mine=vgg_19", "ROLE=FILE.py:FUNCTION"),
        ("../mine=FILE:small", "ROLE=FILE.py:FUNCTION"),
        ("vgg=FILE:small", "role vgg is taken"),
        ("mine=FILE:of_sounds", "takes sounds"),
        ("mine=FILE:taken", "vgg_19, is taken"),
        ("mine=FILE:nothing", "no function"),
    ],
)
def test_other_networks_of_the_user_are_refused(tmp_path, given, message):
    (tmp_path / "mine.py").write_text(OWN)
    with pytest.raises(InputError, match=message):
        cast.with_networks(scales.IMAGENET, [given.replace("FILE", str(tmp_path / "mine.py"))], [])


def test_layers_of_a_role_are_chosen():
    scale = cast.with_layers(scales.MINI, ["vgg=conv2_2,fc7"])
    assert [part.layers for part in scale.parts if part.role == "vgg"] == [("conv2_2", "fc7")]
    for text in ("nobody=conv1", "vgg", "vgg="):
        with pytest.raises(InputError, match="ROLE=LAYER,LAYER"):
            cast.with_layers(scales.MINI, [text])
    with pytest.raises(InputError, match="conv9"):
        cast.with_layers(scales.MINI, ["vgg=conv2_2,conv9"])


def test_with_one_network_nobody_else_judges(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "a.ckpt", "a")
    scale, _ = cast.with_checkpoints(scales.IMAGENET, [f"mobilenet={checkpoint}"])
    scale = dataclasses.replace(scale, parts=tuple(p for p in scale.parts if p.role == "mobilenet"))
    planned = {task.name: task for task in plan(scale, tmp_path)}
    assert "figures/figure_5.png" not in planned and "metamers/mobilenet" in planned
    told = page.findings(scale, tmp_path, set())
    assert not told[3] and not told[4]


def weights(checkpoint):
    """What tells a checkpoint from others."""
    scale, _ = cast.with_checkpoints(scales.PAPER, [f"vgg={checkpoint}"])
    return scale.parts[0].weights


def test_weights_are_their_content(tmp_path):
    prefix = write_checkpoint(tmp_path / "a[1].ckpt", "weights")
    data = tmp_path / "a[1].ckpt.data-00000-of-00001"
    before = weights(prefix)
    assert weights(f"{prefix}.index") == before
    data.touch()
    write_checkpoint(tmp_path / "a[1].ckpt2", "a neighbour")
    (tmp_path / "a[1].ckpt.bak").write_text("a copy")
    assert weights(prefix) == before
    assert weights(write_checkpoint(tmp_path / "b.ckpt", "weights")) == before  # under another name
    data.write_text(data.read_text().upper())  # of the same length
    assert weights(prefix) != before


def test_weights_of_a_folder_or_a_single_file_are_their_content(tmp_path):
    for content in ("one", "two"):
        (tmp_path / content / "variables").mkdir(parents=True)
        (tmp_path / content / "saved_model.pb").write_text("graph")
        write_checkpoint(tmp_path / content / "variables" / "variables", content)
        (tmp_path / f"{content}.ckpt").write_text(content)
    one = weights(tmp_path / "one")
    (tmp_path / "one" / ".DS_Store").write_text("the file browser's")
    assert weights(tmp_path / "one") == one != weights(tmp_path / "two")
    assert weights(tmp_path / "one.ckpt") != weights(tmp_path / "two.ckpt")


def stimuli_in(out):
    return {kind: StimulusSet(SIGNALS[kind], out / kind, out / "further", None, 4, "") for kind in SIGNALS}


def plan(scale, out, without=()):
    """The plan of a scale whose networks all have weights."""
    return steps.plan(scale, stimuli_in(out), out, without)


def test_plan_has_every_run_once_and_grows_with_the_work(tmp_path):
    planned = plan(scales.MINI, tmp_path)
    names = [task.name for task in planned]
    assert len(names) == len(set(names))
    assert {
        "metamers/word_other_seed_cochleagram",
        "relu/word",
        "recognition/architectures_all",
        "figures/figure_5.pdf",
        "figures/figure_s9.pdf",
    } <= set(names)
    assert not any(name.startswith("metamers/vgg_other_seed") for name in names)
    twice = {kind: 2 * count for kind, count in scales.MINI.iterations.items()}
    longer = plan(dataclasses.replace(scales.MINI, iterations=twice), tmp_path)
    total, of_longer = (sum(task.seconds for task in tasks) for tasks in (planned, longer))
    assert 1.2 < of_longer / total < 2


def test_plan_of_the_paper(tmp_path):
    names = {task.name for task in plan(scales.PAPER, tmp_path)}
    assert {
        "metamers/vgg",
        "metamers/word_other_seed_cochleagram",
        "relu/word_aliased",
        "recognition/images",
        "figures/figure_5.pdf",
        "figures/figure_6.pdf",
        "figures/figure_s9.pdf",
    } <= names


def test_a_task_needs_those_whose_results_it_reads(tmp_path):
    planned = plan(scales.MINI, tmp_path)
    assert {task.name for task in execution.in_order(planned)} == {task.name for task in planned}
    for task in planned:
        # A folder that another task leaves, in one of the arguments.
        read = {
            other.name
            for other in planned
            if other is not task
            and any(
                f"{tmp_path / other.name}" in flag.replace(",", "=").split("=")
                for flag in flags(task.arguments)
            )
        }
        if task.name.startswith("verdicts/"):
            assert read == set(task.needs) == {task.name.replace("verdicts", "metamers")}
        assert read == set(task.needs), task.name
        assert bool(task.needs) == (not task.name.startswith(("metamers", "relu")))


def with_training(out, scale=scales.MINI):
    """The plan where there are signals that the networks were trained on, by name."""
    stimuli = {
        kind: dataclasses.replace(of_kind, training=(out / f"{kind}-train-0.tfrecord",))
        for kind, of_kind in stimuli_in(out).items()
    }
    return {task.name: task for task in steps.plan(scale, stimuli, out)}


def test_nulls_are_measured_once_a_network_on_what_it_was_trained_on(tmp_path):
    tasks = with_training(tmp_path)
    nulls = [name.removeprefix("nulls/") for name in tasks if name.startswith("nulls/")]
    assert nulls == [part.role for part in scales.MINI.parts if part.layers != ()]
    arguments = flags(tasks["nulls/vgg"].arguments)
    assert {"--pairs=499500", "--block_size=1000", f"--inputs={tmp_path}/image-train-0.tfrecord"} <= {
        *arguments
    }
    for name in ("metamers/word", "metamers/word_other_seed_cochleagram", "relu/word"):
        role = "word_other_seed" if "other_seed" in name else "word"
        assert tasks[name].needs == (f"nulls/{role}",)
        given = flags(tasks[name].arguments)
        assert f"--null={tmp_path}/nulls/{role}" in given
        assert not any(flag.startswith("--null_inputs") for flag in given)
    for layer in scales.MINI.parts[0].layers:
        assert layer in tasks["nulls/vgg"].arguments["layers"]


def test_another_rule_is_given_to_every_run_with_the_classes_that_it_needs(tmp_path):
    scale = dataclasses.replace(scales.MINI, null_rule="between_classes")
    labelled = {
        kind: dataclasses.replace(of_kind, labels=tmp_path / "labels.csv")
        for kind, of_kind in stimuli_in(tmp_path).items()
    }
    tasks = {task.name: flags(task.arguments) for task in steps.plan(scale, labelled, tmp_path)}
    assert {"--null_rule=between_classes", f"--labels={tmp_path}/labels.csv"} <= {*tasks["metamers/vgg"]}
    trained = flags(with_training(tmp_path, scale)["metamers/vgg"].arguments)
    assert "--null_rule=between_classes" in trained
    assert not any(flag.startswith("--labels") for flag in trained)
    assert not any("null_rule" in flag for flag in flags(with_training(tmp_path)["metamers/vgg"].arguments))


def test_commands_are_those_of_the_binaries(tmp_path):
    tasks = {task.name: task for task in plan(scales.MINI, tmp_path)}
    task = tasks["metamers/word_other_seed_cochleagram"]
    assert task.program == "model_metamers_experiments.make_metamers"
    assert flags(task.arguments) == [
        "--network=word_reduced_aliasing_small_seed1",
        f"--inputs={tmp_path / 'sound'}",
        f"--null_inputs={tmp_path / 'further'}",
        "--layers=pool_0_0,conv_2,conv_4,fc_intermediate",
        "--iterations=500",
        "--optimizer=lbfgs",
        "--batch_size=20",
        f"--out={tmp_path / 'metamers' / 'word_other_seed_cochleagram'}",
        "--optimize=cochleagram",
        "--noprogress",
    ]
    assert "--checkpoint=random:0" in flags(tasks["metamers/untrained"].arguments)
    judged = flags(tasks["recognition/sounds_all"].arguments)
    assert "--judges=word_reduced_aliasing_small" in judged and "--criteria=none" in judged


def test_judgements_that_count_are_of_files_that_meet_the_conditions(tmp_path):
    """And those beside are of all metamers, as the names of the folders say."""
    tasks = {task.name: task.arguments for task in plan(scales.MINI, tmp_path)}
    for name in judging.JUDGEMENTS:
        for ending, criteria in (("", "file"), ("_all", "none")):
            arguments = tasks[f"recognition/{name}{ending}"]
            assert arguments["criteria"] == criteria and arguments["without_self"] is True
            assert arguments["out"] == tmp_path / "recognition" / (name + ending)


def test_later_steps_do_without_what_failed(tmp_path):
    lost = ["metamers/backgrounds", "metamers/word_other_seed_cochleagram"]
    planned = {task.name: task for task in plan(scales.MINI, tmp_path, lost)}
    needed = planned["recognition/sounds"].needs
    assert {"metamers/both_tasks", "metamers/word_other_seed"} < set(needed) and not set(lost) & set(needed)
    assert not {"verdicts/backgrounds", "figures/figure_s9.pdf"} & set(planned)
    assert set(lost) <= set(planned) and "figures/figure_6.pdf" in planned


# In place of a binary: leaves what it was asked to make, unless its folder is to fail.
STAND_IN = """
import os, pathlib, sys
given = dict(argument[2:].partition("=")[::2] for argument in sys.argv[1:])
out = pathlib.Path(given["out"])
with open(os.environ["BEGUN"], "a") as file:
    file.write(f"{out.parent.name}/{out.name}\\n")
if f"{out.parent.name}/{out.name}" in os.environ["FAILS"].split(","):
    raise SystemExit("as it was told")
out.parent.mkdir(parents=True, exist_ok=True)
if out.suffix:
    out.touch()
else:
    out.mkdir(exist_ok=True)
    for name in ("report.html", "judgements.csv", "recognition.csv", "table.csv", "ROWS"):
        (out / name).touch()
""".replace("ROWS", figure_2.ROWS)


def two_at_once(tasks, out, *, failed=None):
    return execution.run(tasks, out, 2, False, failed)


def by_workers(tasks, out, *, failed=None):
    def drive(units, after):
        return driving.drive(units, Threads(), Needs.here(0), 0, False, after=after)

    return task_units.run(tasks, out, drive, failed)


@pytest.mark.parametrize("run_tasks", [two_at_once, by_workers])
def test_where_metamers_fail_the_rest_is_run_without_them(run_tasks, tmp_path, monkeypatch):
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("BEGUN", str(tmp_path / "begun.txt"))
    monkeypatch.setattr(steps.binary, "module", lambda name: "stand_in")
    fails = ["metamers/backgrounds", "relu/word", "recognition/images"]
    monkeypatch.setenv("FAILS", ",".join(fails))

    def run():
        tasks, failures = steps.run(scales.MINI, stimuli_in(tmp_path), tmp_path, run_tasks)
        begun = (tmp_path / "begun.txt").read_text().split()
        (tmp_path / "begun.txt").unlink()
        return {task.name: task for task in tasks}, failures, begun

    tasks, failures, begun = run()
    assert set(failures) == {*fails, "figures/figure_5.pdf", "figures/figure_5.png"}
    assert failures["figures/figure_5.pdf"] == "figures/figure_5.pdf: not begun, as recognition/images failed"
    assert sorted(begun) == sorted(set(begun))
    assert set(begun) == set(tasks) - set(failures) | set(fails)
    assert "metamers/backgrounds" not in tasks["recognition/sounds"].needs
    monkeypatch.setenv("FAILS", "")
    tasks, failures, begun = run()
    assert failures == {} and set(begun) == {
        *fails,
        "verdicts/backgrounds",
        "recognition/sounds",
        "recognition/sounds_all",
        "recognition/sounds_by_other_seed",
        "recognition/sounds_by_other_seed_all",
        *(
            f"figures/figure_{name}.{form}"
            for name in ("5", "6", "s9", "3_sounds")
            for form in ("pdf", "png")
        ),
    }
