"""A picture of four colours, by which it can be told how an image was turned."""

import numpy as np
from PIL import Image

QUARTERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))


def quartered() -> Image.Image:
    """An image of 64 x 64 pixels whose quarters are red, green, blue and yellow."""
    pixels = np.zeros([64, 64, 3], np.uint8)
    for place, colour in enumerate(QUARTERS):
        pixels[32 * (place // 2) :, 32 * (place % 2) :] = colour
        if place % 2 == 0:
            pixels[32 * (place // 2) :, 32:] = QUARTERS[place + 1]
    return Image.fromarray(pixels)


def quarters_of(loaded: np.ndarray) -> list[int]:
    """The colour in the middle of each quarter, as its place in QUARTERS."""
    middles = [loaded[y, x] for y in (8, 24) for x in (8, 24)]
    return [int(np.abs(np.array(QUARTERS) - middle).sum(axis=1).argmin()) for middle in middles]
