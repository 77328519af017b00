"""How well a network does: accuracy, and the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from model_metamers.networks.network import Network
from model_metamers.storage.writing import write_table


def read_stages(
    network: Network, batches: Iterable[tuple[tf.Tensor, Any]], stages: list[str]
) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Outputs of stages over a data set, and the labels of its batches."""
    outputs: dict[str, list[np.ndarray]] = {stage: [] for stage in stages}
    labels = []
    for signals, own in batches:
        for stage, value in network.activations(signals, stages).items():
            outputs[stage].append(value.numpy())
        labels.append(own)
    return {stage: np.concatenate(values) for stage, values in outputs.items()}, labels


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows [examples, classes] whose largest logit is their label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def confusions(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts [label, answer] of logits [examples, classes]."""
    counts = np.zeros([logits.shape[1]] * 2, np.int64)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return counts


def mean_auc(logits: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve of each class, averaged (paper 3.3).

    Args:
      logits: [examples, classes].
      labels: the same shape, 0 or 1. A class that is always or never there has no curve and is
        left out; NaN when that is so of all.
    """
    areas = [
        roc_auc_score(labels[:, i], logits[:, i])
        for i in range(labels.shape[1])
        if 0 < labels[:, i].sum() < len(labels)
    ]
    return float(np.mean(areas)) if areas else float("nan")


def pooled_auc(logits: np.ndarray, labels: np.ndarray) -> float:
    """One curve over all pairs of example and class: the lab's metric (docs/sources.md 1d)."""
    return float(roc_auc_score(labels.ravel(), logits.ravel()))


def write_confusions(path: Path, counts: np.ndarray, classes: Sequence[str]) -> None:
    """Counts [label, answer] as a CSV table with the classes' names on both sides."""
    rows = ([name, *row.tolist()] for name, row in zip(classes, counts, strict=True))
    write_table(path, [["label", *classes], *rows])
