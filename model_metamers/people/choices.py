"""What may be answered: the sixteen categories, a list of words, or those of a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.runs.folder import check_printable
from model_metamers.storage.reading import read_text

SIXTEEN = "sixteen"
# Column by column as on the screen of Geirhos et al. 2018 (arXiv:1808.08750): their list says row by row, the
# program that showed it went down the columns.
CATEGORIES = (
    *("knife", "airplane", "keyboard", "elephant"),
    *("bicycle", "clock", "oven", "chair"),
    *("bear", "boat", "cat", "bottle"),
    *("truck", "car", "bird", "dog"),
)
MOST_BUTTONS = 20
_MOST_WORDS = 20_000
_LONGEST = 40  # letters of a choice


def words_587() -> tuple[str, ...]:
    """The words that listeners of the paper chose from (3.4), those of Kell et al. 2018.

    The list is of the demonstration that came with doi:10.1016/j.neuron.2018.03.044 (docs/sources.md 2).
    """
    data = resources.files("model_metamers") / "data" / "words_587.txt"
    return tuple(data.read_text(encoding="utf-8").splitlines())


def choices(given: str | None, task: str) -> tuple[tuple[str, ...], str]:
    """What may be answered, in the order of the screen, and the layout.

    Args:
      given: "sixteen", a text file with a choice a line, or None for the paper's.
      task: "images" or "words".

    Returns:
      The choices, and one of `study.LAYOUTS`.

    Raises:
      InputError: no such file, fewer than two choices, too many for buttons, one twice, or one that cannot be
        shown.
    """
    if task == "words":
        if given == SIXTEEN:
            raise InputError(
                f"choices={SIXTEEN} is of images; of words name a file, or leave it out for 587 words"
            )
        return words_587() if given is None else _read(Path(given), _MOST_WORDS), "typing"
    if given in (None, SIXTEEN):
        return CATEGORIES, "icons"
    return _read(Path(given), MOST_BUTTONS), "buttons"


def _read(path: Path, most: int) -> tuple[str, ...]:
    lines = [line.strip() for line in read_text(path).splitlines()]
    found = [line for line in lines if line]
    if not 2 <= len(found) <= most:
        raise InputError(f"{path}: holds {len(found)} choices, one a line; expected 2 to {most}")
    for choice in found:
        check_printable(choice, str(path))
        if len(choice) > _LONGEST:
            raise InputError(f"{path}: {choice[:60]!r} is longer than {_LONGEST} letters; shorten it")
    lower = [choice.casefold() for choice in found]
    twice = next((choice for choice in found if lower.count(choice.casefold()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: the choice {twice!r} stands twice; name it once")
    return tuple(found)
