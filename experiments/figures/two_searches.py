"""Metamers of one layer by several searches side by side: what they look like, values and spectra.

It reads folders of metamers and runs no network. The paper has no such figure: it shows whether another
search than the paper's leads to metamers of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from model_metamers import InputError, plots
from model_metamers.frontends.picture import picture_frontend
from model_metamers.recognition import presentations
from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers.recognition.presentations import Presentation
from model_metamers.runs.record import read_record
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers_experiments.figures import choosing, curves
from model_metamers_experiments.figures.figure_3 import shown_signal, sound_values

_EXAMPLES = 3
_BINS = 64
_ROW, _EXAMPLE_ROW, _WIDTH = 2.1, 1.25, 7.6  # inches
# Settings of a search that the legend tells where they are not the default.
_WAYS = ("hidden_relu", "precision", "frontend", "batch_norm", "convolutions")

# Of every search, and of the natural signals under NATURAL, the signals of the stimuli, in order.
_Signals = Mapping[str, Sequence[np.ndarray]]


def draw(metamers: Sequence[str | Path], names: Mapping[str, str] | None = None) -> Figure:
    """Draws a part for every network and layer whose metamers come from two or more searches.

    Each has examples (natural, then one metamer of each search), a histogram of the values of all its
    stimuli's signals, and their mean power spectrum. Only stimuli that every search has are taken.

    Args:
      metamers: folders with metamers, at any depth.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: no layer has metamers of two searches of the same stimulus, or a record is damaged.
    """
    shown = [p for p in presentations.find(metamers, "none") if p.layer != NATURAL]
    parts: dict[tuple[Who, str], dict[str, dict[str, Presentation]]] = {}
    for p in shown:
        searches = parts.setdefault((p.generated_by, p.layer), {})
        searches.setdefault(_search(p), {})[p.stimulus] = p
    parts = {
        key: dict(sorted(searches.items()))
        for key, searches in parts.items()
        if len(searches) > 1 and _common(searches)
    }
    if not parts:
        raise InputError("no layer has metamers of one stimulus by two searches, such as adam and lbfgs")
    called = choosing.labels([who for who, _ in parts], names)
    with matplotlib.rc_context({**curves.PRINT, "axes.titlesize": 7}):
        examples = _EXAMPLE_ROW * (1 + max(map(len, parts.values())))
        figure = Figure(figsize=(_WIDTH, len(parts) * (examples + _ROW)), layout="constrained")
        subfigures = figure.subfigures(len(parts), 1, squeeze=False)[:, 0]
        for subfigure, ((who, layer), searches) in zip(subfigures, parts.items(), strict=True):
            subfigure.suptitle(
                plots.as_written(f"{called[who]}, {layer}: {len(_common(searches))} stimuli"), fontsize=8
            )
            _part(subfigure, searches)
    return figure


def _search(metamer: Presentation) -> str:
    """What the legend calls a search."""
    config = read_record(metamer.folder).config
    default = SynthesisConfig()
    ways = [getattr(config, name) for name in _WAYS if getattr(config, name) != getattr(default, name)]
    return ", ".join([config.optimizer, f"{config.iterations} iterations", *ways])


def _common(searches: Mapping[str, Mapping[str, Presentation]]) -> list[str]:
    """Stimuli that every search has, in order."""
    first, *others = searches.values()
    return [stimulus for stimulus in first if all(stimulus in other for other in others)]


def _part(part: SubFigure, searches: Mapping[str, Mapping[str, Presentation]]) -> None:
    stimuli = _common(searches)
    any_search = next(iter(searches.values()))
    signals: dict[str, Sequence[np.ndarray]] = {
        NATURAL: [shown_signal(any_search[stimulus], "target") for stimulus in stimuli]
    }
    for name, of_search in searches.items():
        signals[name] = [shown_signal(of_search[stimulus], "metamer") for stimulus in stimuli]
    heights = [_EXAMPLE_ROW * len(signals), _ROW]
    above, below = part.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    panels = above.subplots(len(signals), min(_EXAMPLES, len(stimuli)), squeeze=False)
    for line, (name, of_name) in zip(panels, signals.items(), strict=True):
        line[0].set_ylabel(name.replace(", ", "\n"))
        for axes, signal, stimulus in zip(line, of_name, stimuli, strict=False):
            _example(axes, signal, any_search[stimulus], stimulus if name == NATURAL else "")
    values, spectrum = below.subplots(1, 2)
    spec = any_search[stimuli[0]].spec
    low, high = np.quantile(np.concatenate([s.ravel() for s in signals[NATURAL]]), [0.001, 0.999])
    for colour, (name, of_name) in enumerate(signals.items(), start=-1):
        style = {"label": name, "linewidth": 1.0, "color": "0.6" if name == NATURAL else f"C{colour}"}
        pooled = np.concatenate([s.ravel() for s in of_name])
        share, edges = np.histogram(np.clip(pooled, low, high), _BINS, (low, high))
        values.stairs(share / share.sum(), edges, **style)
        spectrum.plot(*mean_spectrum(of_name, spec.sample_rate), **style)
    values.set(xlabel="value of a pixel" if spec.kind == "image" else "value", ylabel="share", yscale="log")
    spectrum.set(yscale="log", ylabel="power", xlabel=_frequency(spec.kind))
    if spec.kind == "image":
        spectrum.set_xscale("log")
    spectrum.legend(frameon=False)


def _frequency(kind: str) -> str:
    return "frequency (cycles per image)" if kind == "image" else "frequency (Hz)"


def _example(axes: Axes, signal: np.ndarray, metamer: Presentation, title: str) -> None:
    axes.set_title(plots.as_written(title))
    axes.set(xticks=[], yticks=[])
    if metamer.spec.kind == "image":
        axes.imshow((signal - metamer.spec.low) / (metamer.spec.high - metamer.spec.low))
        return
    frontend = metamer.spec.frontend or picture_frontend(metamer.spec.rate_hz)
    values = sound_values(signal, metamer, frontend)
    axes.imshow(values, origin="lower", aspect="auto", interpolation="nearest", cmap="gray_r")


def mean_spectrum(
    signals: Sequence[np.ndarray], sample_rate: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The mean power spectrum of pictures or sounds.

    Args:
      signals: pictures [height, width, channels], whose spectrum is averaged over directions and
        channels, or sounds [samples], by Welch's method.
      sample_rate: of sounds, Hz.

    Returns:
      Frequencies, in cycles per picture or Hz, without zero, and the power at each.
    """
    if signals[0].ndim == 1:
        import scipy.signal  # slow to load, and pictures do not need it

        frequencies, power = scipy.signal.welch(np.stack(signals), sample_rate, nperseg=512)
        return frequencies[1:], power.mean(0)[1:]
    pictures = np.stack(signals).astype(np.float64)
    size = min(pictures.shape[1:3])
    power = (np.abs(np.fft.fft2(pictures, axes=(1, 2))) ** 2).mean(axis=(0, 3))
    rows, columns = (np.fft.fftfreq(n, 1 / n) * size / n for n in power.shape)
    ring = np.rint(np.hypot(rows[:, np.newaxis], columns)).astype(int)
    total = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    frequencies = np.arange(1, size // 2 + 1)
    return frequencies, total[frequencies]
