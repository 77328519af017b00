"""Turns recordings with word-time alignments into clips for training word networks.

  build_speech_dataset --recordings=LibriSpeech/train-clean-100 --alignments=mfa_output \\
      --layout=librispeech --min_letters=5 --min_clips=200 --min_speakers=50 --out=words
  build_speech_dataset --recordings=wsj0 --alignments=wsj.ctm --format=ctm \\
      --speaker_pattern='(\\w{3})\\w{5}$' --recordings=swc/english --alignments=swc/english \\
      --format=swc --speaker_pattern='' --mix_channels --preset=paper --out=words
  build_speech_dataset --recordings=speech_commands --layout=speech_commands \\
      --recordings=free_spoken_digit --layout=spoken_digits --sample_rate=8000 --seconds=1 --out=words

Each clip is --seconds at --sample_rate (the paper's: 2 s, 20 kHz) with the middle of a word
in its middle, the level as recorded (paper 3.3; training sets it). A word nearer than half a
clip to its recording's edge is left out, or padded with silence with --pad. In two layouts,
Speech Commands (`<word>/<speaker>_nohash_<n>.wav`) and the Free Spoken Digit Dataset
(`<digit>_<speaker>_<n>.wav`; digits become "zero" to "nine"), the whole sound is the word, no
alignment is needed, and silence stands around it. TextGrids belong to the recording of the
same path or name, as the Montreal Forced Aligner writes them for LibriSpeech; CTM (`file
channel start duration word`, Kaldi's) and CSV (columns file, word, start, end and perhaps
speaker, in seconds) name it, which is the way for the Wall Street Journal corpus. Spoken
Wikipedia's `aligned.swc` (--format=swc) belongs to `audio.ogg` beside it and names the reader;
join an article's `audio1.ogg`, `audio2.ogg` first (`sox audio?.ogg audio.ogg`). NIST SPHERE
files (.sph, .wv1) are read unless compressed; `sph2pipe -f wav` mends that.

Speakers and recordings are told from the path by --layout, or by --speaker_pattern and
--recording_pattern; an alignment that names a speaker (a CSV column, a tier "anna - words")
goes first. Words are in lower case, without punctuation around them; hyphens, digits and
fragments make no word.

Several corpora make one data set: repeat --recordings, and --alignments for each that needs
them; --layout, --format and the patterns once for all, or once for each in the same order
('' for no pattern). A speaker whose name two corpora use counts as two speakers,
`corpus1:anna` and `corpus2:anna`; parts of one corpus with common speakers belong below one
folder (links will do).

Writes TFRecords `train-00000-of-0000N.tfrecord` and `validation-...` whose keys are the
lab's (`/stimuli/signal`, `/stimuli/word_int` with the null class 0, `/stimuli/speaker_int`),
`words.txt` and `speakers.txt` (line 1 is index 0), `clips.csv` (`/stimuli/clip_int` of a record
is its row, from 0), `summary.json` and `flags.txt`. The folder appears whole or not at all.
`--preset=paper` takes the package's 793 words, so that classes are those of the paper's networks,
and shows clips, words and speakers beside the paper's; a flag that is given stands above the
preset. The paper's own rules are in a supplement that is not public: --min_clips and
--min_speakers are yours.
"""

import dataclasses
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.corpora import (
    alignments,
    clip_format,
    record_writer,
    speech_corpus,
    speech_dataset,
    speech_records,
)
from model_metamers.storage.reading import composed, read_lines
from model_metamers_experiments import binary

_DEFAULTS = speech_dataset.Selection()

_RECORDINGS = flags.DEFINE_multi_string(
    "recordings", None, "Folder of sound files, in any depth; repeatable.", required=True
)
_ALIGNMENTS = flags.DEFINE_multi_string("alignments", None, "File or folder of alignments; repeatable.")
_FORMAT = flags.DEFINE_multi_enum(
    "format", ["textgrid"], list(speech_corpus.FORMATS), "Of the alignments; repeatable."
)
_TIERS = flags.DEFINE_list("tiers", list(alignments.TIERS), "Names of TextGrid tiers that hold words.")
_LAYOUT = flags.DEFINE_multi_enum(
    "layout",
    ["flat"],
    speech_corpus.LAYOUTS,
    "How a path tells speaker and recording; flat: a file is both; repeatable.",
)
_SPEAKER = flags.DEFINE_multi_string(
    "speaker_pattern",
    [""],
    "Regular expression whose first group, searched in the path below --recordings without its extension, "
    "tells the speaker; repeatable.",
)
_RECORDING = flags.DEFINE_multi_string(
    "recording_pattern", [""], "The same for the recording, of which no two splits have a part; repeatable."
)
_RATE = flags.DEFINE_integer("sample_rate", 20000, "Of the clips, Hz.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 2.0, "Of a clip.", lower_bound=0)
_OUT = flags.DEFINE_string("out", None, "Folder of the data set; must not exist.", required=True)
_PRESET = flags.DEFINE_enum("preset", None, ["paper"], "Words and split of the paper, and its numbers.")
_MIN_LETTERS = flags.DEFINE_integer("min_letters", None, "Shortest word, characters.", lower_bound=1)
_MIN_SECONDS = flags.DEFINE_float("min_seconds", _DEFAULTS.min_seconds, "Shortest word.", lower_bound=0)
_MIN_CLIPS = flags.DEFINE_integer("min_clips", _DEFAULTS.min_clips, "Fewest clips of a word.", lower_bound=1)
_MIN_SPEAKERS = flags.DEFINE_integer(
    "min_speakers", _DEFAULTS.min_speakers, "Fewest speakers of a word.", lower_bound=1
)
_MIN_VALIDATION = flags.DEFINE_integer(
    "min_validation_clips", _DEFAULTS.min_validation_clips, "Fewest of a word in validation.", lower_bound=0
)
_MAX_CLASSES = flags.DEFINE_integer("max_classes", None, "Words with most clips.", lower_bound=1)
_WORDS = flags.DEFINE_list(
    "words", None, "Words to take, or a text file of them, one a line; all become classes."
)
_PAD = flags.DEFINE_bool("pad", _DEFAULTS.pad, "Pad at a recording's edges with silence.")
_VALIDATION = flags.DEFINE_float(
    "validation_share", _DEFAULTS.validation_share, "Of --split_by's units.", 0.0, 1.0
)
_SPLIT_BY = flags.DEFINE_enum(
    "split_by",
    _DEFAULTS.split_by,
    speech_dataset.SPLIT_UNITS,
    "speaker: no speaker and no recording in both splits; recording: no recording in both.",
)
_MIX = flags.DEFINE_bool("mix_channels", False, "Take the mean of channels; refused without.")
_SHARDS = flags.DEFINE_integer(
    "shards", None, "Files of each split. Without it, one for 4096 clips.", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", 0, "Of how clips are spread over shards.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    with record_writer.reserved(Path(_OUT.value)):
        return _build()


def _build() -> int:
    rules = _rules()
    clips, notes = speech_corpus.read_corpora(_corpora(), [tier.lower() for tier in _TIERS.value])
    selected = speech_dataset.select(clips, rules)
    shards = _SHARDS.value or record_writer.shards_for(max(map(len, selected.clips.values())))
    out = Path(_OUT.value)
    summary = speech_records.write_dataset(
        selected, out, shards, _SEED.value, _PROGRESS.value, binary.settings(__name__), _MIX.value
    )
    _show(summary, notes)
    print(f"Written: {out}")
    return 0


def _corpora() -> list[speech_corpus.Corpus]:
    """The flags as corpora, each flag's values in order."""
    layouts, formats = _for_each(_LAYOUT), _for_each(_FORMAT)
    speakers, recordings = _for_each(_SPEAKER), _for_each(_RECORDING)
    aligned = [layout not in speech_corpus.WORD_LAYOUTS for layout in layouts]
    given = _ALIGNMENTS.value or []
    if len(given) != sum(aligned):
        raise mm.InputError(
            f"--alignments is given {len(given)} times; expected {sum(aligned)}, once for each "
            f"--recordings whose --layout is not {' or '.join(speech_corpus.WORD_LAYOUTS)}"
        )
    sources = iter(map(Path, given))
    return [
        speech_corpus.Corpus(Path(root), layout, next(sources) if needed else None, *told)
        for root, layout, needed, *told in zip(
            _RECORDINGS.value, layouts, aligned, formats, speakers, recordings, strict=True
        )
    ]


def _for_each(flag: flags.FlagHolder) -> list[str]:
    """A flag's values, one for each corpus."""
    count = len(_RECORDINGS.value)
    if len(flag.value) not in (1, count):
        raise mm.InputError(
            f"--{flag.name} is given {len(flag.value)} times; expected once, or once for each of the "
            f"{count} --recordings"
        )
    return list(flag.value) * (count if len(flag.value) == 1 else 1)


def _rules() -> speech_dataset.Selection:
    """The flags as rules; the paper's where a preset says so and no flag does."""
    paper = _PRESET.value == "paper"
    listed = _listed_words() if _WORDS.value else _paper_words() if paper else None
    return dataclasses.replace(
        _DEFAULTS,
        min_letters=_MIN_LETTERS.value or (speech_dataset.PAPER_MIN_LETTERS if paper else 1),
        min_seconds=_MIN_SECONDS.value,
        min_clips=_MIN_CLIPS.value,
        min_speakers=_MIN_SPEAKERS.value,
        min_validation_clips=_MIN_VALIDATION.value,
        max_classes=_MAX_CLASSES.value,
        words=listed,
        pad=_PAD.value,
        validation_share=_VALIDATION.value,
        split_by=_SPLIT_BY.value,
        clip_format=clip_format.from_seconds(_RATE.value, _SECONDS.value),
    )


def _paper_words() -> tuple[str, ...]:
    """The 793 words of the paper's networks."""
    path = Path(mm.__file__).parent / "data" / "words_794.txt"
    return tuple(word for word in read_lines(path) if word != record_writer.NULL_CLASS)


def _listed_words() -> tuple[str, ...]:
    """The words of --words; what stands alone is a file."""
    given = list(map(composed, _WORDS.value or []))
    if len(given) == 1:
        given = read_lines(Path(given[0]))
    words = tuple(word for word in given if word != record_writer.NULL_CLASS)
    spoilt = [word for word in words if speech_dataset.normal_word(word) != word]
    if spoilt or not words:
        raise mm.InputError(f"--words: expected words in lower case, not {spoilt[:3]}")
    return words


def _show(summary: dict, notes: dict) -> None:
    columns = ["clips", "words", "speakers", "recordings"]
    splits = [*speech_dataset.SPLITS, "both"]
    binary.print_table(
        [["split", *columns], *([s, *(f"{summary[s][c]:,}" for c in columns)] for s in splits)]
    )
    if _PRESET.value == "paper":
        print()
        compared = speech_records.against_paper(summary)
        binary.print_table(
            [["", "here", "paper"], *([n, f"{a:,}", f"{b:,}"] for n, (a, b) in compared.items())]
        )
    for text, count in {**{f"clips {k}": v for k, v in summary["dropped"].items()}, **notes}.items():
        print(f"Left out: {count:,} {text}")


def run() -> None:
    binary.run(main, binary.STARTS_OVER)


if __name__ == "__main__":
    run()
