"""Small data sets in the form that the builders write, for tests of training."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.catalog import small_signals
from model_metamers.corpora import record_writer
from model_metamers.storage.writing import write_json, write_lines


def write_speech(
    folder: Path, words=small_signals.WORDS, rate: int = 8000, samples: int = 8000, counts=(26, 10)
) -> Path:
    """Tones, a pitch for each word."""
    folder.mkdir(parents=True)
    time = np.arange(samples) / rate
    for split, count in zip(("train", "validation"), counts, strict=True):
        with record_writer.ShardWriter(folder, split, 2, 0) as writer:
            for i in range(count):
                label = 1 + i % (len(words) - 1)
                writer.write(
                    {
                        "/stimuli/signal": np.sin(2 * np.pi * 100 * (1 + label) * time).astype(np.float32),
                        "/stimuli/word_int": label,
                    }
                )
    write_lines(folder / "words.txt", words)
    write_json(folder / "summary.json", {"sample_rate": rate, "num_samples": samples})
    return folder


def write_backgrounds(
    folder: Path,
    labels=small_signals.ENVIRONMENTAL_CLASSES,
    rate: int = 8000,
    samples: int = 8000,
    counts=(14, 11),
) -> Path:
    """Noise of a different level of smoothness for each label."""
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    for split, count in zip(("train", "validation"), counts, strict=True):
        with record_writer.ShardWriter(folder, split, 2, 0) as writer:
            for i in range(count):
                label = 1 + i % (len(labels) - 1)
                noise = np.convolve(random.randn(samples + label - 1), np.ones(label), "valid")
                writer.write(
                    {
                        "/stimuli/signal": noise.astype(np.float32),
                        "/stimuli/labels_binary_via_int": np.eye(len(labels), dtype=np.int64)[label],
                    }
                )
    write_lines(folder / "labels.txt", labels)
    write_json(folder / "summary.json", {"sample_rate": rate, "num_samples": samples})
    return folder


def write_images(
    folder: Path, size: int = 32, classes=small_signals.CIFAR10_CLASSES, counts=(24, 12)
) -> Path:
    """Plain colours with noise, a colour for each class."""
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    for split, count in zip(("train", "test"), counts, strict=True):
        with record_writer.ShardWriter(folder, split, 2, 0) as writer:
            for i in range(count):
                label = i % len(classes)
                image = np.clip(random.randint(0, 40, [size, size, 3]) + 20 * label, 0, 255).astype(np.uint8)
                writer.write({"image/encoded": tf.io.encode_png(image).numpy(), "image/class/label": label})
    write_lines(folder / "labels.txt", [f"{i}:{name}" for i, name in enumerate(classes)])
    return folder


def damage(folder: Path, split: str) -> Path:
    """Turns a bit within the second record of a split's first shard."""
    path = sorted(folder.glob(f"{split}-*"))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path
