"""What a person is shown of a metamer: a picture or a sound, written, read back and measured.

A metamer that is a cochleagram has no sound to be heard. Its `metamer.png` is a picture,
which cannot be turned back into the values, so that "the file" whose criteria are told is
the float32 `metamer.npz`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_metamers import criteria
from model_metamers.runs.folder import MetamerFolder
from model_metamers.signals import images, sounds
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import read_arrays
from model_metamers.synthesis.metamer import Metamer

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


def read_shown(path: Path, spec: SignalSpec) -> np.ndarray:
    """A file that a record names, PNG, WAV or NPZ, as the network's signal, level and size kept."""
    if spec.kind == "cochleagram":
        return read_arrays(path, ("signal",))["signal"]
    if spec.kind == "image":
        return images.load_image(path, spec)
    return sounds.read_waveform(path, spec.rate_hz).astype(np.float32)


def write_shown(path: Path, signal: np.ndarray, spec: SignalSpec, brightest: float) -> int:
    """Writes the file a person is shown; returns how many sound samples were clipped.

    `brightest` is the value of a cochleagram's brightest colour.
    """
    if spec.kind == "sound":
        return sounds.write_sound(path, signal, spec)
    if spec.kind == "image":
        images.write_image(path, signal, spec)
    else:
        import matplotlib.image

        matplotlib.image.imsave(path, signal[:, :, 0], vmin=0.0, vmax=brightest, cmap="magma", origin="lower")
    return 0


def measure_file(folder: MetamerFolder, metamer: Metamer, network: Network) -> criteria.Measurement:
    """Rho and classes of what a person is shown, as read back.

    Args:
      folder: that it lies in.
      metamer: its floats.
      network: that it was made for.
    """
    shown = read_shown(judged_path(folder, metamer.spec), metamer.spec)
    return criteria.measure(network, metamer.target, shown, metamer.layer)


def judged_path(place: MetamerFolder, spec: SignalSpec) -> Path:
    """The file whose criteria are told as "the file's"."""
    return place.arrays if spec.kind == "cochleagram" else place.shown("metamer", spec.kind)
