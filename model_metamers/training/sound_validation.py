"""How well an auditory network does on held-out words and backgrounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.training import evaluation, mixtures, sound_input

# The mixtures are the same for every network and seed, so that networks can be compared.
_SEED = 20191208


@dataclasses.dataclass(frozen=True)
class Validation:
    """Measures a network on held-out mixtures.

    Attributes:
      network: the network to measure.
      data: the validation split.
      tasks: the tasks to measure.
      config: how the training mixtures are made. The signal-to-noise ratios are used here too;
        there are no shifts, stretches or null examples.
      batch_size: mixtures that are computed at a time.
      draws: number of mixtures made of each word, or of each background for a network without
        words.
    """

    network: AuditoryCNN
    data: sound_input.SoundData
    tasks: list[str]
    config: mixtures.MixtureConfig
    batch_size: int
    draws: int = 1

    def metrics(self) -> dict[str, float]:
        """`word_accuracy`, `word_accuracy_quiet` of words; `mean_auc`, `pooled_auc` of backgrounds."""
        metrics = {}
        logits, labels = self._read(self.draws, quiet=False)
        if WORD_TASK in self.tasks:
            metrics["word_accuracy"] = evaluation.accuracy(logits[WORD_TASK], labels[WORD_TASK])
            quiet, quiet_labels = self._read(1, quiet=True)
            metrics["word_accuracy_quiet"] = evaluation.accuracy(quiet[WORD_TASK], quiet_labels[WORD_TASK])
        if AUDIOSET_TASK in self.tasks:
            # Column 0 is the null class, to which no background belongs.
            given, wanted = logits[AUDIOSET_TASK][:, 1:], labels[AUDIOSET_TASK][:, 1:]
            metrics["mean_auc"] = evaluation.mean_auc(given, wanted)
            metrics["pooled_auc"] = evaluation.pooled_auc(given, wanted)
        return metrics

    def write_confusions(self, folder: Path) -> None:
        """Writes tables of label and answer, for words in noise, words in quiet, and backgrounds.

        A background with several labels counts once, for its first label.
        """
        noisy, labels = self._read(self.draws, quiet=False)
        names = {task: self._names(task) for task in self.tasks}
        if WORD_TASK in self.tasks:
            quiet, quiet_labels = self._read(1, quiet=True)
            for kind, (logits, wanted) in {"noise": (noisy, labels), "quiet": (quiet, quiet_labels)}.items():
                counts = evaluation.confusions(logits[WORD_TASK], wanted[WORD_TASK])
                evaluation.write_confusions(folder / f"confusions_words_{kind}.csv", counts, names[WORD_TASK])
        if AUDIOSET_TASK in self.tasks:
            counts = evaluation.confusions(noisy[AUDIOSET_TASK], labels[AUDIOSET_TASK].argmax(axis=1))
            evaluation.write_confusions(folder / "confusions_backgrounds.csv", counts, names[AUDIOSET_TASK])

    def _names(self, task: str) -> Sequence[str]:
        return self.network.classes_of(task) or [str(i) for i in range(self.network.tasks[task][1])]

    def _read(self, draws: int, quiet: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Logits and labels by task; the mixtures of all draws follow one another."""
        config = self.config.without_variation()
        if quiet:
            config = dataclasses.replace(config, null_backgrounds=1.0)
        stages = [self.network.tasks[task][0] for task in self.tasks]
        pace = "words" if WORD_TASK in self.tasks else "backgrounds"
        batches = (
            batch
            for draw in range(draws)
            for batch in self.data.batches(
                draw, 0, self.batch_size, _SEED, config, pace=pace, drop_remainder=False
            )
        )
        outputs, labels = evaluation.read_stages(self.network, batches, stages)
        logits = {task: outputs[stage] for task, stage in zip(self.tasks, stages, strict=True)}
        return logits, {task: np.concatenate([own[task] for own in labels]) for task in self.tasks}
