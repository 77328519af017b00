"""The cochlear filters arranged so that each band is computed at rates that suit its width.

A band's own part of the spectrum is moved down to zero frequency, which the magnitude of the analytic
signal does not see, and transformed back at a low rate, little more than the band is wide. From there it
is interpolated to the rate at which its magnitude is taken.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import tensorflow as tf

from model_metamers.frontends import resampling
from model_metamers.frontends.erb_filters import cochleagram_filters
from model_metamers.frontends.numpy_cochleagram import downsampling_window
from model_metamers.signals.cochleagram_config import CochleagramConfig

_INTERPOLATION_ERROR = 2e-8  # of the largest value; float32 rounds by 6e-8
_OVERSAMPLING = 1.5  # the least at which an interpolation begins; with less, float32 loses digits


@dataclasses.dataclass(frozen=True)
class Group:
    """Neighbouring bands that share their rates.

    Attributes:
      num_bands: how many.
      size: samples of each at the low rate.
      bins: [num_bands, size], int32: the bin of the sound's spectrum that each bin of a band is taken from.
      filters: [num_bands, size], complex128: what it is multiplied with.
      interpolation: from the low rate to that of the magnitudes; None where they are the same.
      downsampling: its transpose takes the magnitudes to the frames.
    """

    num_bands: int
    size: int
    bins: tf.Tensor
    filters: tf.Tensor
    interpolation: resampling.Resampling | None
    downsampling: resampling.Resampling


@dataclasses.dataclass(frozen=True)
class Filterbank:
    """The bands of a cochleagram, low frequencies first, and how their gradients come to the spectrum.

    Attributes:
      groups: the bands.
      sources: [num_samples // 2 + 1, most], int32: for each bin of the sound's spectrum the bins of bands
        that are taken from it, counted through all bands; filled up with zeros.
      adjoint: of the same shape, complex64: what the gradients there are multiplied with, such that
        their sums' inverse real FFT is the gradient to the sound.
    """

    groups: tuple[Group, ...]
    sources: tf.Tensor
    adjoint: tf.Tensor


@functools.lru_cache(maxsize=8)
def filterbank(num_samples: int, config: CochleagramConfig, decimations: tuple[int, ...]) -> Filterbank:
    """The filters of a front end for sounds of one length, computed once.

    Args:
      num_samples: length of the sounds.
      config: settings of the front end.
      decimations: [num_filters]: a band's magnitude is taken at sample_rate / decimation. Each divides
        `config.stride` and leaves the band at least as many samples as it has bins.
    """
    filters = cochleagram_filters(num_samples, config)
    first, width = _supports(filters)
    rates = [
        (decimation, _low_decimation(decimation, int(bins), num_samples, config.stride))
        for decimation, bins in zip(decimations, width, strict=True)
    ]
    groups, taken, offset = [], [], 0
    # The tensors are made outside any graph, so that graphs take them as inputs. As constants within a
    # graph they would be copied and checked for constant folding at every tracing.
    with tf.init_scope():
        for rate, members in itertools.groupby(range(len(rates)), key=rates.__getitem__):
            bands = np.array(list(members))
            group, arrays = _group(filters, bands, first[bands], width[bands], *rate, config)
            groups.append(group)
            taken.append((arrays[0], arrays[1] + offset, arrays[2]))
            offset += group.num_bands * group.size
        return Filterbank(
            tuple(groups), *_adjoint(num_samples, *map(np.concatenate, zip(*taken, strict=True)))
        )


@functools.lru_cache(maxsize=8)
def band_widths(num_samples: int, config: CochleagramConfig) -> tuple[int, ...]:
    """The number of bins of the spectrum that each band spans."""
    return tuple(_supports(cochleagram_filters(num_samples, config))[1].tolist())


def _supports(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First bin of each filter that is not zero, and how many bins there are to the last."""
    nonzero = filters != 0
    first = nonzero.argmax(axis=1)
    last = filters.shape[1] - 1 - nonzero[:, ::-1].argmax(axis=1)
    return first, last - first + 1


def _low_decimation(decimation: int, bins: int, num_samples: int, stride: int) -> int:
    """The highest decimation from which a band of so many bins can be interpolated to `decimation`."""
    fitting = [
        low
        for low in range(2 * decimation, stride + 1, decimation)
        if stride % low == 0 and num_samples // low >= _OVERSAMPLING * bins
    ]
    return max(fitting, default=decimation)


def _group(filters, bands, first, width, decimation: int, low: int, config: CochleagramConfig):
    """The group of these bands, and for each bin taken: from where, to where, times what."""
    num_samples = 2 * (filters.shape[1] - 1)
    size, factor = num_samples // low, low // decimation
    interpolation, response, before = None, np.ones(size), 0
    if factor > 1:
        oversampling = size / width.max()
        taps = resampling.interpolation_taps(oversampling, _INTERPOLATION_ERROR)
        kernel = resampling.interpolation_kernel(taps, factor, oversampling)
        interpolation = resampling.Resampling(kernel, taps * factor // 2, factor, size)
        response = resampling.frequency_response(kernel, size * factor)
        before = interpolation.before
    bins, values = np.zeros([len(bands), size], np.int32), np.zeros([len(bands), size], complex)
    taken = []
    for row, band in enumerate(bands):
        source = first[row] + np.arange(width[row])
        moved = np.arange(width[row]) - width[row] // 2
        turned = np.exp(-2j * np.pi * moved * before / size)  # the interpolation begins so much earlier
        value = filters[band, source] / response[np.abs(moved)] / decimation * turned
        bins[row, moved % size], values[row, moved % size] = source, value
        taken.append((source, row * size + moved % size, np.conj(value) * low))
    group = Group(
        len(bands),
        size,
        tf.constant(bins),
        tf.constant(values),
        interpolation,
        _downsampling(num_samples, config, decimation),
    )
    return group, tuple(np.concatenate(arrays) for arrays in zip(*taken, strict=True))


def _downsampling(num_samples: int, config: CochleagramConfig, decimation: int) -> resampling.Resampling:
    """From frames to magnitudes: the transpose of the downsampling filter, as TensorFlow pads for "SAME".

    The filter has every `decimation`-th tap, those that meet the samples.
    """
    window = downsampling_window(config.stride, config.window_size)
    left = max(config.window_size - config.stride, 0) // 2
    taps = decimation * window[left % decimation :: decimation]
    num_frames = config.num_frames(num_samples)
    return resampling.Resampling(taps, left // decimation, config.stride // decimation, num_frames)


def _adjoint(num_samples: int, bins, places, values) -> tuple[tf.Tensor, tf.Tensor]:
    """`sources` and `adjoint` of a filterbank: gradients at `places` go to `bins`, times `values`."""
    # The inverse real FFT counts all but the outermost bins twice.
    values = np.where((bins == 0) | (bins == num_samples // 2), values, values / 2)
    order = np.argsort(bins, kind="stable")
    bins, places, values = bins[order], places[order], values[order]
    rank = np.arange(len(bins)) - np.searchsorted(bins, bins)
    shape = [num_samples // 2 + 1, rank.max() + 1]
    sources, adjoint = np.zeros(shape, np.int32), np.zeros(shape, complex)
    sources[bins, rank], adjoint[bins, rank] = places, values
    return tf.constant(sources), tf.constant(adjoint, tf.complex64)
