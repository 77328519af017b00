"""`mm.plot`: pictures of metamers, of what networks make of them, and of runs.

Each function draws on `axes`, or on a new figure when None, and returns the axes. matplotlib is imported
when one is called.

Example:
  >>> import model_metamers as mm
  >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
  >>> mm.plot.cochleagram(tone, 16000).get_ylabel()
  'frequency (Hz)'
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers.criteria import class_text, match
from model_metamers.criteria import spearman as rho_of
from model_metamers.errors import InputError
from model_metamers.frontends.picture import picture_frontend
from model_metamers.plots import on_axes
from model_metamers.plots.run_overview import draw_overview, read_overview
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.images import to_uint8
from model_metamers.synthesis.metamer import Metamer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from model_metamers.criteria.null import NullDistribution
    from model_metamers.networks.network import Network

_UNITS_SHOWN = 200_000  # of a layer; beyond, as many of them, evenly spaced


def metamer(metamer: Metamer, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """The target beside its metamer: images, or cochleagrams of sounds.

    Args:
      metamer: found by `mm.synthesize`, or read by `mm.load`.
      axes: two of them, for the target and the metamer; a new figure when None.

    Returns:
      The two axes.

    Raises:
      InputError: no metamer, or not two axes.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> photo = np.random.RandomState(0).uniform(0, 1, [32, 32, 3])
      >>> found = mm.synthesize(network, "conv1_2", photo, mm.SynthesisConfig(iterations=1), progress=False)
      >>> target, own = mm.plot.metamer(found)
      >>> target.get_title().splitlines()[0]
      'signal_0'
    """
    found = _metamer(metamer, "mm.plot.metamer")
    pair = list(_new_axes(2, 7.2) if axes is None else np.ravel(np.asarray(axes, object)))
    if len(pair) != 2:
        raise InputError(f"mm.plot.metamer: got {len(pair)} axes; it needs two, for target and metamer")
    rho = found.spearman.get(found.layer, np.nan)
    titles = (found.stimulus or "target", f"{found.layer}, ρ = {rho:.3f}")
    named = (found.target_class, found.metamer_class)
    brightest = float(found.target.max())
    for one, signal, title, name in zip(pair, (found.target, found.signal), titles, named, strict=True):
        _draw_signal(one, found, signal, brightest)
        told = title if name is None else f"{title}\n{class_text(name)}"
        one.set_title(on_axes.as_written(told))
    return pair


def loss(metamer: Metamer, axes: Axes | None = None) -> Axes:
    """The loss of a search over its iterations, on a logarithmic scale.

    Args:
      metamer: that was found.
      axes: to draw on.

    Raises:
      InputError: no metamer.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> photo = np.random.RandomState(0).uniform(0, 1, [32, 32, 3])
      >>> found = mm.synthesize(network, "conv1_2", photo, mm.SynthesisConfig(iterations=1), progress=False)
      >>> mm.plot.loss(found).get_ylabel()
      'loss'
    """
    found = _metamer(metamer, "mm.plot.loss")
    axes = _one(axes)
    on_axes.loss_curve(axes, found.loss_iterations, found.loss)
    axes.set_title(on_axes.as_written(f"{found.stimulus or 'metamer'}, {found.layer}"))
    return axes


def spearman(
    metamers: Metamer | Sequence[Metamer], null: NullDistribution | None = None, axes: Axes | None = None
) -> Axes:
    """Rho of metamers with their targets at the matched layer, against rho of unrelated pairs.

    Args:
      metamers: one, or several of one layer of one network.
      null: the null distribution of the network, from `mm.null_distribution`.
      axes: to draw on.

    Raises:
      InputError: no metamers, of several layers or networks, or a null distribution without the layer.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> photos = np.random.RandomState(0).uniform(0, 1, [4, 32, 32, 3])
      >>> config = mm.SynthesisConfig(iterations=1)
      >>> found = mm.synthesize(network, "conv1_2", photos, config, progress=False)
      >>> null = mm.null_distribution(network, ["conv1_2"], photos, progress=False)
      >>> mm.plot.spearman(found, null).get_title()
      'conv1_2'
    """
    given = list(metamers) if isinstance(metamers, Iterable) else [metamers]
    found = [_metamer(one, "mm.plot.spearman") for one in given]
    places = sorted({(one.network, one.layer) for one in found})
    if len(places) != 1:
        told = ", ".join(f"{layer} of {network}" for network, layer in places) or "none"
        raise InputError(f"mm.plot.spearman: expected metamers of one layer, got {told}; draw each by itself")
    layer = found[0].layer
    rho = np.array([one.spearman[layer] for one in found])
    at = None if null is None else null.at(layer)
    rule = {} if null is None else {"rule": null.rule}
    axes = _one(axes)
    on_axes.spearman_histogram(axes, rho[np.isfinite(rho)], at, layer, **rule)
    return axes


def activations(
    network: Network, metamer: Metamer, layer: str | None = None, axes: Axes | None = None
) -> Axes:
    """A network's activations for the metamer against those for its target; on the diagonal they are equal.

    Args:
      network: with weights; that of the metamer, or another that takes such signals.
      metamer: that was found.
      layer: any of the network's stages; the matched layer when None.
      axes: to draw on.

    Raises:
      UnknownLayerError: the network has no such layer.
      InputError: no metamer, or the network takes other signals.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> photo = np.random.RandomState(0).uniform(0, 1, [32, 32, 3])
      >>> found = mm.synthesize(network, "conv1_2", photo, mm.SynthesisConfig(iterations=1), progress=False)
      >>> mm.plot.activations(network, found, "fc7").get_ylabel()
      'fc7, metamer'
    """
    found = _metamer(metamer, "mm.plot.activations")
    if not hasattr(network, "activations"):
        raise InputError(f"mm.plot.activations: expected a network, got {type(network).__name__}")
    layer = found.layer if layer is None else layer
    network.check_layers(layer)
    signals = network.signal.check(np.stack([found.target, found.signal]), "metamer")
    target, own = network.activations(signals, [layer])[layer].numpy()
    axes = _one(axes)
    step = -(-target.size // _UNITS_SHOWN)
    x, y = target.ravel()[::step], own.ravel()[::step]
    ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
    axes.axline((ends[0], ends[0]), slope=1.0, color="0.6", linewidth=1, zorder=0)
    axes.scatter(x, y, s=4, color=on_axes.METAMERS, alpha=0.3, linewidths=0, rasterized=True)
    axes.set(xlabel=on_axes.as_written(f"{layer}, target"), ylabel=on_axes.as_written(f"{layer}, metamer"))
    error = match(target, own).relative_error
    axes.set_title(f"ρ = {rho_of(target, own):.4f}, relative error {error:.2g}")
    return axes


def cochleagram(sound: Metamer | np.ndarray, rate_hz: int | None = None, axes: Axes | None = None) -> Axes:
    """The cochleagram of a sound, by the paper's filters up to half its sample rate.

    Args:
      sound: a waveform [samples], or the metamer of a sound or of a cochleagram.
      rate_hz: sample rate of a waveform; a metamer has its own.
      axes: to draw on.

    Raises:
      InputError: an image, no waveform, or a waveform without a sample rate.

    Example:
      >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
      >>> cochleagram(tone, 16000).get_xlabel()
      'time (s)'
    """
    what = "mm.plot.cochleagram"
    if isinstance(sound, Metamer):
        if sound.spec.kind == "image":
            raise InputError(f"{what}: this metamer is an image; see it with mm.plot.metamer")
        axes = _one(axes)
        _draw_signal(axes, sound, sound.signal, None)
        return axes
    values = np.asarray(sound)
    if values.ndim != 1 or values.dtype.kind not in "fiu" or not values.size:
        raise InputError(
            f"{what}: expected a waveform [samples], got {values.dtype} {list(values.shape)}; of an image "
            f"there is none"
        )
    if not isinstance(rate_hz, (int, np.integer)) or rate_hz < 1:
        raise InputError(f"{what}: rate_hz={rate_hz!r}: expected the waveform's sample rate, such as 20000")
    axes = _one(axes)
    on_axes.sound(axes, values.astype(np.float32), int(rate_hz), picture_frontend(int(rate_hz)))
    return axes


def run(folder: str | os.PathLike, axes: Axes | None = None) -> Axes:
    """Rho of every metamer in a run's folder by layer, which pass, and the null distribution's maximum.

    Args:
      folder: that make_metamers wrote: `OUT/<network>`, or `OUT` where it holds one network.
      axes: to draw on.

    Raises:
      InputError: no folder of a run, or one of several networks.

    Example:
      >>> import tempfile
      >>> run(tempfile.mkdtemp())
      Traceback (most recent call last):
      ...
      model_metamers.errors.InputError: ...: no metamers of a run; name a folder of make_metamers
    """
    overview = read_overview(Path(folder))
    axes = _one(axes, 3.6 + 0.75 * len(overview.layers))
    draw_overview(axes, overview)
    return axes


def _metamer(given: Any, what: str) -> Metamer:
    if not isinstance(given, Metamer):
        raise InputError(
            f"{what}: expected a Metamer (of mm.synthesize, mm.load), got {type(given).__name__}"
        )
    return given


def _draw_signal(axes: Axes, found: Metamer, signal: np.ndarray, brightest: float | None) -> None:
    """An image, or a cochleagram whose brightest colour has this value."""
    spec = found.spec
    if spec.kind == "image":
        axes.imshow(to_uint8(signal, spec).squeeze(), interpolation="nearest", cmap="gray")
        axes.set(xticks=[], yticks=[])
    elif spec.kind == "sound":
        on_axes.sound(axes, signal, spec.rate_hz, picture_frontend(spec.rate_hz))
    else:
        on_axes.cochleagram(axes, signal[:, :, 0], spec.frontend or CochleagramConfig(), brightest)


def _one(axes: Axes | None, width: float = 4.0) -> Axes:
    """Given axes, or new ones, so many inches wide or more."""
    if axes is None:
        return _new_axes(1, width)[0]
    if not hasattr(axes, "scatter"):
        raise InputError(f"mm.plot: expected one of matplotlib's axes, got {type(axes).__name__}")
    return axes


def _new_axes(count: int, width: float = 4.0) -> list[Axes]:
    from matplotlib import pyplot

    size = (max(4.0, width), 3.2)
    return list(pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)[1][0])
