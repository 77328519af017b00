"""What a step costs by the size of its batch, the length of a sound and the size of an image."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks import signals, timing
from benchmarks.our_search import OurSearch
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Contender, Spread, Times
from model_metamers import catalog
from model_metamers.frontends.cochleagram import CochleagramConfig, cochleagram
from model_metamers.networks.network import Network
from model_metamers.networks.vgg import VGG

_BATCHES = (1, 2, 4, 8, 16)
_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_SIDES = (64, 128, 224, 320)


@dataclasses.dataclass(frozen=True)
class _Curve:
    """Times of one thing at several sizes.

    Attributes:
      title: what it is.
      axis: what the sizes are.
      build: f(size) -> f(repetitions) that does the work.
      sizes: to try.
      shares: whether a repetition's time is shared by as many signals as the size says.
    """

    title: str
    axis: str
    build: Callable[[float], Callable[[int], object]]
    sizes: Sequence[float]
    shares: bool = False


def run(name: str, settings: Settings) -> Result:
    """A table and a curve each; the sizes of a curve are timed in turn."""
    del name
    image, sound = (
        catalog.load_network(n, "random:0") for n in ("vgg_19_small", "word_reduced_aliasing_small")
    )
    curves = [
        _Curve("vgg_19_small conv4_4, a signal's step", "signals at once", _batches(image), _BATCHES, True),
        _Curve(
            "word_reduced_aliasing_small conv_4, a signal's step",
            "signals at once",
            _batches(sound),
            _BATCHES,
            True,
        ),
        _Curve("cochleagram of 171 filters and gradient", "length of the sound, s", _sound, _SECONDS),
        _Curve("VGG-19 conv3_4, a step", "side of the image, pixels", _image, _SIDES),
    ]
    measured = [_measure(curve, settings) for curve in curves]
    found = [_table(curve, times) for curve, times in zip(curves, measured, strict=True)]
    return Result(tuple(found), pictures={"costs.png": _picture(curves, measured)})


def _measure(curve: _Curve, settings: Settings) -> list[Times]:
    """Times of each size, of one signal."""
    contenders = [Contender(f"{size:g}", curve.build(size)) for size in curve.sizes]
    times = timing.in_turn(contenders, settings.rounds, settings.seconds / 2)
    shares = [size if curve.shares else 1 for size in curve.sizes]
    return [
        dataclasses.replace(
            own,
            wall=tuple(seconds / share for seconds in own.wall),
            processor=tuple(seconds / share for seconds in own.processor),
        )
        for own, share in zip(times.values(), shares, strict=True)
    ]


def _batches(network: Network):
    layer = {"image": "conv4_4", "sound": "conv_4"}[network.signal.kind]

    def build(size: float):
        return OurSearch(network, layer, *signals.target_and_start(network.signal, int(size))).steps

    return build


def _sound(seconds: float):
    config = CochleagramConfig()
    samples = int(seconds * config.sample_rate)
    waveforms = tf.constant(0.1 * np.random.RandomState(0).randn(1, samples), tf.float32)

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.l2_loss(cochleagram(x, config))
        return tape.gradient(loss, x)

    return lambda repetitions: [gradient(waveforms).numpy() for _ in range(repetitions)]


def _image(side: float):
    network = VGG("vgg_19", [f"class_{i}" for i in range(2)], image_size=int(side), fc_width=2)
    network.initialize(0)
    return OurSearch(network, "conv3_4", *signals.target_and_start(network.signal, 1)).steps


def _table(curve: _Curve, times: Sequence[Times]) -> Table:
    rows = [
        (f"{size:g}", Spread.of(own.wall).text(1e3), Spread.of(own.processor).text(1e3))
        for size, own in zip(curve.sizes, times, strict=True)
    ]
    numbers = [
        {"size": size, "wall_seconds": own.wall, "processor_seconds": own.processor}
        for size, own in zip(curve.sizes, times, strict=True)
    ]
    return Table(curve.title, (curve.axis, "ms", "processor, ms"), tuple(rows), numbers)


def _picture(curves: Sequence[_Curve], measured: Sequence[Sequence[Times]]) -> bytes:
    """The curves as a PNG."""
    figure = Figure(figsize=(3.2 * len(curves), 3.2), layout="constrained")
    for axes, curve, times in zip(figure.subplots(1, len(curves)), curves, measured, strict=True):
        for label, values in (
            ("by the clock", [own.wall for own in times]),
            ("processor", [own.processor for own in times]),
        ):
            spreads = [Spread.of(rounds) for rounds in values]
            axes.plot(curve.sizes, [1e3 * s.median for s in spreads], "o-", label=label)
            low, high = ([1e3 * getattr(s, side) for s in spreads] for side in ("low", "high"))
            axes.fill_between(curve.sizes, low, high, alpha=0.2)
        axes.set(title=curve.title, xlabel=curve.axis, ylabel="ms", xscale="log", yscale="log")
        axes.set_xticks(curve.sizes, [f"{size:g}" for size in curve.sizes])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.title.set_fontsize(7)
        axes.legend(fontsize=7)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    return content.getvalue()
