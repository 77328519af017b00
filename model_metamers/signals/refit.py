"""A signal of one network as another network takes it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_metamers.errors import InputError
from model_metamers.signals.resampling import resample
from model_metamers.signals.spec import SignalSpec


def refit(signal: np.ndarray, own: SignalSpec, other: SignalSpec, name: str) -> np.ndarray:
    """Brings a signal to another network's size and range, or rate and length.

    An image is cropped to its central square and resized with the image loader's filter,
    unrounded. A sound is resampled and cut to its middle; its level stays, because that of
    a metamer is part of what was found. A signal that fits already keeps its bits.

    Args:
      signal: of shape `own.shape`, or a longer sound.
      own, other: what it is, and what is wanted.
      name: for the message.

    Returns:
      float32 of shape `other.shape`.

    Raises:
      InputError: an image for a network of sounds or the reverse, or a sound that is too short.
    """
    if own.kind != other.kind:
        raise InputError(f"{name}: is of kind {own.kind!r}, the network takes {other.kind!r}")
    if own.kind == "image":
        fitted = _image(signal, own, other)
    elif own.kind == "sound":
        fitted = _sound(signal, own, other, name)
    else:  # a cochleagram is that of one front end
        fitted = signal
    return np.ascontiguousarray(fitted, np.float32)


def _image(image: np.ndarray, own: SignalSpec, other: SignalSpec) -> np.ndarray:
    if tuple(image.shape) != tuple(other.shape):
        image = _resized(image, other.shape[0], other.shape[1])
    if (own.low, own.high) == (other.low, other.high):
        return image
    unit = (image.astype(np.float64) - own.low) / (own.high - own.low)
    return other.low + (other.high - other.low) * unit


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side].astype(np.float32)
    channels = [
        Image.fromarray(np.ascontiguousarray(square[:, :, c])).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for c in range(square.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _sound(waveform: np.ndarray, own: SignalSpec, other: SignalSpec, name: str) -> np.ndarray:
    if own.rate_hz != other.rate_hz:
        double = waveform.astype(np.float64)
        try:
            waveform = resample(double, own.rate_hz, other.rate_hz)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    num_samples = other.shape[0]
    if len(waveform) < num_samples:
        raise InputError(
            f"{name}: {len(waveform) / other.rate_hz:.3f} s is too short for a network that takes "
            f"{num_samples / other.rate_hz:.3f} s; let a network of shorter sounds judge it"
        )
    first = (len(waveform) - num_samples) // 2
    return waveform[first : first + num_samples]
