"""Answers to pictures as model-vs-human's `read_all_csv_files_from_directory` reads them.

A file a person, `NAME_subject-01_session_1.csv`; reaction times in seconds; "na" without an answer. The
natural signal is the last piece of `imagename` after "_", or the last two where the last but one begins
with "n0", as names of ImageNet's pictures do.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path

from model_metamers.people.answers import Answer
from model_metamers.storage.whole import make_folder
from model_metamers.storage.writing import write_table

COLUMNS = ("subj", "session", "trial", "rt", "object_response", "category", "condition", "imagename")
_NO_ANSWER = "na"


def write(folder: Path, answers: Sequence[Answer]) -> None:
    """Writes the main trials of each person; StorageError where that fails.

    Args:
      folder: of the data set, whose name it bears; made.
      answers: by person, in order.
    """
    make_folder(folder)
    main = [one for one in answers if one.part == "main"]
    for person, own in itertools.groupby(main, key=lambda one: (one.person, one.session)):
        rows = [_row(number, one) for number, one in enumerate(own, 1)]
        name = f"{folder.name}_{subject(person[0])}_session_{person[1]}.csv"
        write_table(folder / name, [COLUMNS, *rows])


def subject(person: int) -> str:
    """A person's name there."""
    return f"subject-{person:02d}"


def _row(trial: int, one: Answer) -> Sequence[object]:
    rt_s = math.nan if one.rt_ms is None else one.rt_ms / 1000
    answer = one.answer or _NO_ANSWER
    pieces = (f"{trial:04d}", subject(one.person), _piece(one.condition), _piece(one.truth))
    name = "_".join((*pieces, image_id(one.stimulus)))
    return (subject(one.person), one.session, trial, rt_s, answer, one.truth, one.condition, name)


def image_id(stimulus: str) -> str:
    """What model-vs-human makes of the name's end: one piece, or an ImageNet picture's two.

    Example:
      >>> image_id("n02110185_4159.JPEG"), image_id("my_dog_2.png")
      ('n02110185_4159.JPEG', 'my-dog-2.png')
    """
    return stimulus if re.fullmatch(r"n0\d+_[^_]+", stimulus) else _piece(stimulus)


def _piece(text: str) -> str:
    """Without "_", and at no beginning "n0", which would be taken for an ImageNet picture's."""
    return re.sub(r"\An0", "n-0", text.replace("_", "-"))
