"""Words spoken by espeak-ng, whose library comes with a PyPI wheel."""

from __future__ import annotations

import ctypes
import functools

import espeakng_loader
import numpy as np

from model_metamers.errors import InputError

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples go to the callback, in one call
_UTF8 = 1
_RATE, _PITCH = 1, 3  # parameters of espeak_SetParameter
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def say(text: str, voice: str = "en", words_per_minute: int = 150, pitch: int = 50) -> tuple[np.ndarray, int]:
    """Synthesises speech.

    Args:
      text: what to say.
      voice: name of a voice of espeak-ng, such as "en", "en-us", "en+f3".
      words_per_minute: 80 to 450.
      pitch: 0 to 99.

    Returns:
      float64 [samples] in [-1, 1), and the sample rate in Hz.

    Raises:
      InputError: the voice is unknown, or nothing was spoken.
    """
    library, rate = _library()
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise InputError(f"espeak-ng has no voice {voice!r}")
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    chunks: list[np.ndarray] = []

    @_CALLBACK
    def keep(samples, count, _):
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(keep)
    data = text.encode() + b"\0"
    library.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    if not chunks:
        raise InputError(f"espeak-ng said nothing for {text!r}")
    return np.concatenate(chunks) / 32768.0, rate


@functools.cache
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, initialised once in a process, and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    rate = library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate <= 0:
        raise InputError("espeak-ng could not be started; reinstall espeakng-loader")
    return library, rate
