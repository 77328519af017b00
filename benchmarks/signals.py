"""Signals to compute on."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_metamers.corpora import demo_stimuli
from model_metamers.signals import images
from model_metamers.signals.spec import SignalSpec
from model_metamers.synthesis import starts

_RMS = 0.1  # of the sounds that are matched, docs/sources.md 6


def target_and_start(signal: SignalSpec, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Signals to match and noise to begin from, float32 [batch, *shape] each.

    Images are crops of photographs. A step takes as long whatever is heard, so that sounds are noise
    at the level of natural ones.
    """
    start = np.repeat(starts.start(signal, seed=0)[np.newaxis], batch, axis=0)
    if signal.kind == "image":
        return random_crops(batch, signal), start
    noise = np.stack([starts.start(signal, seed=1 + i) for i in range(batch)])
    return noise * (_RMS / np.sqrt(np.mean(noise**2, axis=1, keepdims=True))), start


def random_crops(count: int, signal: SignalSpec) -> np.ndarray:
    """Square crops at random places and sizes of photographs, float32 [count, *shape]."""
    random = np.random.RandomState(0)
    photos = [Image.fromarray(pixels).convert("RGB") for _, pixels in demo_stimuli.photographs()]
    crops = []
    for i in range(count):
        photo = photos[i % len(photos)]
        side = int(random.uniform(0.4, 1.0) * min(photo.size))
        left, top = (random.randint(0, edge - side + 1) for edge in photo.size)
        crops.append(images.fit(photo.crop((left, top, left + side, top + side)), signal))
    return np.stack(crops)
