"""A network of one's own as a `Network`: three layers, weights from one's own training.

  python examples/own_network.py

Nothing here is trained; it shows the three things a network is: variables under names,
a forward pass that names its stages, and what it is fed. See docs/your_network.md.
"""

import numpy as np
import tensorflow as tf

import model_metamers as mm
from model_metamers.networks import layers


class TwoConvolutions(mm.Network):
    """Two convolutions and a linear classifier on 32 x 32 images in [0, 1]."""

    def __init__(self):
        super().__init__(
            name="two_convolutions",
            signal=mm.SignalSpec("image", (32, 32, 3), low=0.0, high=1.0),
            layers=["conv1", "conv2", "logits"],
            classes=["cat", "dog", "neither"],
        )
        he, zeros = layers.initializer("he_normal"), layers.initializer("zeros")
        # Names as in the checkpoint that weights will come from.
        self.add_weight("conv1/kernel", [5, 5, 3, 16], he)
        self.add_weight("conv1/bias", [16], zeros)
        self.add_weight("conv2/kernel", [5, 5, 16, 32], he)
        self.add_weight("conv2/bias", [32], zeros)
        self.add_weight("logits/kernel", [32, 3], he)
        self.add_weight("logits/bias", [3], zeros)

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, mm.Stage]:
        weight = self.weights
        stages = {}
        x = (signals - 0.5) * 2.0  # one's own preprocessing, differentiable
        for name in ("conv1", "conv2"):
            before = layers.conv2d(x, weight[f"{name}/kernel"], weight[f"{name}/bias"], strides=(2, 2))
            # A stage that ends in a ReLU keeps the value before it, so that the ReLU's
            # gradient can be the linear one when this stage is matched.
            stages[name] = mm.Stage(before, relu=True)
            x = stages[name].output
        x = tf.reduce_mean(x, axis=[1, 2])
        stages["logits"] = mm.Stage(tf.matmul(x, weight["logits/kernel"]) + weight["logits/bias"])
        return stages


def main() -> None:
    network = TwoConvolutions()
    network.initialize(seed=0)  # or: model_metamers.weights.restore(network, "my_model.ckpt")
    target = np.random.RandomState(1).rand(32, 32, 3).astype(np.float32)
    metamer = mm.synthesize(network, "conv2", target, mm.SynthesisConfig(iterations=500))
    print({layer: round(rho, 4) for layer, rho in metamer.spearman.items()})


if __name__ == "__main__":
    main()
