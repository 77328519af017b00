"""What is given or comes from elsewhere is neither obeyed by the terminal nor by a later command."""

import logging

import numpy as np
import pytest
from absl import flags
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

import model_metamers as mm
from model_metamers import InputError
from model_metamers.storage.reading import one_line, printable
from model_metamers.storage.writing import write_lines
from model_metamers.weights.tf_checkpoint import write_checkpoint
from model_metamers_experiments import binary, flag_checks
from tests.builders import binaries

HOSTILE = [
    "\x1b[2J\x1b[31mred",  # clears the screen
    "\x1b]0;title\x07",  # names the window
    "\x9b31m",  # the same code as one character
    "a\rb",  # writes over what stood there
    "a\x08\x08b",
    "abc\u202egnp.exe",  # turns the direction
    "\u2066a\u2069",
    "a\u2028b\x85c\x0bd",
    "\udc9b31m",  # a file's name that is no UTF-8
    "a\0b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_is_printed_is_obeyed(text, capsys):
    assert printable(text).isprintable() and one_line(text).isprintable()
    binary.tell(f"{text}: no such file")
    binary.print_table([["name", text], [text, "1"], ["b", "2"]])
    logger = logging.getLogger("model_metamers")
    before = logger.handlers[:], logger.level, logger.propagate, logging.raiseExceptions
    try:
        binary._show_notes("make_metamers")
        logger.info("%s: passed over", text)
    finally:
        logger.handlers[:], logger.level, logger.propagate, logging.raiseExceptions = before
    out, err = capsys.readouterr()
    assert all(line.isprintable() for line in (*out.split("\n"), *err.split("\n")))
    assert len(out.splitlines()) == 4 and len(err.splitlines()) == 2
    assert ": passed over" in err


def test_names_in_a_checkpoint_are_told_and_not_obeyed(tmp_path, capsys):
    prefix = tmp_path / "own.ckpt"
    write_checkpoint(prefix, {"\x1b[2Jv\n\u202e": np.zeros(2, np.float32)})
    with pytest.raises(InputError, match="does not fit vgg_19_small") as caught:
        mm.load_network("vgg_19_small", prefix)
    binary.tell(str(caught.value))
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.strip().isprintable() and r"\x1b[2Jv \u202e" in told


def test_what_is_printable_is_printed_as_it_is():
    for text in ("Grüße, мир 日本", "a  b", "e\u0301", ""):
        assert printable(text) == text


def some_flags() -> flags.FlagValues:
    values = flags.FlagValues()
    flags.DEFINE_string("out", None, "", flag_values=values)
    flags.DEFINE_string("labels", "", "", flag_values=values)
    flags.DEFINE_list("inputs", [], "", flag_values=values)
    flags.DEFINE_multi_string("recordings", None, "", flag_values=values)
    flags.DEFINE_float("rate", 0.1, "", flag_values=values)
    flags.DEFINE_integer("seed", 0, "", flag_values=values)
    flags.DEFINE_bool("resume", True, "", flag_values=values)
    return values


def parsed(*arguments: str) -> dict[str, object]:
    """Values by flag; InputError where a binary refuses them."""
    values = some_flags()
    values(["binary", *arguments])
    of_modules = values.flags_by_module_dict()
    flag_checks.check(flag for own in of_modules.values() for flag in own)
    return values.flag_values_dict()


texts = st.one_of(
    st.sampled_from(
        [
            *HOSTILE,
            "a\n--resume=false",
            "a\r\n--seed=7",
            " a",
            "a ",
            "a\u00a0",
            "#a",
            "//a",
            "--flagfile=x",
            "-flagfile",
            "\\",
            '"',
            "'a",
            '"a,b"',
            "a,b",
            ",",
            "=",
            "--",
            "%s",
            "$HOME",
            "~",
            "",
        ]
    ),
    st.text(st.characters(), max_size=12),
    st.text("ab=#/-%$~'\\\\é\u200d", min_size=1, max_size=8),
    st.text('ab," \u00a0', min_size=1, max_size=8),
)


@settings(max_examples=300, deadline=None)
@example("a\n--noresume", "b", "c", 0.1, 0, True)
@given(texts, texts, texts, st.floats(0, 1e9), st.integers(0, 2**31), st.booleans())
def test_flags_txt_repeats_exactly_the_command_or_it_is_refused(
    tmp_path_factory, out, listed, repeated, rate, seed, resume
):
    arguments = [f"--out={out}", f"--labels={listed}", f"--inputs={listed}", f"--recordings={repeated}"]
    arguments += [f"--recordings={out}", f"--rate={rate!r}", f"--seed={seed}", f"--resume={resume}"]
    try:
        first = parsed(*arguments)
    except (InputError, flags.Error) as error:
        assert not isinstance(error, InputError) or str(error).isprintable()
        return
    event("repeated")
    values = some_flags()
    values(["binary", *arguments])
    own = [flag for flags_ in values.flags_by_module_dict().values() for flag in flags_]
    path = tmp_path_factory.getbasetemp() / "flags.txt"
    write_lines(path, [flag.serialize() for flag in own if flag.value is not None])
    assert parsed(f"--flagfile={path}") == first


ORDINARY = ["a b", "#a", "//a", "--flagfile=x", "a=b,c", '"a"', "Grüße", "a\u00a0b", "a\u200db"]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_are_not_refused(text):
    assert parsed(f"--out={text}")["out"] == text


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--out=made\n--split=test", "--out: 'made\\n--split=test' holds '\\n', which cannot be printed"),
        ("--images=a\x1b[31m", "--images: 'a\\x1b[31m' holds '\\x1b', which cannot be printed"),
        ("--out=made ", "white space at an end"),
        ("--split=../x", "split '../x': begins the names of files"),
        ("--split=/x", "begins the names of files"),
        ("--split=a/b", "begins the names of files"),
        ("--split=.x", "begins the names of files"),
        ("--split=a*", "begins the names of files"),
        ("--split=" + "x" * 300, "begins the names of files"),
    ],
)
def test_a_hostile_flag_is_refused_before_any_work(tmp_path, flag, message):
    result = binaries.run("build_image_records", "--images=.", "--out=made", flag, cwd=tmp_path)
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert result.returncode == 2 and len(lines) == 1 and message in lines[0] and lines[0].isprintable()
    assert not list(tmp_path.iterdir())
