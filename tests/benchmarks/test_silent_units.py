"""Shares of zeros and silent channels, of a network whose channels are known."""

import keras
import numpy as np

import model_metamers as mm
from benchmarks import silent_units


def test_zeros_and_silent_channels_are_counted():
    inputs = keras.Input([4, 4, 1])
    units = keras.layers.Conv2D(4, 1, activation="relu", name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(units))
    # Channels: as the pixel, always on, never on, on where the pixel is above a half.
    model.get_layer("conv").set_weights(
        [np.array([[[[1.0, 0.0, 0.0, 1.0]]]]), np.array([0.0, 1.0, -1.0, -0.5])]
    )
    network = mm.from_keras(model, ["conv"], mm.SignalSpec("image", (4, 4, 1), 0.0, 1.0))
    signals = np.full([2, 4, 4, 1], 0.25, np.float32)
    signals[0, :2] = 0.75
    found = silent_units.shares(network, [signals[:1], signals[1:]])
    # Zero are the third channel, and the fourth in three quarters of all places.
    assert found["conv"] == (0.4375, 1, 4)
