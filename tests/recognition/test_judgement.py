"""Judgements as a file: the same back, the same bytes, or one line that says what is wrong where."""

import csv
import subprocess
import sys

import pytest

from model_metamers import InputError
from model_metamers.recognition.judgement import COLUMNS, Who, read_judgements, write_judgements
from tests.builders.judgements import RANDOM, SEED1, VGG, make_judgement

JUDGEMENTS = [
    make_judgement(layer="natural", stimulus='a, "quoted" café'),
    make_judgement(generator=RANDOM, search_seed=3, answer="dog", correct=False),
    make_judgement(included=False, counted=False, reason="set to fail"),
    make_judgement(truth=None, correct=None, counted=False, reason="the true class is not known"),
    make_judgement(truth="up", correct=None, counted=False, reason="vgg_small has no class 'up'"),
    make_judgement(truth="", answer=""),  # of texts: both say nothing
    make_judgement(judge=Who("p01", "person:2024"), stimulus="line\nbreak"),
]


def test_judgements_read_back(tmp_path):
    file = tmp_path / "judgements.csv"
    write_judgements(file, JUDGEMENTS)
    assert read_judgements(file) == JUDGEMENTS
    write_judgements(tmp_path / "again.csv", read_judgements(file))
    assert (tmp_path / "again.csv").read_bytes() == file.read_bytes()


def test_the_file_has_the_columns_and_values_that_it_always_had(tmp_path):
    write_judgements(tmp_path / "judgements.csv", JUDGEMENTS[1:2])
    assert (tmp_path / "judgements.csv").read_text() == (
        "generator,generator_weights,layer,layer_index,stimulus,search_seed,optimized,relu_gradient,settings,"
        "included,truth,truth_source,judge,judge_weights,decision,answer,correct,counted,reason\n"
        "vgg_small,random:0,conv_2,0,s,3,image,linear,iterations=5,"
        "True,cat,labels,vgg_small,sha256:aaaa1111,fine,dog,False,True,\n"
    )


def test_none_are_read_from_a_header_alone(tmp_path):
    write_judgements(tmp_path / "judgements.csv", [])
    assert read_judgements(tmp_path / "judgements.csv") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct": "yes"}, "correct is 'yes', expected True or False, or nothing"),
        ({"included": ""}, "included is '', expected True or False"),
        ({"counted": "1"}, "counted is '1', expected True or False"),
        ({"layer_index": "early"}, "layer_index is 'early', expected a whole number"),
        ({"search_seed": "0.0"}, "search_seed is '0.0', expected a whole number, or nothing"),
        ({"optimized": "picture"}, "optimized is 'picture', expected one of image, waveform, cochleagram"),
        ({"correct": ""}, "counted is True, but"),
        ({"included": "False"}, "counted is True, but"),
    ],
)
def test_other_values_are_refused(tmp_path, changes, message):
    file = tmp_path / "judgements.csv"
    rows = [{name: str(value) for name, value in make_judgement().cells().items()}] * 2
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS)
        writer.writeheader()
        writer.writerows([rows[0], {**rows[1], **changes}])
    with pytest.raises(InputError) as refused:
        read_judgements(file)
    assert f"{file}, line 3: {message}" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("column", list(COLUMNS))
def test_a_missing_column_is_named(tmp_path, column):
    file = tmp_path / "judgements.csv"
    file.write_text(",".join(name for name in COLUMNS if name != column) + "\n")
    with pytest.raises(InputError, match=f"judgements.csv, line 1: has no column '{column}'"):
        read_judgements(file)


def test_a_judgement_that_cannot_count_does_not():
    for changes in ({"included": False}, {"correct": None}):
        with pytest.raises(InputError, match="counted is True"):
            make_judgement(**changes)
    with pytest.raises(InputError, match="optimized is 'sound'"):
        make_judgement(optimized="sound")


def test_who_is_who():
    person, same_name = Who("vgg_small", "person"), Who("vgg_small", "sha256:dddd4444")
    assert VGG.is_other_seed_of(SEED1) and VGG.is_other_seed_of(same_name)
    assert not VGG.is_other_seed_of(VGG) and not VGG.is_other_seed_of(RANDOM)
    assert not VGG.is_other_seed_of(person) and not person.is_other_architecture_than(Who("b", "sha256:1"))
    assert VGG.is_other_architecture_than(Who("b", "random:0"))
    assert [who.kind for who in (VGG, RANDOM, person, Who("p", "person:a"))] == ["network"] * 2 + [
        "person"
    ] * 2
    assert Who("personal", "sha256:person").kind == "network"


ROOMS = ("judgement", "points", "decisions", "labels", "presentations", "sixteen", "columns")


def test_what_needs_no_network_loads_no_tensorflow():
    code = "import sys\n" + "".join(f"import model_metamers.recognition.{room}\n" for room in ROOMS)
    code += "sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
