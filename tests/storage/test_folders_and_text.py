"""Each file below a folder once, whatever links lead to it; text lists and tables of every system."""

import os
import unicodedata

import pytest

from model_metamers import InputError
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import read_lines, read_table, read_text

WORDS = ["__nullSignal__", "über", "naïve", "한글", "word"]


def below(root) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files_below(root)]


@pytest.fixture
def tree(tmp_path):
    for name in ("a/1.wav", "a/deep/2.wav", "b/3.wav"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(name)
    return tmp_path / "root"


WHOLE = ["a/1.wav", "a/deep/2.wav", "b/3.wav"]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("again", "."),
        ("a/up", ".."),
        ("a/deep/up", "../.."),
        ("0", "b"),  # before "b" in the alphabet: its own name counts
        ("b/of_a", "../a"),
        ("copy.wav", "a/1.wav"),
        ("loop", "loop"),
    ],
)
def test_links_within_a_folder_add_nothing(tree, link, target):
    os.symlink(target, tree / link)
    assert below(tree) == (
        [*WHOLE, "loop"] if link == "loop" else WHOLE
    )  # its reader will tell of the latter


def test_folders_and_files_elsewhere_are_reached_by_links_once(tree, tmp_path):
    (tmp_path / "other" / "inner").mkdir(parents=True)
    (tmp_path / "other" / "4.wav").touch()
    os.symlink(tmp_path / "other", tree / "x")
    os.symlink(tmp_path / "other", tree / "y")
    os.symlink(tmp_path, tmp_path / "other" / "inner" / "back")
    assert below(tree) == [*WHOLE, "x/4.wav"]


def test_hard_links_are_one_file(tree):
    os.link(tree / "a" / "1.wav", tree / "a" / "one.wav")
    assert len(below(tree)) == 3


@pytest.mark.parametrize(
    "name", ["._1.wav", ".hidden/5.wav", "__MACOSX/a/1.wav", "a/Thumbs.db", "a/.DS_Store"]
)
def test_hidden_files_are_passed_over(tree, name):
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("left by a system")
    assert below(tree) == WHOLE


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lists_of_every_system_are_read_alike(tmp_path, form, ending, encoding):
    text = unicodedata.normalize(form, ending.join([*WORDS, "", ""]))
    (tmp_path / "words.txt").write_bytes(text.encode(encoding))
    assert read_lines(tmp_path / "words.txt") == WORDS
    table = unicodedata.normalize(form, ending.join(["file, word", 'a,"über, und"', "", "b,x"]))
    (tmp_path / "t.csv").write_bytes(table.encode(encoding))
    columns, rows = read_table(tmp_path / "t.csv", ("word",))
    assert columns == ["file", "word"]
    assert rows == [(2, {"file": "a", "word": "über, und"}), (4, {"file": "b", "word": "x"})]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_letters_that_only_python_takes_for_line_ends_end_no_line(tmp_path, mark):
    (tmp_path / "words.txt").write_text(f"one{mark}more\nother\n")
    assert len(read_lines(tmp_path / "words.txt")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\ntw\xffo\n", r"words\.txt:2: no utf-8 text .*save it as UTF-8"),
        ("one\n".encode("utf-16-le"), r"words\.txt:1: holds NUL"),
        (b"\xff\xfeo\0n", "no utf-16 text"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "is empty"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, message):
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_lines(tmp_path / "words.txt")


def test_a_missing_text_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_text(tmp_path / "none.txt")
