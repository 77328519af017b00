from . import plot as plot
from .on_axes import (
    as_written,
    cochleagram,
    counts,
    line_style,
    loss_curve,
    recognition_axes,
    recognition_curve,
    save_figure,
    sound,
    spearman_histogram,
)
from .playing import play

__all__ = [
    "as_written",
    "cochleagram",
    "counts",
    "line_style",
    "loss_curve",
    "play",
    "plot",
    "recognition_axes",
    "recognition_curve",
    "save_figure",
    "sound",
    "spearman_histogram",
]
