"""The classes of the small networks, and the sample rate (Hz) and length of their sounds."""

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
