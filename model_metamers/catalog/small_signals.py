"""The classes of the small networks, and the sample rate (Hz) and length of their sounds."""

from __future__ import annotations

from importlib import resources

TINY_IMAGENET_100 = "tiny_imagenet_100.txt"
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
WORDS = (
    "__nullSignal__",
    "down",
    "eight",
    "five",
    "four",
    "go",
    "left",
    "nine",
    "no",
    "off",
    "on",
    "one",
    "right",
    "seven",
    "six",
    "stop",
    "three",
    "two",
    "up",
    "yes",
    "zero",
)
ENVIRONMENTAL_CLASSES = (
    "__nullSignal__",
    "baby_cry",
    "chainsaw",
    "clock_tick",
    "dog_bark",
    "fire_crackling",
    "helicopter",
    "person_sneeze",
    "rain",
    "rooster",
    "sea_waves",
)
SAMPLE_RATE = 8000
NUM_SAMPLES = 8000


def tiny_imagenet_classes() -> tuple[str, ...]:
    """A hundred of Tiny ImageNet's classes: every second in the order of their WordNet numbers."""
    text = (resources.files("model_metamers") / "data" / TINY_IMAGENET_100).read_text(encoding="utf-8")
    return tuple(line.partition(" ")[2] for line in text.splitlines())
