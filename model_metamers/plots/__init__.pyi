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

__all__ = [
    "as_written",
    "cochleagram",
    "counts",
    "line_style",
    "loss_curve",
    "recognition_axes",
    "recognition_curve",
    "save_figure",
    "sound",
    "spearman_histogram",
]
