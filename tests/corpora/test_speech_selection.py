"""Which clips of a speech corpus make a data set, and how they are cut."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.corpora import (
    clip_format,
    hold_out,
    record_writer,
    speech_dataset,
)
from model_metamers.corpora.speech_dataset import Clip, Selection


def clip(word="word", speaker="anna", recording="r", start_s=2.0, end_s=2.5, duration_s=10.0):
    return Clip(Path(f"{recording}.wav"), recording, speaker, word, start_s, end_s, duration_s)


def letters(number: int) -> str:
    """A word without digits for each number below 676, three to five letters long."""
    return "abc"[: 1 + number % 3] + chr(ord("a") + number // 26) + chr(ord("a") + number % 26)


def corpus() -> list[Clip]:
    """50 speakers x 100 words: word w is said by speakers 0..w // 2, twice by speaker 0."""
    clips = []
    for w in range(100):
        for s in range(w // 2 + 1):
            times = (2.0, 5.0) if s == 0 else (2.0,)
            clips += [clip(letters(w), f"speaker{s:02d}", f"s{s:02d}w{w:02d}", t, t + 0.5) for t in times]
    return clips


def test_synthetic_corpus_is_selected_as_by_hand():
    # Words of 3, 4, 5 letters in turn: 34, 33, 33 words. Word w has w // 2 + 1 speakers and
    # w // 2 + 2 clips. At least 4 letters: w % 3 > 0. At least 41 speakers: w >= 80; at
    # least 43 clips: w >= 82. Of 82..99 those with w % 3 > 0 are 82, 83, 85, 86, 88, 89, 91,
    # 92, 94, 95, 97, 98 with 43, 43, 44, 45, 46, 46, 47, 48, 49, 49, 50, 51 clips; the ten
    # with most are the last ten: 44 + 45 + 46 + 46 + 47 + 48 + 49 + 49 + 50 + 51 = 475.
    rules = Selection(min_letters=4, min_clips=43, min_speakers=41, max_classes=10)
    found = speech_dataset.select(corpus(), rules)
    expected = sorted(letters(w) for w in (85, 86, 88, 89, 91, 92, 94, 95, 97, 98))
    assert found.words == [record_writer.NULL_CLASS, *expected]
    assert sum(len(split) for split in found.clips.values()) == 475
    # All clips: 2 * (0 + .. + 49) + 2 * 100 = 2650. Words of three letters, w = 3k for k in
    # 0..33: the sum of 3k / 2 is 841.5, rounding down takes half of each odd k (17), 833,
    # and 2 * 34 makes 901. 2650 - 901 - 475 = 1274 are of words not chosen.
    assert found.dropped == {"fewer letters than asked": 901, "of a word not chosen": 1274}
    names = np.array([f"speaker{s:02d}" for s in range(50)])
    held = set(names[hold_out.is_held_out(names, rules.validation_share)])
    assert {c.speaker for c in found.clips["validation"]} == held & {c.speaker for c in corpus()}
    assert not {c.speaker for c in found.clips["train"]} & held


def test_lengths_and_edges_are_counted_as_by_hand():
    # The same corpus; speaker s says every word in 0.2 + s / 100 seconds from 2.0 s on, and the
    # recordings of speakers 0, 5, 10 .. end at 3 s, so that the middle of a word lies less than
    # a second before the end. At least 0.395 s: s >= 20. Speaker s > 0 has 100 - 2s clips,
    # speaker 0 has 200: too short are 200 + (1900 - 380) = 1720. Too near the edge are those of
    # 20, 25 .. 45: 60 + 50 + 40 + 30 + 20 + 10 = 210.
    # Word w keeps the speakers 21 .. m = w // 2 that 5 does not divide: m - 16 - m // 5. That is
    # 19 for m = 43 and 20, 20, 21, 22, 23, 24 for m = 44 .. 49, so at least 20 speakers say the
    # words 88 .. 99, in 2 * (20 + 20 + 21 + 22 + 23 + 24) = 260 clips; 2650 - 1720 - 210 - 260 =
    # 460 are of words not chosen.
    clips = []
    for c in corpus():
        s = int(c.speaker[-2:])
        times = {"start_s": 2.0, "end_s": 2.2 + s / 100}
        clips.append(dataclasses.replace(c, **times, duration_s=10.0 if s % 5 else 3.0))
    found = speech_dataset.select(clips, Selection(min_seconds=0.395, min_speakers=20, validation_share=0.15))
    assert found.words[1:] == sorted(letters(w) for w in range(88, 100))
    expected = {"shorter than asked": 1720, "too near a recording's edge": 210, "of a word not chosen": 460}
    assert found.dropped == expected
    assert sum(len(split) for split in found.clips.values()) == 260
    # CRC-32 of the names modulo 1000 is below 150 for these five; each says all twelve words, as
    # all speakers up to 44 do: 60 clips.
    held = {f"speaker{s}" for s in (21, 27, 31, 33, 41)}
    assert {c.speaker for c in found.clips["validation"]} == held
    assert len(found.clips["validation"]) == 60


def test_each_threshold_is_met_exactly():
    # Word 82 has 42 speakers and 43 clips.
    for rules, stays in (
        (Selection(min_speakers=42), True),
        (Selection(min_speakers=43), False),
        (Selection(min_clips=43), True),
        (Selection(min_clips=44), False),
        (Selection(min_seconds=0.5), True),
    ):
        assert (letters(82) in speech_dataset.select(corpus(), rules).words) == stays
    with pytest.raises(
        InputError, match=r"no training clips are left by the rules .*2650 shorter than asked"
    ):
        speech_dataset.select(corpus(), Selection(min_seconds=0.51))


def test_order_of_the_corpus_does_not_matter():
    clips = corpus()
    shuffled = [clips[i] for i in np.random.RandomState(1).permutation(len(clips))]
    assert speech_dataset.select(clips, Selection()) == speech_dataset.select(shuffled, Selection())


def test_speakers_of_one_recording_stay_together():
    clips = [clip(speaker=f"s{i}", recording=f"r{i // 2}", start_s=2 + i % 2) for i in range(60)]
    clips += [clip(speaker="s0", recording="r29")]  # joins the first and the last pair
    found = speech_dataset.select(clips, Selection(validation_share=0.4)).clips
    assert found["train"] and found["validation"]
    for kind in ("speaker", "recording"):
        assert not {getattr(c, kind) for c in found["train"]} & {
            getattr(c, kind) for c in found["validation"]
        }
    by_recording = speech_dataset.select(clips, Selection(validation_share=0.4, split_by="recording")).clips
    recordings = [{c.recording for c in split} for split in by_recording.values()]
    assert not recordings[0] & recordings[1] and all(recordings)


def test_edges_and_padding():
    near, inside = clip(start_s=0.2, end_s=0.6), clip(start_s=0.75, end_s=1.25)
    last = clip(start_s=8.75, end_s=9.25)
    beyond = clip(start_s=9.8, end_s=10.1)
    rules = Selection(validation_share=0)
    found = speech_dataset.select([near, inside, last, beyond], rules)
    assert found.clips["train"] == [inside, last]
    assert found.dropped == {"too near a recording's edge": 1, "beyond the recording's end": 1}
    padded = speech_dataset.select([near, inside, last], Selection(validation_share=0, pad=True))
    assert len(padded.clips["train"]) == 3
    waveform = np.arange(1, 60001)
    np.testing.assert_array_equal(speech_dataset.cut(waveform, 1.5), waveform[10000:50000])
    piece = speech_dataset.cut(waveform, 0.25)
    assert (piece[:15000] == 0).all() and (piece[15000:] == waveform[:25000]).all()
    piece = speech_dataset.cut(waveform, 2.75)
    assert (piece[:25000] == waveform[35000:]).all() and (piece[25000:] == 0).all()


def test_clips_of_another_format():
    # Half a second on each side of the middle: 0.6 s is far enough from the beginning, 0.4 not.
    short = clip_format.from_seconds(8000, 1)
    assert short == clip_format.ClipFormat(8000, 8000)
    inside, near = clip(start_s=0.5, end_s=0.7), clip(start_s=0.3, end_s=0.5)
    found = speech_dataset.select([inside, near], Selection(validation_share=0, clip_format=short))
    assert found.clips["train"] == [inside] and found.clip_format == short
    waveform = np.arange(16000)
    np.testing.assert_array_equal(speech_dataset.cut(waveform, 0.6, short), waveform[800:8800])
    with pytest.raises(InputError, match=r"0\.3333 s at 8000 Hz are 2666\.4 samples"):
        clip_format.from_seconds(8000, 0.3333)
    with pytest.raises(InputError, match="clips of 0 samples"):
        clip_format.from_seconds(8000, 0)


def test_words_are_plain_and_lower_case():
    given = ["Don't", "“Quite,”", "ÉTÉ", "dogs'", "co-op", "[adif]", "<vocnoise>", "x2", "...", "thi-"]
    expected = ["don't", "quite", "été", "dogs'", None, None, None, None, None, None]
    assert [speech_dataset.normal_word(text) for text in given] == expected


def test_null_class_is_sorted_among_names_as_the_labs():
    assert record_writer.class_names({"young", "ability"}) == [record_writer.NULL_CLASS, "ability", "young"]
    assert record_writer.class_names(["anna", "001", "4OI"]) == [
        "001",
        "4OI",
        record_writer.NULL_CLASS,
        "anna",
    ]
