"""Word alignments from files; what is refused, and where."""

import pytest

from model_metamers import InputError
from model_metamers.corpora import alignments
from model_metamers.corpora.alignments import Word

LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2.5
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "say ""naïve"""
        intervals [3]:
            xmin = 1.25
            xmax = 1.5
            text = "<SIL>"
        intervals [4]:
            xmin = 1.5
            xmax = 2.5
            text = "twice"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 2.5
        points: size = 1
        points [1]:
            number = 0.75
            mark = "click"
'''
SHORT = """File type = "ooTextFile"
"TextGrid"

0
2.5
<exists>
1
"IntervalTier"
"anna - words"
0
2.5
2
0.5
1.25
"one"
1.25
2.5
"two"
"""
EXPECTED = [Word('say "naïve"', 0.5, 1.25), Word("twice", 1.5, 2.5)]


def written(folder, content: str, encoding: str = "utf-8"):
    path = folder / "a.TextGrid"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_long_form(tmp_path, encoding, ending):
    path = written(tmp_path, LONG.replace("\n", ending), encoding)
    assert alignments.read_textgrid(path) == EXPECTED


def test_big_endian_utf16_with_its_mark(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(b"\xfe\xff" + LONG.encode("utf-16-be"))
    assert alignments.read_textgrid(path) == EXPECTED


def test_short_form_with_the_speaker_in_the_tiers_name(tmp_path):
    expected = [Word("one", 0.5, 1.25, "anna"), Word("two", 1.25, 2.5, "anna")]
    assert alignments.read_textgrid(written(tmp_path, SHORT)) == expected


def test_tier_and_silences_are_parameters(tmp_path):
    path = written(tmp_path, LONG.replace('"words"', '"Parole"'))
    with pytest.raises(alignments.NoWordTierError, match=r"no tier is called words .* only Parole, clicks"):
        alignments.read_textgrid(path)
    words = alignments.read_textgrid(path, tiers=("parole",), silences={"", "twice"})
    assert [word.text for word in words] == ['say "naïve"', "<SIL>"]


def test_textgrids_cut_anywhere_are_refused(tmp_path):
    complete = SHORT.rstrip("\n")
    for length in range(len(complete)):
        with pytest.raises(InputError, match=r"a\.TextGrid:\d+: "):
            alignments.read_textgrid(written(tmp_path, complete[:length]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xmax = 1.25", "xmax = 0.25", r":21: an interval ends at 0.25 s, before its start at 0.5 s"),
        ("xmin = 1.5", "xmin = soon", r":30: expected an end time, a number, not '\"twice\"'"),
        ("intervals: size = 4", "intervals: size = 5", r":32: expected a time, a number, not '\"TextTier\"'"),
        ("size = 2", "size = 1.5", ":7: expected the number of tiers, not 1.5"),
        ('"TextGrid"', '"PitchTier"', ":2: no Praat TextGrid"),
        ('class = "TextTier"', 'class = "Tier"', ":32: a tier of the unknown class 'Tier'"),
    ],
)
def test_damaged_textgrid_names_its_line(tmp_path, old, new, message):
    with pytest.raises(InputError, match=r"a\.TextGrid" + message):
        alignments.read_textgrid(written(tmp_path, LONG.replace(old, new)))


def test_other_bytes_are_refused(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(b"File\n\xff\xff")
    with pytest.raises(InputError, match=r"a\.TextGrid:2: no utf-8 text"):
        alignments.read_textgrid(path)
    with pytest.raises(InputError, match=r"b\.TextGrid: cannot be read"):
        alignments.read_textgrid(tmp_path / "b.TextGrid")


def test_ctm(tmp_path):
    path = tmp_path / "a.ctm"
    path.write_text(";; a comment\nfirst 1 0.5 0.25 one 0.98\nfirst 1 0.75 0.1 <eps>\nsecond A 1 0.5 two\n")
    expected = {"first": [Word("one", 0.5, 0.75)], "second": [Word("two", 1.0, 1.5)]}
    assert alignments.read_ctm(path) == expected
    path.write_text("first 1 0.5 0.25 one\nfirst 1 0.5\n")
    with pytest.raises(InputError, match=r"a\.ctm:2: expected `file channel start duration word`"):
        alignments.read_ctm(path)
    path.write_text("first 1 0.5 -0.25 one\n")
    with pytest.raises(InputError, match=r"a\.ctm:1: expected a time in seconds, not '-0.25'"):
        alignments.read_ctm(path)


def test_spoken_wikipedia(tmp_path):
    path = tmp_path / "aligned.swc"
    timed = '<n pronunciation="two" start="{}" end="750"/>'
    reader = '<prop key="reader.name" value="Anna"/>'
    text = f'<article>\n<meta>{reader}</meta>\n<d><t>2{{}}<n pronunciation="a"/></t></d>'
    path.write_text(f"{text.format(timed.format(500))}</article>")
    assert alignments.read_swc(path) == [Word("two", 0.5, 0.75, "Anna")]
    path.write_text(text.format(timed.format(800)) + "</article>")
    with pytest.raises(InputError, match=r"aligned\.swc: 'two' from '800' to '750' ms"):
        alignments.read_swc(path)
    path.write_text(text.format(""))
    with pytest.raises(InputError, match=r"aligned\.swc:3: damaged XML"):
        alignments.read_swc(path)


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("file,word,start,end,speaker\na.wav,one,0.5,0.75,anna\na.wav,,0.75,1,anna\n")
    assert alignments.read_csv(path) == {"a.wav": [Word("one", 0.5, 0.75, "anna")]}
    for content, message in (
        ("file,word,start\n", ":1: no column end"),
        ("file,word,start,end\na,b,1\n", ":2: 3 fields, expected at least 4"),
        ("file,word,start,end\na,b,1,0.5\n", ":2: the word ends at 0.5 s, before its start at 1 s"),
        ("file,word,start,end\na,b,one,2\n", ":2: expected a time in seconds, not 'one'"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=r"a\.csv" + message):
            alignments.read_csv(path)
