"""Sounds from files, as a network takes them."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from model_metamers.errors import InputError
from model_metamers.signals import sound_headers
from model_metamers.signals.resampling import resample
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.opening import check_file
from model_metamers.storage.reading import one_line
from model_metamers.storage.writing import write_bytes

SPHERE = (".sph", ".wv1", ".wv2", ".nist")  # NIST's, of the LDC's corpora; WSJ's two microphones
_CONTAINERS = (".wav", ".rf64", ".w64", ".aiff", ".aif", ".aifc", ".ogg", ".oga", ".opus")
EXTENSIONS = (*_CONTAINERS, ".flac", ".mp3", *SPHERE)
# Of what libsndfile opens, the formats of these files, as it calls them.
FORMATS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "OGG", "FLAC", "MP3", "NIST")
_SILENCE_RMS = 1e-6  # about a thirtieth of a 16-bit step
# A float waveform beyond this holds 16-bit values that nobody scaled.
_LARGEST_PEAK = 8.0
_VALUES_AT_ONCE = 1 << 20  # of all channels, read at a time
_MP3_SAMPLES_PER_BYTE = 64  # more than any of its bit rates gives
_SPHERE_HEADER = 1024  # bytes
# Encoders pad and count the ends of an MP3 in ways of their own.
_MP3_SLACK = 2 * 1152  # samples of two frames
_LONGEST_S = 4 * 3600  # a file that is read whole
# Of a longer file only the middle is read. What stands around it is resampled with it, since the
# resampling filter reaches so far; samples then differ from the whole file's by rounding alone.
_LONG_S, _AROUND_S = 600, 1


def read_waveform(path: str | os.PathLike, sample_rate: int, mix_channels: bool = False) -> np.ndarray:
    """A sound file as a mono waveform at a rate.

    Integer formats are scaled to [-1, 1); another rate is resampled with soxr, and equal
    channels are taken as one: `conversions` tells.

    Args:
      path: of a file of one of `EXTENSIONS`; NIST SPHERE only uncompressed.
      sample_rate: in Hz.
      mix_channels: whether to take the mean of channels that differ.

    Returns:
      float64 [samples].

    Raises:
      InputError: no sound file, damaged, cut off, empty, longer than four hours, channels that
        differ, NaN, unscaled values.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"expected a sound file's path, got {type(path).__name__}")
    path = Path(path)
    with _opened(path) as file:
        named, rate = file.frames, file.samplerate
        _check_length(named, rate, path)
        slack = _MP3_SLACK if file.format == "MP3" else 0
        waveform = _whole(file, path, mix_channels)
    if waveform.size == 0:
        raise InputError(f"{path}: the sound is empty, or its header names no length; write the file anew")
    if len(waveform) < named - slack:
        raise _cut_off(path, f"{named / rate:.3f} s are named, {len(waveform) / rate:.3f} s are there")
    try:
        return resample(waveform, rate, sample_rate)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A sound file of one of `FORMATS` that is not cut off; InputError where it cannot be read."""
    _check_whole(path)
    try:
        if not sound_headers.is_taken(path):
            raise _other_format(path)
        with soundfile.SoundFile(str(path)) as file:
            if file.format not in FORMATS:
                raise _other_format(path)
            yield file
    except InputError:
        raise
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise _unreadable(path, error) from error  # TypeError: by its name soundfile takes it for raw bytes


def _whole(file: soundfile.SoundFile, path: Path, mix_channels: bool) -> np.ndarray:
    """What is there, however much a damaged header names: nothing is allocated for the rest."""
    if file.format == "MP3":  # read in parts it would not be the same to the last bit
        size = path.stat().st_size
        if file.frames > _MP3_SAMPLES_PER_BYTE * size:
            raise ValueError(f"its header names {file.frames} samples in {size} bytes")
        file.seek(0)  # as `soundfile.read` does: the decoder's last bits depend on it
        return _one_channel(file.read(dtype="float64", always_2d=True), path, mix_channels)
    frames = max(1, _VALUES_AT_ONCE // file.channels)
    blocks: list[np.ndarray] = []
    while not blocks or len(blocks[-1]) == frames:
        block = file.read(frames, dtype="float64", always_2d=True)
        blocks.append(_one_channel(block, path, mix_channels))
        _check_length(frames * (len(blocks) - 1), file.samplerate, path)  # of what the header hides
    return np.concatenate(blocks)


def _check_length(samples: int, rate: int, path: Path) -> None:
    if samples > _LONGEST_S * rate:
        raise InputError(
            f"{path}: {samples / rate / 3600:.1f} hours by its header; at most {_LONGEST_S / 3600:g} are "
            f"read, cut it into parts first, such as with `sox in.wav out.wav trim 0 3600`"
        )


def _one_channel(values: np.ndarray, path: Path, mix_channels: bool) -> np.ndarray:
    """Samples [samples, channels] as one channel [samples], checked."""
    if not np.isfinite(values).all():
        raise InputError(f"{path}: the sound holds NaN or infinite values")
    if mix_channels:
        values = values.mean(axis=1, keepdims=True)
    if np.any(values != values[:, :1]):
        raise InputError(
            f"{path}: {values.shape[1]} channels that differ, expected mono; choose or mix them first, "
            f"such as with `sox in.wav out.wav remix 1`"
        )
    peak = np.abs(values[:, 0]).max(initial=0.0)
    if peak > _LARGEST_PEAK:
        raise InputError(
            f"{path}: values reach {peak:g}; a float sound lies around [-1, 1] "
            f"(divide 16-bit values by 32768)"
        )
    return values[:, 0].copy()


def _middle(path: Path, signal: SignalSpec) -> np.ndarray | None:
    """The middle of a long file as `fit` would cut it; None for a file that can be read whole."""
    with _opened(path) as file:
        frames, old = file.frames, file.samplerate
        if frames <= _LONG_S * old:
            return None
        num_samples, new = signal.shape[0], signal.rate_hz
        first = (frames * new // old - num_samples) // 2
        together = old // math.gcd(old, new)  # samples of the file after which both rates meet
        start = (first * old // new - _AROUND_S * old) // together * together
        count = math.ceil(num_samples * old / new) + 2 * _AROUND_S * old + together
        if start < 0:
            return None
        file.seek(start)
        part = _one_channel(file.read(count, dtype="float64", always_2d=True), path, False)
    if len(part) < min(count, frames - start):
        raise _cut_off(path, f"{frames / old:.3f} s are named, less is there")
    skipped = first - start * new // old
    return resample(part, old, new)[skipped : skipped + num_samples]


def _check_whole(path: Path) -> None:
    """Refuses what is no file, and a file whose header names more than it holds."""
    try:
        check_file(path)
    except OSError as error:
        raise InputError(f"{path}: no readable sound file ({error.strerror})") from error
    try:
        missing = sound_headers.missing_bytes(path)
    except (OSError, ValueError, struct.error):
        return  # libsndfile says what is wrong
    if missing > 1:  # the last byte may be padding
        raise _cut_off(path, f"{missing} bytes are missing at its end")


def _cut_off(path: Path, how: str) -> InputError:
    return InputError(
        f"{path}: cut off, by its own header: {how}; copy it anew, or write a file of what is there"
    )


def duration_s(path: Path) -> float:
    """A sound file's length by its header, s; InputError as `read_waveform`."""
    with _opened(path) as file:
        return file.frames / file.samplerate


def _other_format(path: Path) -> InputError:
    return InputError(
        f"{path}: no readable sound file; by its first bytes it is none of {' '.join(EXTENSIONS)}; convert "
        f"it to one of these"
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    """Why a file cannot be read; a SPHERE header names a compression that libsndfile lacks."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        header = file.read(_SPHERE_HEADER)
        if header.startswith(b"NIST_1A") and b",embedded-" in header:
            return InputError(
                f"{path}: a compressed SPHERE file; convert it first, such as with "
                f"`{shlex.join(['sph2pipe', '-f', 'wav', path.name, path.stem + '.wav'])}`"
            )
    return InputError(f"{path}: no readable sound file ({one_line(str(error)) or type(error).__name__})")


def conversions(path: Path, signal: SignalSpec) -> list[str]:
    """What `load_sound` does to a readable file beyond setting its level, in words."""
    with _opened(path) as info:
        return _conversions(info, signal)


def _conversions(info: soundfile.SoundFile, signal: SignalSpec) -> list[str]:
    done = []
    if info.channels > 1:
        done.append(f"{info.channels} equal channels taken as one")
    if info.samplerate != signal.rate_hz:
        done.append(f"resampled from {info.samplerate} to {signal.rate_hz} Hz")
    if info.frames / info.samplerate > signal.shape[0] / signal.rate_hz:
        done.append(f"cut to the middle {signal.shape[0] / signal.rate_hz:g} s")
    return done


def load_sound(path: str | os.PathLike, signal: SignalSpec) -> np.ndarray:
    """A sound file as a network's target: rate, length and level are the network's.

    A longer sound is cut to its middle, where the word is (paper 3.3); the mean is
    removed and the RMS set to `signal.rms`, as the authors do (docs/sources.md 6). Of a file of more
    than ten minutes nothing but the middle is read.

    Returns:
      float32 of shape `signal.shape`.

    Raises:
      InputError: as `read_waveform`, too short, or silent.

    Example:
      >>> import tempfile
      >>> signal = SignalSpec("sound", (8000,), low=-1, high=1, sample_rate=8000, rms=0.1)
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     soundfile.write(f"{folder}/tone.wav", np.sin(np.arange(44100) / 10), 44100)
      ...     tone = load_sound(f"{folder}/tone.wav", signal)
      >>> tone.shape, round(float(np.sqrt(np.mean(tone**2))), 3)
      ((8000,), 0.1)
    """
    if signal.kind != "sound":
        raise InputError(f"this network takes a signal of kind {signal.kind!r}, no sound")
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"expected a sound file's path, got {type(path).__name__}")
    middle = _middle(Path(path), signal)
    waveform = read_waveform(path, signal.rate_hz) if middle is None else middle
    return fit(waveform, signal.rate_hz, signal, str(path))


def fit(waveform: np.ndarray, sample_rate: int, signal: SignalSpec, name: str) -> np.ndarray:
    """A mono waveform as `load_sound` gives a file; `name` is for the message."""
    waveform = resample(waveform, sample_rate, signal.rate_hz)
    num_samples = signal.shape[0]
    if len(waveform) < num_samples:
        raise InputError(
            f"{name}: {len(waveform) / signal.rate_hz:.3f} s is too short; this network takes "
            f"{num_samples / signal.rate_hz:.3f} s ({num_samples} samples at {signal.rate_hz} Hz); "
            f"pad it with silence or record more"
        )
    first = (len(waveform) - num_samples) // 2
    waveform = waveform[first : first + num_samples]
    try:
        return set_level(waveform, signal.rms).astype(np.float32)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def write_sound(path: Path, waveform: np.ndarray, signal: SignalSpec) -> int:
    """Writes a network's sound as a 16-bit WAV, level kept.

    Returns:
      The number of samples beyond the range, which were clipped.
    """
    rounded = np.rint(np.asarray(waveform, np.float64) * 32768.0)
    clipped = np.clip(rounded, -32768, 32767)
    write_wav(path, clipped.astype(np.int16), signal.rate_hz)
    return int(np.sum(rounded != clipped))


def write_wav(path: Path, waveform: np.ndarray, rate_hz: int) -> None:
    """Writes a 16-bit WAV; StorageError where it cannot be written.

    It is encoded in memory, since soundfile does not tell of a disk that is full.
    """
    content = io.BytesIO()
    soundfile.write(content, waveform, rate_hz, subtype="PCM_16", format="WAV")
    write_bytes(path, content.getbuffer())


def set_level(waveform: np.ndarray, rms: float | None) -> np.ndarray:
    """The waveform without its mean, at an RMS; only the mean is removed when None.

    Raises:
      InputError: silence cannot be brought to a level.
    """
    waveform = waveform - waveform.mean()
    if rms is None:
        return waveform
    level = np.sqrt(np.mean(waveform**2))
    if level < _SILENCE_RMS:
        raise InputError(f"the sound is silent (RMS {level:.1e})")
    return waveform * (rms / level)
