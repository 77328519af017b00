"""Arguments as flags: absl reads back what was given."""

from pathlib import Path

import pytest
from absl import flags as absl_flags

from model_metamers.errors import InputError
from model_metamers.execution.programs import Repeated, command, flags

NAMES = [
    "photos",
    "a,b",
    'say "yes"',
    '"quoted"',
    "two words",
    "a, b",
    "-rf",
    "--out=x",
    "50%#?$HOME*",
    "it's",
    "two\nlines",
    "Gärten",
    "",
    "\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_arrives_as_it_was_given(name):
    values = absl_flags.FlagValues()
    absl_flags.DEFINE_string("text", None, "", flag_values=values)
    absl_flags.DEFINE_list("listed", None, "", flag_values=values)
    absl_flags.DEFINE_multi_string("repeated", None, "", flag_values=values)
    given = {"text": name, "listed": ["first", name, "last"], "repeated": Repeated([name, name])}
    assert values(["program", *flags(given)]) == ["program"]
    assert (values.text, values.listed, values.repeated) == (name, given["listed"], [name, name])


def test_a_list_of_one_name_or_none():
    values = absl_flags.FlagValues()
    absl_flags.DEFINE_list("listed", ["default"], "", flag_values=values)
    for given in ([], ["a,b"], ['"'], ["two\nlines"]):
        values(["program", *flags({"listed": given})])
        assert values.listed == given


def test_every_type_has_its_form():
    given = {
        "network": "vgg_19_small",
        "out": Path("/tmp/out"),
        "iterations": 1500,
        "learning_rate": 0.01,
        "without_self": True,
        "progress": False,
        "labels": None,
        "layers": ("conv1_2", "fc7"),
        "recordings": Repeated([Path("a"), "b"]),
    }
    assert flags(given) == [
        "--network=vgg_19_small",
        "--out=/tmp/out",
        "--iterations=1500",
        "--learning_rate=0.01",
        "--without_self",
        "--noprogress",
        "--layers=conv1_2,fc7",
        "--recordings=a",
        "--recordings=b",
    ]
    assert command("a.program", {"x": 1})[1:] == ["-m", "a.program", "--x=1"]


@pytest.mark.parametrize("name", [" a", "a ", "\ta", "a\n"])
def test_what_a_list_cannot_hold_is_refused(name):
    with pytest.raises(InputError, match="white space, which a list"):
        flags({"inputs": ["b", name]})
    assert flags({"inputs": name}) == [f"--inputs={name}"]


@pytest.mark.parametrize("value", [{"a": 1}, b"bytes", ["a", ["b"]], [None], [True], object()])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match="--x"):
        flags({"x": value})
