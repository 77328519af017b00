"""Turns environmental sounds into clips of one length for training sound networks.

  build_background_dataset --sounds=ESC-10 --validation_folds=5 --out=backgrounds
  build_background_dataset --sounds=ESC-50-master --layout=esc50 --validation_folds=5 --out=backgrounds
  build_background_dataset --sounds=audioset/wav --layout=audioset --mix_channels \\
      --segments=unbalanced_train_segments.csv --validation_segments=eval_segments.csv \\
      --ontology=class_labels_indices.csv --out=backgrounds

Layouts are class folders (`<class>/<file>`; ESC's file names tell fold and recording),
ESC-50 as it is published (`audio/`, `meta/esc50.csv`), and an AudioSet segments file beside
a folder of sounds whose names begin with the YouTube id. Each sound gives as many clips of
--seconds at --sample_rate (the paper's: 2 s, 20 kHz) as it holds, one after the other, the
level as recorded; a shorter sound is one clip in the middle of silence. Clips more than 40 dB below
the loudest of their sound are left out as silent.

Validation takes whole folds (--validation_folds), AudioSet's own (--validation_segments), or a share
of recordings by a digest of their names (--validation_share); no recording is in both. A second set
with the classes of a first one takes its `labels.txt` (--labels).

Writes TFRecords `train-00000-of-0000N.tfrecord` and `validation-...` with the lab's keys
(`/stimuli/signal`, `/stimuli/labels_binary_via_int`: 0 or 1 for each class, class 0 null),
`labels.txt` (line 1 is index 0), `summary.json` and `flags.txt`; the folder appears whole
or not at all. Of AudioSet, clips and labels are shown beside the paper's, 718,625 and 516 (section 3.3);
its validation set is not told apart there.
"""

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.corpora import (
    background_dataset,
    clip_format,
    labelled_sounds,
    record_writer,
    speech_dataset,
)
from model_metamers.storage.reading import read_lines
from model_metamers_experiments import binary

_SOUNDS = flags.DEFINE_string("sounds", None, "Folder of the sounds.", required=True)
_LAYOUT = flags.DEFINE_enum("layout", "folders", labelled_sounds.LAYOUTS, "How labels are told.")
_SEGMENTS = flags.DEFINE_string("segments", None, "AudioSet segments file.")
_VALIDATION_SEGMENTS = flags.DEFINE_string(
    "validation_segments", None, "Another, of the sounds to validate on."
)
_ONTOLOGY = flags.DEFINE_string(
    "ontology", None, "AudioSet's class_labels_indices.csv or ontology.json, for names."
)
_LABELS = flags.DEFINE_string("labels", None, "Text file of the labels to take, one a line, in this order.")
_MIN_SOUNDS = flags.DEFINE_integer("min_sounds", 1, "Fewest sounds of a label.", lower_bound=1)
_FOLDS = flags.DEFINE_list("validation_folds", [], "Folds to validate on.")
_SHARE = flags.DEFINE_float("validation_share", 0.0, "Of recordings, without folds.", 0.0, 1.0)
_RATE = flags.DEFINE_integer("sample_rate", 20000, "Of the clips, Hz.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 2.0, "Of a clip.", lower_bound=0)
_MIX = flags.DEFINE_bool("mix_channels", False, "Take the mean of channels; refused without.")
_OUT = flags.DEFINE_string("out", None, "Folder of the data set; must not exist.", required=True)
_SHARDS = flags.DEFINE_integer(
    "shards", None, "Files of each split. Without it, one for 4096 sounds.", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", 0, "Of how clips are spread over shards.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    with record_writer.reserved(Path(_OUT.value)):
        return _build()


def _build() -> int:
    if not all(fold.isdigit() for fold in _FOLDS.value):
        raise mm.InputError(f"--validation_folds={','.join(_FOLDS.value)}: expected numbers, such as 4,5")
    clips = clip_format.from_seconds(_RATE.value, _SECONDS.value)
    given, missing = _sounds()
    listed = read_lines(Path(_LABELS.value)) if _LABELS.value else None
    kept, labels = background_dataset.keep_labels(given, listed, _MIN_SOUNDS.value)
    splits = background_dataset.split(kept, [int(fold) for fold in _FOLDS.value], _SHARE.value)
    if _VALIDATION_SEGMENTS.value:
        held_out, lost = _audioset(_VALIDATION_SEGMENTS.value)
        splits, missing = background_dataset.hold_out_sounds(kept, held_out, labels), missing + lost
    shards = _SHARDS.value or record_writer.shards_for(max(map(len, splits.values())))
    out = Path(_OUT.value)
    summary = background_dataset.write_dataset(
        splits,
        labels,
        out,
        shards,
        _SEED.value,
        _MIX.value,
        _PROGRESS.value,
        binary.settings(__name__),
        clips,
    )
    columns = ["sounds", "clips", "labels", "silent_pieces"]
    rows = [[name, *(f"{summary[name][c]:,}" for c in columns)] for name in speech_dataset.SPLITS]
    binary.print_table([["split", "sounds", "clips", "labels", "silent, left out"], *rows])
    if _LAYOUT.value == "audioset":
        print()
        compared = background_dataset.against_paper(summary)
        binary.print_table(
            [["", "here", "paper"], *([n, f"{a:,}", f"{b:,}"] for n, (a, b) in compared.items())]
        )
    if not summary["validation"]["clips"]:
        print("Nothing is held out, so no network can be trained on it alone: see --validation_share")
    if missing:
        print(f"Left out: {missing:,} segments without a sound")
    print(f"Written: {out}, {summary['classes']} classes with the null class")
    return 0


def _sounds() -> tuple[list[labelled_sounds.Sound], int]:
    """Sounds, and how many segments have none."""
    segments = _SEGMENTS.value
    if (segments is None) == (_LAYOUT.value == "audioset"):
        raise mm.InputError("--segments goes with --layout=audioset, which needs it")
    if _VALIDATION_SEGMENTS.value and (_LAYOUT.value != "audioset" or _FOLDS.value or _SHARE.value):
        raise mm.InputError("--validation_segments goes with --layout=audioset, and with no other split")
    if segments is not None:
        return _audioset(segments)
    read = {"folders": labelled_sounds.read_class_folders, "esc50": labelled_sounds.read_esc50}
    return read[_LAYOUT.value](Path(_SOUNDS.value)), 0


def _audioset(segments: str) -> tuple[list[labelled_sounds.Sound], int]:
    ontology = Path(_ONTOLOGY.value) if _ONTOLOGY.value else None
    return labelled_sounds.read_audioset(Path(_SOUNDS.value), Path(segments), ontology)


def run() -> None:
    binary.run(main, binary.STARTS_OVER)


if __name__ == "__main__":
    run()
