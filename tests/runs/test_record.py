"""What `metamer.json` holds: its values, and what is refused where it is read."""

import copy
import dataclasses
import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_metamers import InputError, SynthesisConfig
from model_metamers.criteria.nearness import Match
from model_metamers.criteria.verdict import Measurement, Verdict
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.record import JudgedFile, JudgedFloats, Record, read_record, sealed, write_record
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.spec import SignalSpec
from model_metamers.synthesis import Start

MEASUREMENT = Measurement({"conv1": 0.25, "logits": math.nan}, 3, 4, "cat", "dog")
VERDICT = Verdict(False, False, True, 0.25, 0.125, ("class dog, the target's is cat",))
RECORD = Record(
    network="net",
    checkpoint="sha256:0",
    layer="conv1",
    stimulus="photo",
    target_sha256="ab",
    signal=SignalSpec("image", (2, 2, 3), 0.0, 1.0),
    config=SynthesisConfig(iterations=5, learning_rate=0.5),
    iterations=5,
    loss_first=2.0,
    loss_last=1.0,
    floats=JudgedFloats(MEASUREMENT, VERDICT),
    versions={"numpy": "2.0"},
    file=JudgedFile("metamer.png", 0, MEASUREMENT, VERDICT),
)
TIED = dataclasses.replace(
    RECORD,
    null_sha256="0f" * 32,
    checkpoint_place="/home/weights.ckpt",
    files={"metamer.npz": "1a" * 32, "metamer.png": "2b" * 32, "target.png": "3c" * 32},
)
MATCHED = dataclasses.replace(MEASUREMENT, match=Match(0.99, 0.98, 0.001, 1.0))
STARTS = (
    Start(0, 3, None, None, None, False),
    Start(673228719, 5, 1.5, "dog", VERDICT, True),
    Start(3241444873, 5, 2.5, None, dataclasses.replace(VERDICT, rho=math.nan), False),
)
COCHLEAGRAM = SignalSpec("cochleagram", (4, 5, 1), 0.0, np.inf, frontend=CochleagramConfig())
KINDS = {
    "image": RECORD,
    "format 2": TIED,
    "format 2 without a null": dataclasses.replace(TIED, null_sha256=None, checkpoint_place=None),
    "format 1, judged since": dataclasses.replace(RECORD, null_sha256="0f" * 32),
    "sound": dataclasses.replace(
        RECORD, signal=SignalSpec("sound", (9,), -1.0, 1.0, 8000, 0.1), file=JudgedFile("metamer.wav", 7)
    ),
    "cochleagram": dataclasses.replace(RECORD, signal=COCHLEAGRAM),
    "nothing measured": dataclasses.replace(
        RECORD,
        loss_first=None,
        floats=JudgedFloats(MEASUREMENT, None),
        file=JudgedFile("metamer.png", 0),
    ),
    "no classes": dataclasses.replace(
        RECORD, floats=JudgedFloats(Measurement({"conv1": 1.0}, None, None, None, None), None)
    ),
    "texts": dataclasses.replace(
        RECORD, floats=JudgedFloats(Measurement({"conv1": 1.0}, None, None, "a word", ""), None)
    ),
    "match": dataclasses.replace(
        RECORD, floats=JudgedFloats(MATCHED, VERDICT), file=JudgedFile("metamer.png", 0, MATCHED, VERDICT)
    ),
    "match that is not defined": dataclasses.replace(
        RECORD,
        floats=JudgedFloats(dataclasses.replace(MATCHED, match=Match(1.0, 0.5, math.nan, math.nan)), VERDICT),
    ),
    "starts": dataclasses.replace(RECORD, config=dataclasses.replace(RECORD.config, starts=3), starts=STARTS),
    "gradient": dataclasses.replace(RECORD, relu_gradient_used="plain"),
    "no null": dataclasses.replace(
        RECORD,
        floats=JudgedFloats(MEASUREMENT, Verdict(False, None, False, math.nan, math.nan, ("no null",))),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_reads_back_in_full(tmp_path, kind):
    write_record(MetamerFolder(tmp_path), KINDS[kind])
    text = (tmp_path / "metamer.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert repr(read_record(tmp_path)) == repr(KINDS[kind])  # NaN is not equal to itself


def test_values_stand_in_this_order():
    values = RECORD.values()
    assert list(values) == [
        "format",
        "network",
        "checkpoint",
        "layer",
        "stimulus",
        "target_sha256",
        "signal",
        "config",
        "iterations",
        "loss_first",
        "loss_last",
        "float",
        "versions",
        "file",
    ]
    measured = ["spearman", "target_label", "signal_label", "target_class", "signal_class", "verdict"]
    assert list(values["float"]) == measured
    assert list(values["file"]) == ["name", "clipped_samples", *measured]
    assert list(TIED.values()) == [*values, "null_sha256", "checkpoint_place", "files", "sha256"]
    assert (values["format"], TIED.values()["format"]) == (1, 2)


def test_a_match_stands_after_the_classes_and_only_where_it_is_told():
    matched = KINDS["match"].values()
    assert list(matched["float"])[-2:] == list(matched["file"])[-2:] == ["match", "verdict"]
    fields = ["target_zeros", "signal_zeros", "relative_error", "pearson"]
    assert list(matched["float"]["match"]) == fields


def test_the_digest_of_a_record_is_that_of_its_canonical_json(tmp_path):
    write_record(MetamerFolder(tmp_path), KINDS["format 2"])
    values = json.loads((tmp_path / "metamer.json").read_text())
    digest = values.pop("sha256")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert digest == hashlib.sha256(text.encode()).hexdigest()


def plain(record: Record = RECORD) -> dict:
    """What the file holds."""
    values = copy.deepcopy(record.values())
    for part in ("float", "file"):
        values[part]["spearman"]["logits"] = None
    return json.loads(json.dumps(values))


def places(values, path=()) -> list[tuple]:
    """Every place in nested values."""
    below = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    return [path, *(place for key, value in below for place in places(value, (*path, key)))]


def put(values, place, value):
    if not place:
        return value
    inner = values
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return values


OTHERS = ["a text", 1.5, 1, -3, True, None, [], {}, [1], {"a": 1}, 10**400, "\ud800", math.nan]


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(places(plain(TIED))), value=st.sampled_from(OTHERS))
def test_no_value_of_a_record_changes_unnoticed(tmp_path_factory, place, value):
    folder = tmp_path_factory.getbasetemp()
    before = plain(TIED)
    changed = put(copy.deepcopy(before), place, value)
    (folder / "metamer.json").write_text(json.dumps(changed))
    if json.dumps(changed) == json.dumps(before):
        read_record(folder)
        return
    with pytest.raises(InputError) as refused:
        read_record(folder)
    assert "\n" not in str(refused.value)


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(places(plain(TIED))), value=st.sampled_from(OTHERS))
def test_values_of_other_types_are_refused_in_one_line(tmp_path_factory, place, value):
    folder = tmp_path_factory.getbasetemp()
    changed = put(plain(TIED), place, value)
    if isinstance(changed, dict):
        changed = sealed(changed)
    (folder / "metamer.json").write_text(json.dumps(changed))
    try:
        record = read_record(folder)
    except InputError as error:
        assert "\n" not in str(error) and str(folder) in str(error)
        return
    for field in dataclasses.fields(Measurement):
        getattr(record.floats.measurement, field.name)
    assert record.layer in record.floats.measurement.spearman
    assert type(record.iterations) is int and type(record.network) is str


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("network",), 5, r"Expected `str`, got `int` - at `\$\.network`"),
        (("config", "iterations"), "many", "iterations"),
        (("config", "iterations"), 0, "iterations=0"),
        (("signal", "shape"), [2, "2", 3], "shape"),
        (("signal", "kind"), "smell", "kind is"),
        (("relu_gradient_used",), "steep", "relu_gradient_used is 'steep'"),
        (("signal",), None, "no metamer of this program"),
        (("float", "spearman"), [0.5], "no metamer of this program"),
        (("float", "spearman", "conv1"), "high", "spearman"),
        (("float", "match"), {"pearson": 1.0}, "missing required field `target_zeros`"),
        (("float", "match"), 0.5, "no metamer of this program"),
        (("float", "spearman"), {"fc7": 0.5}, "no rho at the matched layer conv1"),
        (("float", "verdict", "passes"), "yes", "passes"),
        (("file", "verdict", "reasons"), "none", "reasons"),
        (("file",), "metamer.png", "no metamer of this program"),
        (("file", "clipped_samples"), -1, "below zero"),
        (("iterations",), -5, "below zero"),
        (("versions",), {"numpy": 2}, "versions"),
        (("format",), 3, "not a metamer of this program"),
        (("format",), 2, "was changed after it was written; make_metamers with the same command"),
        (("network",), "", "network: a name is empty"),
        (("layer",), "conv1\x1b[2J", r"layer: .* holds '\\x1b', which cannot be printed"),
        (("stimulus",), "cat\n--out=x", r"stimulus: .* holds '\\n'"),
        (("stimulus",), "cat\u2028dog", "stimulus: "),
        (("checkpoint",), "\x9b31m", "checkpoint: "),
        (("checkpoint_place",), "/a\rb", "checkpoint_place: "),
        (
            ("file", "name"),
            "../metamer.png",
            "file is '../metamer.png', expected one of metamer.npz",
        ),
        (("null_sha256",), "0F" * 32, "is no sha256"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, place, value, message):
    (tmp_path / "metamer.json").write_text(json.dumps(put(plain(), place, value)))
    with pytest.raises(InputError, match=message):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("files",), None, "no metamer of this program"),
        (("files", "metamer.npz"), "short", "'short' is no sha256"),
        (("files", "../x.png"), "1a" * 32, "files are not metamer.npz, metamer.png, target.png"),
        (("files",), {}, "files are not metamer.npz, metamer.png, target.png"),
        (("files", "metamer.npz"), 5, "files"),
        (("checkpoint_place",), 5, "checkpoint_place"),
    ],
)
def test_what_is_wrong_with_a_sealed_record_is_named(tmp_path, place, value, message):
    (tmp_path / "metamer.json").write_text(json.dumps(sealed(put(plain(TIED), place, value))))
    with pytest.raises(InputError, match=message):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (5, "no metamer of this program"),
        ("many", "no metamer of this program"),
        ([None], "no metamer of this program"),
        ([{"seed": 0}], "missing required field"),
        ([STARTS[0]], "of 1 starts 0 are kept, expected one of at most 3"),
        ([STARTS[1]] * 2, "of 2 starts 2 are kept"),
        ([STARTS[1], *[STARTS[0]] * 3], "of 4 starts 1 are kept, expected one of at most 3"),
        ([dataclasses.replace(STARTS[1], iterations=-1)], "below zero"),
        ([dataclasses.replace(STARTS[1], seed="first")], "seed"),
    ],
)
def test_starts_that_cannot_be_are_named(tmp_path, starts, message):
    values = plain(KINDS["starts"])
    told = isinstance(starts, list) and starts[0] is not None and not isinstance(starts[0], dict)
    values["starts"] = [dataclasses.asdict(start) for start in starts] if told else starts
    (tmp_path / "metamer.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=message):
        read_record(tmp_path)


def test_keys_that_this_program_does_not_know_are_passed_over(tmp_path):
    values = plain()
    values["of_later"] = values["float"]["of_later"] = {"a": 1}
    (tmp_path / "metamer.json").write_text(json.dumps(values))
    assert repr(read_record(tmp_path)) == repr(RECORD)


def test_records_inclusion_and_binaries_need_no_tensorflow():
    """Of the binaries, what --help imports."""
    modules = ["model_metamers.runs.record", "model_metamers.runs.inclusion", "model_metamers.runs.executed"]
    binaries = (
        "make_metamers",
        "compare_relu_gradients",
        "make_null_distribution",
        "check_metamers",
        "compare_with_original",
        "metamers_demo",
    )
    modules += [f"model_metamers_experiments.{name}" for name in binaries]
    code = (
        "import sys, importlib\n"
        "from absl import flags\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'tensorflow' not in sys.modules, name\n"
        "    flags.FLAGS.remove_flag_values(list(flags.FLAGS))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
