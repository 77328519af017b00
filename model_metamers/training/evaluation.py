"""Scores of a network: accuracy, confusions, and the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.networks.network import Network
from model_metamers.statistics import ranks
from model_metamers.storage.writing import write_table


def read_stages(
    network: Network, batches: Iterable[tuple[tf.Tensor, Any]], stages: list[str]
) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Outputs [examples, ...] of stages over a data set, and the labels of its batches."""
    outputs: dict[str, list[np.ndarray]] = {stage: [] for stage in stages}
    labels = []
    for signals, batch_labels in batches:
        for stage, value in network.activations(signals, stages).items():
            outputs[stage].append(value.numpy())
        labels.append(batch_labels)
    return {stage: np.concatenate(values) for stage, values in outputs.items()}, labels


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of examples whose largest logit is that of their label.

    Args:
      logits: [examples, classes].
      labels: [examples], integers.
    """
    return float(np.mean(logits.argmax(axis=1) == labels))


def confusions(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How often each label got each answer, int64 [classes (label), classes (answer)].

    Args:
      logits: [examples, classes].
      labels: [examples], integers.
    """
    counts = np.zeros([logits.shape[1]] * 2, np.int64)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return counts


def mean_auc(logits: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve of each class, averaged (paper 3.3).

    Args:
      logits: [examples, classes].
      labels: the same shape, 0 or 1. A class that is present in all or in no examples has no curve
        and is left out.

    Returns:
      The mean, 0 to 1; NaN where no class has a curve.
    """
    areas = [
        ranks.area_under_curve(logits[:, i], labels[:, i])
        for i in range(labels.shape[1])
        if 0 < labels[:, i].sum() < len(labels)
    ]
    return float(np.mean(areas)) if areas else float("nan")


def pooled_auc(logits: np.ndarray, labels: np.ndarray) -> float:
    """Area under one ROC curve over all pairs of an example and a class (the lab's, docs/sources.md 1d)."""
    return ranks.area_under_curve(logits, labels)


def write_confusions(path: Path, counts: np.ndarray, classes: Sequence[str]) -> None:
    """Writes counts [label, answer] as a CSV table with the names of the classes on both sides."""
    rows = ([name, *row.tolist()] for name, row in zip(classes, counts, strict=True))
    write_table(path, [["label", *classes], *rows])
