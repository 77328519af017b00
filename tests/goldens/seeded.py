"""Weights and images that two programs make alike, from a name or a number, with numpy alone."""

import zlib

import numpy as np


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a TF-slim variable, float32, scaled so that activations neither die nor explode."""
    last = name.rsplit("/", 1)[-1]
    low, high = {
        "moving_variance": (0.5, 1.5),
        "moving_mean": (-0.3, 0.3),
        # high in MobileNet, so that its ReLUs reach their ceiling
        "beta": (-1.0, 4.0) if name.startswith("MobilenetV1") else (-0.3, 0.5),
        "gamma": (0.7, 1.3),
        "biases": (-0.2, 0.2),
    }.get(last, (-1.0, 1.0))
    if last in ("weights", "depthwise_weights"):
        # He's variance; a residual unit adds little to the sum, which nothing else bounds
        fan_in = np.prod(shape[:2] if last == "depthwise_weights" else shape[:-1])
        high = np.sqrt(6.0 / fan_in) * (0.3 if "bottleneck_v2/conv3" in name else 1.0)
        low = -high
    values = np.random.RandomState(zlib.crc32(name.encode())).random_sample(shape)
    values *= high - low
    values += low
    return values.astype(np.float32)


def images(seed: int, batch: int, size: int) -> np.ndarray:
    """Pictures of clouds in [0, 1]: waves whose amplitude falls with frequency; float32."""
    random = np.random.RandomState(seed)
    grid = np.arange(size) / size
    pictures = np.zeros((batch, size, size, 3))
    for picture in pictures:
        for _ in range(40):
            across, down = random.randint(0, 20, 2)
            phase, colour = random.uniform(0, 2 * np.pi), random.uniform(-1, 1, 3)
            wave = np.cos(2 * np.pi * (across * grid + down * grid[:, np.newaxis]) + phase)
            picture += wave[..., np.newaxis] * colour / (1 + np.hypot(across, down))
    low = pictures.min(axis=(1, 2, 3), keepdims=True)
    high = pictures.max(axis=(1, 2, 3), keepdims=True)
    return ((pictures - low) / (high - low)).astype(np.float32)


def noise(seed: int, size: int) -> np.ndarray:
    """A start of the released search, [1, size, size, 3]: uniform in 0.5 to 0.6 (docs/sources.md 6)."""
    return (0.5 + 0.1 * np.random.RandomState(seed).random_sample((1, size, size, 3))).astype(np.float32)


def positions(name: str, size: int, count: int = 50) -> np.ndarray:
    """Places in a flattened array of `size` values."""
    return np.random.RandomState(zlib.crc32(name.encode())).randint(size, size=count)
