"""Sound files cut off against their own headers are refused; streams, which name no length, are not."""

import struct

import numpy as np
import pytest
import soundfile

from model_metamers import InputError, SignalSpec
from model_metamers.signals import files, sound_headers, sounds

RATE = 16000
SPEC = SignalSpec("sound", (8000,), -1.0, 1.0, sample_rate=RATE, rms=0.1)
KINDS = {
    "a.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "ulaw.wav": ("WAV", "ULAW"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "extensible.wav": ("WAVEX", "PCM_24"),
    "a.rf64": ("RF64", "PCM_16"),
    "a.w64": ("W64", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.aifc": ("AIFF", "ULAW"),
    "a.flac": ("FLAC", "PCM_16"),
    "a.ogg": ("OGG", "VORBIS"),
    "a.opus": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
    "a.sph": ("NIST", "PCM_16"),
    "ulaw.sph": ("NIST", "ULAW"),
}


def write(path, kind: str, seconds: float = 2.0, channels: int = 1):
    file_format, subtype = KINDS[kind]
    noise = 0.1 * np.random.RandomState(0).randn(int(seconds * RATE))
    waveform = np.repeat(noise[:, None], channels, axis=1)
    soundfile.write(path, waveform, RATE, format=file_format, subtype=subtype)
    return path


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read(tmp_path, kind, channels):
    path = write(tmp_path / kind, kind, channels=channels)
    assert sound_headers.missing_bytes(path) == 0
    assert len(sounds.read_waveform(path, RATE, mix_channels=True)) == pytest.approx(2 * RATE, abs=2400)
    assert sounds.duration_s(path) == pytest.approx(2, abs=0.15)
    assert list(files.find_files([tmp_path], SPEC)) == [path.stem]


@pytest.mark.parametrize("part", [0.5, 0.75, 0.9, 0.99])
@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_off_are_refused(tmp_path, kind, part):
    content = write(tmp_path / kind, kind, seconds=20).read_bytes()
    path = tmp_path / ("cut_" + kind)
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(
        InputError, match=r"cut_.*(cut off, by its own header|no readable sound file)"
    ) as refusal:
        sounds.read_waveform(path, RATE)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("a.flac", "a.mp3")])
def test_lengths_are_not_told_of_files_cut_off(tmp_path, kind):
    content = write(tmp_path / kind, kind).read_bytes()
    (tmp_path / kind).write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match=r"cut off|no readable sound file"):
        sounds.duration_s(tmp_path / kind)


def test_a_folder_with_one_file_cut_off_is_refused_by_its_name(tmp_path):
    for name in ("first.wav", "second.wav"):
        write(tmp_path / name, "a.wav")
    content = (tmp_path / "second.wav").read_bytes()
    (tmp_path / "second.wav").write_bytes(content[:-1000])
    with pytest.raises(InputError, match=r"second\.wav: cut off, by its own header: 1000 bytes are missing"):
        files.load_signals(files.find_files([tmp_path], SPEC), SPEC)


@pytest.mark.parametrize("length", [2**32 - 1, 2**31 - 1, 2**31, 2**31 - 4096 - 36, 2**32 - 37])
def test_wav_of_a_pipe_is_read_to_its_end(tmp_path, length):
    content = bytearray(write(tmp_path / "a.wav", "a.wav").read_bytes())
    place = content.index(b"data")
    content[4:8] = content[place + 4 : place + 8] = struct.pack("<I", length)
    (tmp_path / "a.wav").write_bytes(content)
    assert len(sounds.read_waveform(tmp_path / "a.wav", RATE)) == 2 * RATE


def test_wav_of_big_endian_numbers_is_held_to_its_header_too(tmp_path):
    waveform = 0.1 * np.random.RandomState(0).randn(2 * RATE)
    soundfile.write(tmp_path / "a.wav", waveform, RATE, format="WAV", subtype="PCM_16", endian="BIG")
    content = (tmp_path / "a.wav").read_bytes()
    assert content.startswith(b"RIFX") and len(sounds.read_waveform(tmp_path / "a.wav", RATE)) == 2 * RATE
    (tmp_path / "a.wav").write_bytes(content[:-500])
    with pytest.raises(InputError, match="500 bytes are missing"):
        sounds.read_waveform(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("length", [2**32 - 1, 0])
def test_aiff_of_a_pipe_is_read_to_its_end(tmp_path, length):
    content = bytearray(write(tmp_path / "a.aiff", "a.aiff").read_bytes())
    place = content.index(b"SSND")
    content[place + 4 : place + 8] = struct.pack(">I", length)
    (tmp_path / "a.aiff").write_bytes(content)
    assert len(sounds.read_waveform(tmp_path / "a.aiff", RATE)) == 2 * RATE


def test_wav_that_names_no_bytes_says_so(tmp_path):
    content = bytearray(write(tmp_path / "a.wav", "a.wav").read_bytes())
    place = content.index(b"data")
    content[place + 4 : place + 8] = bytes(4)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match="its header names no length; write the file anew"):
        sounds.read_waveform(tmp_path / "a.wav", RATE)


def test_ogg_stream_without_the_last_pages_flag_is_read(tmp_path):
    """Its checksum is that of the flag taken away, as in a stream that was recorded."""
    content = bytearray(write(tmp_path / "a.ogg", "a.ogg").read_bytes())
    last = content.rindex(b"OggS")
    assert content[last + 5] & 4
    del content[last:]  # the pages before it are whole
    (tmp_path / "a.ogg").write_bytes(content)
    assert sound_headers.missing_bytes(tmp_path / "a.ogg") == 0


@pytest.mark.parametrize("kind", ["a.wav", "a.aiff", "a.mp3", "a.flac"])
def test_what_stands_behind_the_sound_does_no_harm(tmp_path, kind):
    path = write(tmp_path / kind, kind)
    length = len(sounds.read_waveform(path, RATE))
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))  # as players add them
    assert len(sounds.read_waveform(path, RATE)) == length


@pytest.mark.parametrize("lie", [-1, 1, 2])
def test_mp3_whose_header_counts_a_frame_or_two_wrong_is_read(tmp_path, lie):
    content = bytearray(write(tmp_path / "a.mp3", "a.mp3").read_bytes())
    place = content.index(b"Xing") if b"Xing" in content else content.index(b"Info")
    (frames,) = struct.unpack(">I", content[place + 8 : place + 12])
    content[place + 8 : place + 12] = struct.pack(">I", frames + lie)
    (tmp_path / "a.mp3").write_bytes(content)
    assert len(sounds.read_waveform(tmp_path / "a.mp3", RATE)) == pytest.approx(2 * RATE, abs=1200)


@pytest.mark.parametrize(
    "start", [b"RIFF", b"RF64", b"FORM", b"riff", b"NIST_1A\n  xx", b"OggS", b"fLaC", b""]
)
@pytest.mark.parametrize("rest", [b"", b"\xff" * 200, bytes(200)])
def test_headers_that_make_no_sense_are_refused(tmp_path, start, rest):
    (tmp_path / "a.wav").write_bytes(start + rest)
    with pytest.raises(InputError, match=r"a\.wav: "):
        sounds.read_waveform(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("kind", ["a.flac", "a.mp3"])
def test_headers_that_name_terabytes_are_refused_before_anything_is_allocated(tmp_path, kind):
    content = bytearray(write(tmp_path / kind, kind).read_bytes())
    if kind == "a.flac":
        content[21] |= 0x0F  # 36 bits of the number of samples
        content[22:26] = b"\xff" * 4
    else:
        place = max(content.find(b"Xing"), content.find(b"Info"))
        content[place + 8 : place + 12] = b"\xff" * 4
    (tmp_path / kind).write_bytes(content)
    with pytest.raises(
        InputError, match=r"(cut off, by its own header|no readable sound file|hours by its header)"
    ):
        sounds.read_waveform(tmp_path / kind, RATE)


@pytest.mark.parametrize("kind", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.mp3", "adpcm.wav"])
def test_sounds_longer_than_a_block_are_read_to_the_same_bits(tmp_path, kind, monkeypatch):
    path = write(tmp_path / kind, kind)
    monkeypatch.setattr(sounds, "_VALUES_AT_ONCE", 1000)
    whole, rate = soundfile.read(path)
    np.testing.assert_array_equal(sounds.read_waveform(path, rate), whole)
