"""Patterns of the user's that tell recordings: no pattern stops a program for long, or with a traceback."""

import time

import pytest

from model_metamers.errors import InputError
from model_metamers.signals.patterns import first_group


def test_the_first_group_is_what_it_finds():
    assert first_group(r"^(\w+?)_\d+$", "anna_12", "recording_pattern") == "anna"
    assert first_group(r"(?:a|(b))(c)?", "xb", "recording_pattern") == "b"


@pytest.mark.parametrize(
    "pattern",
    ["(", "*", "[a", "(?P<a>x)(?P=b)", "(a", "x", "b", "()", "(x)?b", "(a)" * 400, "(?<=a+)(b)|[[:x"],
)
def test_what_is_no_pattern_or_finds_nothing_is_refused(pattern):
    with pytest.raises(InputError, match="recording_pattern") as raised:
        first_group(pattern, "b", "recording_pattern")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+$", "(a*)*b", "([a-z]+)*!"])
def test_a_pattern_that_would_look_for_ever_is_refused_in_time(pattern, monkeypatch):
    monkeypatch.setattr("model_metamers.signals.patterns._PATIENCE_S", 0.05)
    began = time.monotonic()
    try:
        first_group(pattern, "a" * 200 + "c", "recording_pattern")
    except InputError as error:
        assert "recording_pattern" in str(error)
    assert time.monotonic() - began < 2
