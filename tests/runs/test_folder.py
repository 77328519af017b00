"""Where the results of a run lie."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.runs.folder import (
    LONGEST_NETWORK,
    MetamerFolder,
    RunFolder,
    check_length,
    check_names,
    find_metamers,
    safe_name,
)
from model_metamers.storage import reading, whole, writing


def test_layout_is_that_of_the_manual():
    folder = RunFolder(Path("out"), "vgg_19")
    metamer = folder.metamer("block1/unit_2", "cat")
    assert [str(path) for path in (folder.flags, folder.page, folder.settings, folder.null)] == [
        "out/flags.txt",
        "out/report.html",
        "out/vgg_19/settings.json",
        "out/vgg_19/null.npz",
    ]
    assert str(folder.histogram("fc7")) == "out/vgg_19/fc7/spearman.png"
    assert str(folder.search("fc7", "0123")) == "out/vgg_19/fc7/.search-0123.npz"
    assert str(metamer.path) == "out/vgg_19/block1_unit_2/cat"
    files = (metamer.arrays, metamer.record, metamer.loss_curve, metamer.cochleagram("target"))
    assert [path.name for path in files] == [
        "metamer.npz",
        "metamer.json",
        "loss.png",
        "target_cochleagram.png",
    ]
    shown = [metamer.shown("metamer", kind).name for kind in ("image", "sound", "cochleagram")]
    assert shown == ["metamer.png", "metamer.wav", "metamer.png"]


def test_a_metamer_knows_the_run_it_was_made_in(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path, "vgg_19")
    assert folder.metamer("fc7", "cat").run == folder == RunFolder.of(folder.path)
    monkeypatch.chdir(tmp_path)
    assert MetamerFolder(Path("vgg_19/fc7/cat")).run.flags == tmp_path / "flags.txt"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("conv_2", "conv_2"),
        ("base/conv1", "base_conv1"),
        ("/etc", "_etc"),
        ("../../up", "___.._up"),
        ("..", "__"),
        (".", "_"),
        ("", "_"),
        ("a\0b", "a_b"),
        ("word@cochleagram", "word@cochleagram"),
        ("#1 photo?%$", "#1 photo?%$"),
    ],
)
def test_any_name_is_one_folder_below(name, safe):
    assert safe_name(name) == safe
    out = Path("/out")
    assert RunFolder(out, name).path.parent == out
    assert RunFolder(out, "network").metamer(name, name).path.parents[1] == out / "network"


@pytest.mark.parametrize("names", [("a/b", "a_b"), ("..", "__"), ("x", "base/1", "base_1")])
def test_names_that_would_share_a_folder_are_refused(names):
    check_names(names[:-1], "layers")
    with pytest.raises(InputError, match=f"layers '.*' and '{names[-1]}' would share a folder; rename one"):
        check_names(names, "layers")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "is empty"),
        ("cat\n--out=x", r"holds '\\n', which cannot be printed"),
        ("\x1b[2Jcat", r"holds '\\x1b'"),
        ("cat\x9b31m", r"holds '\\x9b'"),
        ("cat\u2028dog", r"holds '\\u2028'"),
        ("cat\x7f", r"holds '\\x7f'"),
    ],
)
def test_names_that_a_terminal_would_obey_are_refused_before_work(name, told):
    with pytest.raises(InputError, match=told) as refused:
        check_names(["dog", name], "stimuli")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["a cat", "猫　一", "زه\u200cدان", "👩\u200d🔬", "#1 photo?%$"])
def test_names_of_any_writing_are_taken(name):
    check_names([name], "stimuli")


def test_metamers_are_found_whatever_they_lost(tmp_path):
    folder = RunFolder(tmp_path / "run", "vgg_19")
    made = {("fc7", "b"): "metamer.json", ("conv1", "a"): "metamer.npz", ("fc7", "a"): "metamer.json"}
    for (layer, stimulus), file in made.items():
        place = folder.metamer(layer, stimulus)
        place.path.mkdir(parents=True)
        (place.path / file).touch()
    (folder.layer("fc7") / ".c-0-1.partial").mkdir()
    (folder.layer("fc7") / ".c-0-1.partial" / "metamer.json").touch()
    folder.histogram("fc7").touch()
    expected = [folder.metamer(*place) for place in sorted(made)]
    assert find_metamers(tmp_path) == [place.path for place in expected]
    assert folder.metamers() == expected
    assert folder.metamers(["fc7", "logits"]) == [folder.metamer("fc7", "a"), folder.metamer("fc7", "b")]
    with pytest.raises(InputError, match="holds no metamers"):
        find_metamers(folder.layer("logits"))


def test_the_layout_needs_no_tensorflow():
    code = "import sys, model_metamers.runs.folder; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/b", "a_b"),
        ("Vgg", "vgg"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("..a", "__a"),
        (".A", "_a"),
    ],
)
def test_names_that_share_a_folder_on_some_system_are_refused(one, other):
    for pair in ((one, other), (other, one)):
        with pytest.raises(InputError, match="share a folder"):
            check_names(["x", *pair], "layers")


@pytest.mark.parametrize("name", ["x" * 256, "\u00e9" * 128, "a\udcff", "a\nb", "a\x1b[2J", ""])
def test_names_that_no_folder_can_bear_are_refused(name):
    with pytest.raises(InputError, match="stimuli"):
        check_names([name], "stimuli")


@pytest.mark.parametrize(
    "name", ["x" * 255, "con", "NUL.txt", "a.", "a ", " a", "-rf", "~", "a:b", "\u732b", "file"]
)
def test_long_and_odd_names_that_a_folder_here_can_bear_are_taken(tmp_path, name):
    check_names([name], "stimuli")
    whole.make_folder(tmp_path / safe_name(name))
    writing.write_arrays(tmp_path / safe_name(name) / "a.npz", {name: np.arange(3)})
    assert reading.read_arrays(tmp_path / safe_name(name) / "a.npz", [name])[name].tolist() == [0, 1, 2]


def test_a_network_s_name_leaves_room_for_those_of_its_figures():
    check_names(["x" * LONGEST_NETWORK], "networks", LONGEST_NETWORK)
    with pytest.raises(InputError, match="at most 200"):
        check_names(["x" * (LONGEST_NETWORK + 1)], "networks", LONGEST_NETWORK)


def test_too_long_a_path_is_refused_before_work(tmp_path):
    check_length(tmp_path / "a")
    with pytest.raises(InputError, match="shorter"):
        check_length(tmp_path.joinpath(*["x" * 250] * 16))
