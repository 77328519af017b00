"""Words over backgrounds: what the auditory networks are trained and validated on (paper 3.3)."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.training import augmentation


@dataclasses.dataclass(frozen=True)
class MixtureConfig:
    """How a word and a background become an example.

    Attributes:
      sample_rate: sample rate of both, Hz.
      max_shift_s: largest shift of the word in time, seconds. A word in the middle of two seconds
        still overlaps the middle after it (docs/sources.md 1d, inferred).
      snr_low_db, snr_high_db: the signal-to-noise ratio is uniform between these (docs/sources.md 1d).
      rms: RMS of the mixture.
      null_words: share of examples without a word, which are of the null class.
      null_backgrounds: share of examples without a background. The lab had such examples; their
        share is unknown (docs/sources.md 1d).
      max_stretch: largest change of speed of word and background; 0 in the paper.

    Raises:
      InputError: a value is out of range.
    """

    sample_rate: int
    max_shift_s: float = 0.25
    snr_low_db: float = -10.0
    snr_high_db: float = 10.0
    rms: float = 0.1
    null_words: float = 0.0
    null_backgrounds: float = 0.0
    max_stretch: float = 0.0

    def __post_init__(self):
        if self.snr_low_db > self.snr_high_db:
            raise InputError(f"snr_low_db={self.snr_low_db} lies above snr_high_db={self.snr_high_db}")
        if min(self.max_shift_s, self.max_stretch, self.null_words, self.null_backgrounds) < 0:
            raise InputError("shift, stretch and the shares of null examples must be 0 or more")
        if self.null_words + self.null_backgrounds > 1:
            raise InputError(
                f"null_words={self.null_words} and null_backgrounds={self.null_backgrounds} are shares of "
                "the examples and must not exceed 1 together"
            )

    @property
    def max_shift(self) -> int:
        """Largest shift of the word, in samples."""
        return round(self.max_shift_s * self.sample_rate)

    def without_variation(self) -> MixtureConfig:
        """The same ratios and level without shifts, stretches and null examples, for validation."""
        return dataclasses.replace(
            self, max_shift_s=0.0, max_stretch=0.0, null_words=0.0, null_backgrounds=0.0
        )


def mixtures(
    words: tf.Tensor,
    word_labels: tf.Tensor,
    backgrounds: tf.Tensor,
    background_labels: tf.Tensor,
    seed: tf.Tensor,
    config: MixtureConfig,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """A batch of words mixed with backgrounds.

    Args:
      words, backgrounds: [batch, samples], at any level.
      word_labels: int64 [batch]; 0 is the null class.
      background_labels: float32 [batch, classes], 0 or 1; column 0 is the null class.
      seed: int32 [2]; the same seed gives the same examples.
      config: how to mix them.

    Returns:
      Mixtures float32 [batch, samples] at the RMS of `config`, and the labels by task.
    """
    seeds = augmentation.split_seed(seed, 5)
    if config.max_stretch:
        words = augmentation.stretch_in_time(words, seeds[0], config.max_stretch)
        backgrounds = augmentation.stretch_in_time(backgrounds, seeds[1], config.max_stretch)
    if config.max_shift:
        words = augmentation.shift_in_time(words, seeds[2], config.max_shift)
    draw = tf.random.stateless_uniform([tf.shape(words)[0]], seeds[3])
    no_word = draw < config.null_words
    no_background = draw >= 1.0 - config.null_backgrounds
    words = tf.where(no_word[:, tf.newaxis], 0.0, words)
    backgrounds = tf.where(no_background[:, tf.newaxis], 0.0, backgrounds)
    low, high = config.snr_low_db, config.snr_high_db
    snr_db = low + (high - low) * tf.random.stateless_uniform([tf.shape(words)[0]], seeds[4])
    null = tf.one_hot(0, background_labels.shape[1])
    labels = {
        WORD_TASK: tf.where(no_word, tf.zeros_like(word_labels), word_labels),
        AUDIOSET_TASK: tf.where(no_background[:, tf.newaxis], null, background_labels),
    }
    return augmentation.mix(words, backgrounds, snr_db, config.rms), labels
