"""Small studies with people: real folders with real pictures and sounds, but no search behind them."""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from model_metamers.people.study import FORMAT, Shown, Study, StudyFolder, Timing, Trial, write_tables
from model_metamers.storage.writing import write_text

CATEGORIES = (
    *("airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat"),
    *("chair", "clock", "dog", "elephant", "keyboard", "knife", "oven", "truck"),
)
WORDS = ("about", "can't", "human", "nation", "nation's", "people", "water", "world")
CONDITIONS = ("natural", "vgg/conv1", "vgg/conv2", "vgg/fc")
PAGE = {
    "index.html": '<!doctype html><title>Study</title><link rel="stylesheet" href="page.css">'
    '<script src="page.js" defer></script>',
    "page.js": "document.title = 'Study';\n",
    "page.css": "body { margin: 0 }\n",
    "THIRD_PARTY.txt": "nobody's\n",
}


def make_page(folder: Path) -> Path:
    """A page's files, of a line each."""
    folder.mkdir()
    for name, text in PAGE.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def make_study(
    folder: Path,
    task: str = "images",
    lists: int = 3,
    practice: int = 2,
    demonstration: int = 3,
    main: int = 6,
    catch: int = 1,
    pass_marks: dict[str, int] | None = None,
    answer_ms: float | None = 1500.0,
    conditions: Sequence[str] = CONDITIONS,
    seed: int = 0,
) -> StudyFolder:
    """A study of `lists` lists, each of so many trials; sounds begin with a headphone check of six."""
    random = np.random.default_rng(seed)
    place = StudyFolder(folder)
    place.files.mkdir(parents=True)
    choices = CATEGORIES if task == "images" else WORDS
    shown: dict[str, Shown] = {}
    masks = [_picture(place.files, random) for _ in range(2)] if task == "images" else [None]

    def trial(position: int, part: str, number: int) -> Trial:
        name = _picture(place.files, random) if task == "images" else _sound(place.files, random)
        shown[name] = _shown(part, number, choices, conditions, position)
        return Trial(position, part, name, masks[position % len(masks)])

    parts = ["headphones"] * (6 if task == "words" else 0) + ["practice"] * practice
    parts += ["demonstration"] * demonstration
    among = ["main"] * main
    for number in range(catch):
        among.insert((number + 1) * main // (catch + 1) + number, "catch")
    parts += among
    made = [
        [trial(position, part, number * len(parts) + position) for position, part in enumerate(parts)]
        for number in range(lists)
    ]
    write_text(place.plan, '{"format": "1"}\n')
    marks = {"headphones": 5, "demonstration": 2} if pass_marks is None else pass_marks
    present = {name: mark for name, mark in marks.items() if name in parts}
    study = Study(
        format=FORMAT,
        title="Pictures and words",
        task=task,
        protocol="paper",
        choices=tuple(choices),
        layout="icons" if task == "images" else "typing",
        timing=Timing(300.0, 200.0, 200.0, answer_ms) if task == "images" else None,
        image_px=256 if task == "images" else None,
        pass_marks=present,
        breaks=(main // 2,),
        texts={"consent": "I take part.", "instructions": "Look.", "thanks": "Thank you."},
        seed=seed,
        plan_sha256=hashlib.sha256(place.plan.read_bytes()).hexdigest(),
    )
    write_tables(place, study, made, shown)
    return place


def right_answers(place: StudyFolder, number: int) -> list[str]:
    """The truths of a list, in order."""
    shown = place.read_answers()
    return [shown[trial.file].truth for trial in place.read_lists()[number]]


def _shown(part: str, number: int, choices: Sequence[str], conditions: Sequence[str], position: int) -> Shown:
    if part == "headphones":
        return Shown("tones", str(1 + number % 3), "", "")
    truth, stimulus = choices[number % len(choices)], f"n02110185_{number}.JPEG"
    if part == "catch":
        return Shown("catch", truth, "", stimulus)
    condition = conditions[position % len(conditions)]
    return Shown("natural" if condition == "natural" else "metamer", truth, condition, stimulus)


def _picture(folder: Path, random: np.random.Generator) -> str:
    name = f"{secrets.token_hex(16)}.png"
    Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name)
    return name


def _sound(folder: Path, random: np.random.Generator) -> str:
    name = f"{secrets.token_hex(16)}.wav"
    soundfile.write(folder / name, random.uniform(-0.1, 0.1, 200), 20000)
    return name
