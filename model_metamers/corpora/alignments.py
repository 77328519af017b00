"""Word alignments, which tell when each word is spoken: TextGrid, CTM, CSV and Spoken Wikipedia's.

TextGrids are read by the rule of Praat's manual ("TextGrid file formats"): only free-standing
numbers, texts in quotes and flags in angle brackets count, and all else is comment. So the long and
the short text form are read in the same way. The libraries praatio and textgrid are not used, because
they take a file that ends early for a shorter one, and their errors name no line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from model_metamers.errors import InputError
from model_metamers.storage.reading import lines_of, one_line, read_table, read_text

TIERS = ("words", "word", "orthography", "orth")
# What aligners (Praat, MFA, Kaldi, HTK, TIMIT) write where no word is spoken.
SILENCES = frozenset(
    ("", "sil", "sp", "spn", "h#", "<sil>", "<eps>", "<s>", "</s>", "<unk>", "{sl}", "[noise]", "!sil")
)
CSV_COLUMNS = ("file", "word", "start", "end")

# A look ahead is not gone back into: a quote that is never closed is found in one pass through the file.
_TOKEN = re.compile(r'"(?=(?P<text>[^"]*(?:""[^"]*)*))(?P=text)"|<(?P<flag>\w+)>|!.*|[^\s"]+|(?P<open>")')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MILLISECONDS = re.compile(r"[0-9]{1,12}")
_MOST_XML = 16 << 20  # bytes; as a tree it takes some 25 times as much
_DEEPEST_XML = 100  # elements within one another; alignments have ten


@dataclass(frozen=True)
class Word:
    """A word that is spoken in a recording.

    Attributes:
      text: the word as the aligner wrote it.
      start_s, end_s: seconds from the beginning of the recording.
      speaker: name of the speaker; None where the alignment does not tell.
    """

    text: str
    start_s: float
    end_s: float
    speaker: str | None = None


class _Shallow(ElementTree.TreeBuilder):
    """A tree of XML that is not deep: what takes a second at 100,000 elements takes minutes at a million."""

    _depth = 0

    def start(self, tag, attrs):
        self._depth += 1
        if self._depth > _DEEPEST_XML:
            raise ValueError(f"more than {_DEEPEST_XML} elements within one another")
        return super().start(tag, attrs)

    def end(self, tag):
        self._depth -= 1
        return super().end(tag)


class NoWordTierError(InputError):
    """An undamaged TextGrid has no tier of words."""


class _Tokens:
    """Reads the numbers, texts and flags of a TextGrid one after the other."""

    def __init__(self, path: Path, content: str):
        self._path, self._content = path, content
        self._matches = (m for m in _TOKEN.finditer(content) if _counts(m))
        self._place = 0

    def text(self, what: str) -> str:
        match = self._next(what)
        if match["text"] is None:
            raise self.error(f"expected {what} in quotes, not {match[0][:100]!r}")
        return match["text"].replace('""', '"')

    def number(self, what: str) -> float:
        match = self._next(what)
        if not _NUMBER.fullmatch(match[0]):
            raise self.error(f"expected {what}, a number, not {match[0][:100]!r}")
        number = float(match[0])
        if not math.isfinite(number):
            raise self.error(f"expected {what}, a finite number, not {match[0][:100]!r}")
        return number

    def count(self, what: str) -> int:
        number = self.number(what)
        if number < 0 or number != int(number):
            raise self.error(f"expected {what}, not {number:g}")
        return int(number)

    def flag(self) -> str:
        match = self._next("<exists>")
        if match["flag"] is None:
            raise self.error(f"expected <exists>, not {match[0][:100]!r}")
        return match["flag"]

    def error(self, message: str) -> InputError:
        line = self._content.count("\n", 0, self._place) + 1
        return InputError(f"{self._path}:{line}: {message}")

    def _next(self, what: str) -> re.Match:
        match = next(self._matches, None)
        if match is None:
            self._place = len(self._content.rstrip())
            raise self.error(f"the TextGrid ends where {what} is expected; the file is damaged")
        self._place = match.start()
        if match["open"]:
            raise self.error("a quote that is never closed; the file is damaged")
        return match


def _counts(match: re.Match) -> bool:
    special = match["text"] is not None or match["flag"] or match["open"]
    return bool(special or _NUMBER.fullmatch(match[0]))


def read_textgrid(
    path: Path, tiers: Sequence[str] = TIERS, silences: Collection[str] = SILENCES
) -> list[Word]:
    """The words of a Praat TextGrid, in order of time.

    Args:
      path: a TextGrid in its long or short text form, UTF-8 or UTF-16.
      tiers: names of the interval tiers that hold words; case does not matter. A tier "anna -
        words", as the Montreal Forced Aligner names those of several speakers, gives its words
        the speaker "anna".
      silences: marks that are no words, in lower case.

    Raises:
      NoWordTierError: there is no such tier; the message names the tiers that there are.
      InputError: the file cannot be read, is damaged, or is no TextGrid; the message names the
        file and the line.
    """
    tokens = _Tokens(path, read_text(path))
    if not tokens.text('"ooTextFile"').startswith("ooTextFile") or tokens.text("a type") != "TextGrid":
        raise tokens.error("no Praat TextGrid in text form")
    tokens.number("the first time"), tokens.number("the last time")
    tokens.flag()
    words, names, has_words = [], [], False
    for _ in range(tokens.count("the number of tiers")):
        kind, name, marks = _read_tier(tokens)
        names.append(name)
        speaker, _, ending = name.rpartition(" - ")
        if kind != "IntervalTier" or ending.strip().lower() not in tiers:
            continue
        has_words = True
        words += [Word(m.text, m.start_s, m.end_s, speaker or None) for m in _spoken(marks, silences)]
    if not has_words:
        raise NoWordTierError(
            f"{path}: no tier is called {' or '.join(tiers)}, only {one_line(', '.join(names))}"
        )
    return sorted(words, key=lambda word: word.start_s)


def _read_tier(tokens: _Tokens) -> tuple[str, str, list[Word]]:
    """Class, name and marks of a tier; a point is read as an interval without length."""
    kind = tokens.text("a tier's class")
    if kind not in ("IntervalTier", "TextTier"):
        raise tokens.error(f"a tier of the unknown class {kind[:100]!r}")
    name = tokens.text("a tier's name")
    tokens.number("a tier's first time"), tokens.number("a tier's last time")
    marks = []
    for _ in range(tokens.count("the number of intervals")):
        start = tokens.number("a time")
        end = tokens.number("an end time") if kind == "IntervalTier" else start
        if end < start:
            raise tokens.error(f"an interval ends at {end:g} s, before its start at {start:g} s")
        if start < 0 and kind == "IntervalTier":
            raise tokens.error(f"an interval starts at {start:g} s, before the recording")
        marks.append(Word(tokens.text("a mark").strip(), start, end))
    return kind, name, marks


def read_ctm(path: Path, silences: Collection[str] = SILENCES) -> dict[str, list[Word]]:
    """The words in a CTM file, by recording; its lines are `file channel start duration word [confidence]`.

    Raises:
      InputError: the file cannot be read, or a line has another form; the message names the file
        and the line.
    """
    words: dict[str, list[Word]] = {}
    for number, line in enumerate(lines_of(read_text(path)), 1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        if len(fields) < 5:
            raise InputError(
                f"{path}:{number}: expected `file channel start duration word`, not {line.strip()[:100]!r}"
            )
        start, duration = _times(path, number, fields[2], fields[3])
        if not math.isfinite(start + duration):
            raise InputError(f"{path}:{number}: the word at {start:g} s lasts {duration:g} s")
        word = Word(fields[4], start, start + duration)
        words.setdefault(fields[0], []).extend(_spoken([word], silences))
    return words


def read_csv(path: Path, silences: Collection[str] = SILENCES) -> dict[str, list[Word]]:
    """The words in a CSV file, by recording.

    Its columns are file, word, start and end in seconds, and perhaps speaker.

    Raises:
      InputError: the file cannot be read, a column is missing, or a row is no word; the message
        names the file and the line.
    """
    words: dict[str, list[Word]] = {}
    for line, row in read_table(path, CSV_COLUMNS)[1]:
        start, end = _times(path, line, row["start"], row["end"])
        if end < start:
            raise InputError(f"{path}:{line}: the word ends at {end:g} s, before its start at {start:g} s")
        word = Word(row["word"], start, end, row.get("speaker") or None)
        words.setdefault(row["file"], []).extend(_spoken([word], silences))
    return words


def read_swc(path: Path, silences: Collection[str] = SILENCES) -> list[Word]:
    """The words in `aligned.swc` of a Spoken Wikipedia article, in order of time.

    Its XML has `<n pronunciation="word" start="1230" end="1560"/>` (in ms) for every spoken word,
    without times where the aligner did not find it. The property `reader.name` is the speaker.

    Raises:
      InputError: the file cannot be read or is damaged, or a time is no number.
    """
    content = read_text(path, _MOST_XML)
    if "<!ENTITY" in content:  # entities that contain entities can grow to gigabytes
        raise InputError(f"{path}: XML with entities of its own, which no alignment needs; refused")
    try:
        root = ElementTree.fromstring(content, ElementTree.XMLParser(target=_Shallow()))
    except ElementTree.ParseError as error:
        raise InputError(f"{path}:{error.position[0]}: damaged XML ({error})") from error
    except (LookupError, ValueError) as error:  # the encoding is unknown
        raise InputError(f"{path}: damaged XML ({error})") from error
    readers = [prop.get("value") for prop in root.iter("prop") if prop.get("key") == "reader.name"]
    words = []
    for said in root.iter("n"):
        text, start, end = (said.get(key) for key in ("pronunciation", "start", "end"))
        if not text or start is None or end is None:
            continue
        if not (_MILLISECONDS.fullmatch(start) and _MILLISECONDS.fullmatch(end)) or int(end) < int(start):
            raise InputError(f"{path}: {text[:100]!r} from {start[:20]!r} to {end[:20]!r} ms")
        words.append(Word(text, int(start) / 1000, int(end) / 1000, next(iter(readers), None) or None))
    return sorted(_spoken(words, silences), key=lambda word: word.start_s)


def _times(path: Path, line: int, *texts: str) -> list[float]:
    for text in texts:
        if not _NUMBER.fullmatch(text.strip()) or not 0 <= float(text) < math.inf:
            raise InputError(f"{path}:{line}: expected a time in seconds, not {text[:100]!r}")
    return [float(text) for text in texts]


def _spoken(words: Sequence[Word], silences: Collection[str]) -> Iterator[Word]:
    return (word for word in words if word.text.lower() not in silences)
