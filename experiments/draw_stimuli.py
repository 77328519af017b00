"""Draws the paper's natural stimuli: images of 16 categories from ImageNet, or spoken words.

  draw_stimuli --images=ILSVRC2012/train --out=pictures
  draw_stimuli --images=photos --labels=photos/labels.tsv --per_category=2 --out=pictures
  draw_stimuli --speech=words --out=spoken

Images (paper 3.5): --per_category, the paper's 36, of each of the 16 categories, from --images:
class folders called by ImageNet's wnids, or files that a table names (--labels, with a column
`file` and one of `wnid` and `imagenet_index`, from 0). Every image of a category that suits is
equally likely: in colour (RGB), the shorter side at least --min_side pixels, no copy of another.
make_metamers crops them to their central square. Which 36 the authors drew is not public.

Words (paper 3.4): one clip of each of --words words, the paper's 295, those of its 587 choices that
are among its networks' 793 classes. --speech is a data set of build_speech_dataset, of which
--splits are drawn from, or folders called by words (<word>/<file>).

The same files and --seed give the same files. What cannot be drawn is refused before anything is written,
and --out appears whole or not at all: `stimuli/`, `stimuli.csv` (labels for recognize_metamers and
prepare_human_experiment), `counts.csv` (what there was of each category or word, what was left out,
and what was drawn), `flags.txt`, and with words `choices.txt`, the 587 (recognize_metamers --classes).
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.corpora import drawing, drawn_images, drawn_words, record_writer, speech_dataset
from model_metamers.people.choices import words_587
from model_metamers.recognition import sixteen
from model_metamers.storage.reading import read_lines
from model_metamers_experiments import binary

_IMAGES = flags.DEFINE_string("images", None, "Folder of ImageNet's images.")
_LABELS = flags.DEFINE_string(
    "labels", None, "Table of their classes. Without it, folders are called by wnids."
)
_PER_CATEGORY = flags.DEFINE_integer(
    "per_category", drawn_images.PAPER_PER_CATEGORY, "Images of each category.", lower_bound=1
)
_MIN_SIDE = flags.DEFINE_integer(
    "min_side", drawn_images.PAPER_MIN_SIDE, "Least of an image's shorter side, pixels.", lower_bound=1
)
_BY_NAME = flags.DEFINE_bool("by_name", False, "Take a Dutch oven for an oven, as the authors' code does.")
_SPEECH = flags.DEFINE_string("speech", None, "Data set of speech, or folder of folders called by words.")
_WORDS = flags.DEFINE_integer("words", drawn_words.PAPER_WORDS, "Words to draw.", lower_bound=1)
_SPLITS = flags.DEFINE_list("splits", ["validation"], "Of a data set of speech: train, validation or both.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the draws.")
_OUT = flags.DEFINE_string("out", None, "Folder of the stimuli; must not exist.", required=True)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    with record_writer.reserved(Path(_OUT.value)):
        if bool(_IMAGES.value) == bool(_SPEECH.value):
            raise mm.InputError("give either --images or --speech")
        return _draw_images(Path(_IMAGES.value)) if _IMAGES.value else _draw_words(Path(_SPEECH.value or ""))


def _draw_images(root: Path) -> int:
    table = Path(_LABELS.value) if _LABELS.value else None
    categories = sixteen.sixteen_categories(_BY_NAME.value)
    classes = drawn_images.image_classes(sixteen.imagenet_wnids(), categories)
    pictures = drawn_images.find_pictures(root, classes, table)
    drawn = drawn_images.draw(
        pictures, categories, _PER_CATEGORY.value, _SEED.value, _MIN_SIDE.value, _PROGRESS.value
    )
    drawn_images.write_pictures(drawn, root, Path(_OUT.value), binary.settings(__name__))
    columns = list(drawn.counts[0])
    binary.print_table([columns, *([f"{row[c]}" for c in columns] for row in drawn.counts)])
    _tell(sum(row["drawn"] for row in drawn.counts), f"images of {len(categories)} categories")
    return 0


def _draw_words(root: Path) -> int:
    if _LABELS.value:
        raise mm.InputError("--labels goes with --images; the words of --speech are told by its folder")
    unknown = set(_SPLITS.value) - set(speech_dataset.SPLITS)
    if unknown or not _SPLITS.value:
        raise mm.InputError(
            f"--splits={','.join(_SPLITS.value)}: expected {' or '.join(speech_dataset.SPLITS)}"
        )
    binary.import_tensorflow_quietly()  # which reads the records of a data set
    choices = words_587()
    classes = read_lines(Path(mm.__file__).parent / "data" / "words_794.txt")
    exemplars = drawn_words.exemplar_words(choices, classes)
    if _WORDS.value > len(exemplars):
        raise mm.InputError(f"--words={_WORDS.value}: there are {len(exemplars)} words to draw from")
    drawn, counts = drawn_words.draw(
        drawn_words.find_clips(root, _SPLITS.value), exemplars, _WORDS.value, _SEED.value
    )
    drawn_words.write_words(drawn, counts, root, choices, Path(_OUT.value), binary.settings(__name__))
    clips, there = sum(row["clips"] for row in counts), sum(row["clips"] > 0 for row in counts)
    binary.print_table(
        [
            ["words to draw from", "with a clip", "clips", "drawn"],
            [*map(str, (len(counts), there, clips, len(drawn)))],
        ]
    )
    _tell(len(drawn), f"words of {len(choices)} choices")
    return 0


def _tell(count: int, what: str) -> None:
    out = Path(_OUT.value)
    print(f"Written: {out}, {count} {what}")
    print(f"Go on with --inputs={out / drawing.FILES}; their classes are in {out / drawing.LISTING}")


def run() -> None:
    binary.run(main, binary.STARTS_OVER, tensorflow=False)


if __name__ == "__main__":
    run()
