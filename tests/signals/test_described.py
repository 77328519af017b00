"""Descriptions of signals in JSON files: each field, and what is said of one that lacks or is misnamed."""

import json

import pytest

from model_metamers import InputError, SignalSpec
from model_metamers.signals.described import read_description

IMAGE = {"kind": "image", "shape": [8, 8, 3], "low": 0, "high": 1}
SOUND = {"kind": "sound", "shape": [400], "low": -1, "high": 1, "sample_rate": 8000}


def written(tmp_path, fields):
    path = tmp_path / "signal.json"
    path.write_text(json.dumps(fields))
    return path


def test_fields_are_read(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    more = {"mean": [0.1, 0.2, 0.3], "std": 2, "channels": "bgr", "classes": "classes.txt"}
    told = read_description(
        written(tmp_path, {**IMAGE, **more, "layers": ["a", "b"], "name": "mine", "learning_rate": 0.01})
    )
    assert told.signal == SignalSpec("image", (8, 8, 3), 0.0, 1.0)
    assert (told.mean, told.std, told.channels) == ((0.1, 0.2, 0.3), (2.0,), "bgr") and told.changes
    assert (told.classes, told.layers, told.name) == (("cat", "dog"), ("a", "b"), "mine")
    assert told.learning_rate == 0.01
    sound = read_description(written(tmp_path, {**SOUND, "rms": 0.1}))
    assert sound.signal == SignalSpec("sound", (400,), -1.0, 1.0, sample_rate=8000, rms=0.1)
    assert not sound.changes and sound.layers == () and sound.classes is None and sound.name is None


@pytest.mark.parametrize("field", IMAGE)
def test_a_field_that_lacks_is_named(tmp_path, field):
    given = {name: value for name, value in IMAGE.items() if name != field}
    with pytest.raises(InputError, match=f'signal.json: lacks the field "{field}"'):
        read_description(written(tmp_path, given))


def test_a_sound_needs_its_rate(tmp_path):
    given = {name: value for name, value in SOUND.items() if name != "sample_rate"}
    with pytest.raises(InputError, match=r'lacks the field "sample_rate", as in \{"kind": "sound"'):
        read_description(written(tmp_path, given))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("shpae", "shape"),
        ("height", "shape"),
        ("heigth", "shape"),
        ("Samples", "shape"),
        ("rate", "sample_rate"),
        ("samplerate", "sample_rate"),
        ("sampleRate", "sample_rate"),
        ("range", "low"),
        ("hihg", "high"),
        ("normalization", "mean"),
        ("labels", "classes"),
        ("layer", "layers"),
        ("stdev", "std"),
    ],
)
def test_a_field_of_another_name_is_told_the_right_one(tmp_path, wrong, right):
    with pytest.raises(InputError, match=f'there is no field "{wrong}"; call it "{right}"'):
        read_description(written(tmp_path, {**IMAGE, wrong: 3}))


def test_a_name_like_no_other_is_told_them_all(tmp_path):
    with pytest.raises(InputError, match='no field "qqqq"; there are kind, shape, low'):
        read_description(written(tmp_path, {**IMAGE, "qqqq": 3}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "movie"}, 'field "kind": expected "image" or "sound", got \'movie\''),
        ({"shape": "8x8"}, 'field "shape": expected a list of whole numbers'),
        ({"shape": [8.5, 8, 3]}, 'field "shape": expected a list of whole numbers'),
        ({"shape": [8, 8]}, r"\(8, 8\) is no shape of one image"),
        ({"shape": [8, 8, 1]}, '"channels": "grey"'),
        ({"low": "zero"}, "field \"low\": expected a number, got 'zero'"),
        ({"low": 2}, "low=2.0 must be below high=1.0"),
        ({"mean": [1, 2]}, 'field "mean": expected one number or 3, got 2'),
        ({"std": 0}, 'field "std": expected finite numbers above 0'),
        ({"channels": "rbg"}, 'field "channels": expected "rgb", "bgr" or "grey"'),
        ({"layers": "conv"}, 'field "layers": expected a list of names'),
        ({"sample_rate": 8000}, 'field "sample_rate": is not for a signal of kind "image"'),
        ({"learning_rate": -1}, 'field "learning_rate": expected a number above 0'),
        ({"classes": "none.txt"}, "none.txt"),
        ({**SOUND, "channels": "bgr"}, 'field "channels": is not for a signal of kind "sound"'),
    ],
)
def test_a_field_that_holds_what_it_cannot_is_named(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as error:
        read_description(written(tmp_path, {**IMAGE, **change}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", "null", '"image"'])
def test_what_is_no_description_is_refused(tmp_path, content):
    path = tmp_path / "signal.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"signal\.json: (no readable|expected fields)"):
        read_description(path)
