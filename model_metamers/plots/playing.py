"""`mm.play`: a sound in a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError
from model_metamers.synthesis.metamer import Metamer

if TYPE_CHECKING:
    from IPython.display import Audio


def play(sound: Metamer | np.ndarray, rate_hz: int | None = None) -> Audio:
    """A player for a notebook's cell, at the sound's own level.

    Args:
      sound: a waveform [samples] around [-1, 1], which is clipped there as in a file; or the metamer of a
        sound, whose target is `metamer.target`.
      rate_hz: sample rate of a waveform; a metamer has its own.

    Raises:
      InputError: no sound, a waveform without a sample rate, or no notebook.

    Example:
      >>> play(np.zeros(8000), 16000)
      Traceback (most recent call last):
      ...
      model_metamers.errors.InputError: mm.play: needs a notebook (Jupyter); elsewhere ...
    """
    if isinstance(sound, Metamer):
        if sound.spec.kind != "sound":
            raise InputError(
                f"mm.play: this metamer is of kind {sound.spec.kind}, not a sound; mm.plot shows it"
            )
        return play(sound.signal, sound.spec.rate_hz)
    waveform = np.asarray(sound)
    if waveform.ndim != 1 or waveform.dtype.kind != "f" or not waveform.size:
        raise InputError(
            f"mm.play: expected a waveform [samples] of floats, got {waveform.dtype} {list(waveform.shape)}"
        )
    if not isinstance(rate_hz, (int, np.integer)) or rate_hz < 1:
        raise InputError(f"mm.play: rate_hz={rate_hz!r}: expected the waveform's sample rate, such as 20000")
    if not _in_a_notebook():
        raise InputError(
            "mm.play: needs a notebook (Jupyter); elsewhere mm.save(metamer, folder) writes metamer.wav, for "
            "any player"
        )
    from IPython.display import Audio

    return Audio(np.clip(waveform, -1.0, 1.0), rate=int(rate_hz), normalize=False)


def _in_a_notebook() -> bool:
    """Whether IPython runs with a front end that shows more than text."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
