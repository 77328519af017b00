"""Training batches of words mixed with backgrounds, read from TFRecords."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.storage.reading import read_lines
from model_metamers.training import mixtures, records

_SIGNAL = "/stimuli/signal"


@dataclasses.dataclass(frozen=True)
class SoundData:
    """One split of a speech and a background data set.

    Attributes:
      words, backgrounds: the records of the split.
      num_samples: length of every clip in samples.
      num_labels: number of background classes, including the null class.
    """

    words: records.Records
    backgrounds: records.Records
    num_samples: int
    num_labels: int

    def batches(
        self,
        epoch: int,
        first: int,
        batch_size: int,
        seed: int,
        config: mixtures.MixtureConfig,
        buffer: int = 4096,
        pace: str = "words",
        drop_remainder: bool = True,
    ) -> tf.data.Dataset:
        """Batches of (mixtures, labels by task) of an epoch; see `mixtures.mixtures`.

        Args:
          epoch, seed: decide the order and every random choice.
          first: number of batches at the beginning of the epoch to leave out.
          batch_size: mixtures in a batch.
          config: how words and backgrounds are mixed.
          buffer: number of examples that are shuffled at a time.
          pace: "words" or "backgrounds": an epoch is one pass over these; the others are
            repeated or cut short.
          drop_remainder: whether an incomplete last batch is left out.
        """
        wanted = (self.words if pace == "words" else self.backgrounds).count
        words = self.words.read([seed, epoch, 0], buffer, wanted)
        backgrounds = self.backgrounds.read([seed, epoch, 1], buffer, wanted)
        if pace == "words":
            backgrounds = backgrounds.repeat()
        else:
            words = words.repeat()

        def finish(batch, batch_seed):
            (word, word_label), (background, labels) = batch
            return mixtures.mixtures(word, word_label, background, labels, batch_seed, config)

        def parse(word, background):
            return self._parse_word(word), self._parse_background(background)

        pairs = tf.data.Dataset.zip(words, backgrounds)
        return records.seeded_batches(pairs, batch_size, first, seed, epoch, parse, finish, drop_remainder)

    def _parse_word(self, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_single_example(
            record,
            {
                _SIGNAL: tf.io.FixedLenFeature([self.num_samples], tf.float32),
                WORD_TASK: tf.io.FixedLenFeature([], tf.int64),
            },
        )
        return features[_SIGNAL], features[WORD_TASK]

    def _parse_background(self, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_single_example(
            record,
            {
                _SIGNAL: tf.io.FixedLenFeature([self.num_samples], tf.float32),
                AUDIOSET_TASK: tf.io.FixedLenFeature([self.num_labels], tf.int64),
            },
        )
        return features[_SIGNAL], tf.cast(features[AUDIOSET_TASK], tf.float32)


def open_data(
    network: AuditoryCNN, speech: Path, backgrounds: Path, tasks: Sequence[str]
) -> dict[str, SoundData]:
    """Training and validation data for a network, by split.

    Args:
      network: the network; the data must have its sample rate, length and classes.
      speech, backgrounds: folders that build_speech_dataset and build_background_dataset wrote.
      tasks: the tasks to be trained; only their classes must fit.

    Raises:
      InputError: a data set is missing or cut off, or does not fit the network.
    """
    spec = network.signal
    for folder in (speech, backgrounds):
        records.check_format(folder, spec.sample_rate or 0, spec.shape[0])
    words = read_lines(speech / "words.txt")
    labels = read_lines(backgrounds / "labels.txt")
    lists = {WORD_TASK: (words, speech / "words.txt"), AUDIOSET_TASK: (labels, backgrounds / "labels.txt")}
    for task in tasks:
        if task not in network.tasks:
            raise InputError(f"{network.name} has no task {task}; it has {', '.join(network.tasks)}")
        names, path = lists[task]
        records.check_classes(network, network.tasks[task][1], names, path, network.classes_of(task))
    return {
        split: SoundData(
            records.find_records(speech, split),
            records.find_records(backgrounds, split),
            spec.shape[0],
            len(labels),
        )
        for split in ("train", "validation")
    }
