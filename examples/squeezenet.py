"""A network of one's own as a Keras model: SqueezeNet v1.0 with its ImageNet weights.

  python examples/squeezenet.py squeezenet_v1_0.npz photos/ out/

The `.npz` file holds an array `<layer>__w` and `<layer>__b` for each convolution, kernels
[height, width, in, out]. See docs/your_network.md for what happens here step by step.
"""

import sys
from importlib import resources
from pathlib import Path

import numpy as np
import tensorflow as tf

import model_metamers as mm

keras = tf.keras

# Iandola et al. (2016), v1.0: squeeze and expand channels of each fire module, and after
# which of them the map is pooled.
FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}
POOLED_AFTER = (4, 8)
MEAN_BGR = (104.0, 117.0, 123.0)


def squeezenet() -> keras.Model:
    """SqueezeNet v1.0 on BGR images [227, 227, 3] without their mean."""
    inputs = keras.Input([227, 227, 3])
    x = keras.layers.Conv2D(96, 7, 2, activation="relu", name="conv1")(inputs)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    for fire, (squeeze, expand) in FIRES.items():
        s = keras.layers.Conv2D(squeeze, 1, activation="relu", name=f"fire{fire}__conv1x1_1")(x)
        narrow = keras.layers.Conv2D(expand, 1, activation="relu", name=f"fire{fire}__conv1x1_2")(s)
        wide = keras.layers.Conv2D(
            expand, 3, padding="same", activation="relu", name=f"fire{fire}__conv3x3_2"
        )(s)
        x = keras.layers.Concatenate(name=f"fire{fire}")([narrow, wide])
        if fire in POOLED_AFTER:
            x = keras.layers.MaxPooling2D(3, 2, name=f"pool{fire}")(x)
    x = keras.layers.ZeroPadding2D(1, name="pad")(x)  # the Caffe model pads its last convolution
    x = keras.layers.Conv2D(1000, 1, activation="relu", name="conv_final")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="logits")(x), name="squeezenet")


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Fills every convolution from the arrays of its name."""
    with np.load(path, allow_pickle=False) as arrays:
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D):
                layer.set_weights([arrays[f"{layer.name}__w"], arrays[f"{layer.name}__b"]])


def preprocess(images: tf.Tensor) -> tf.Tensor:
    """RGB in [0, 1] -> BGR in 0-255 without the mean."""
    return images[..., ::-1] * 255.0 - MEAN_BGR


def network(weights: str | Path) -> mm.Network:
    """SqueezeNet as a network of this package."""
    model = squeezenet()
    load_weights(model, weights)
    names = (resources.files("model_metamers") / "data" / "imagenet_classes.txt").read_text().splitlines()
    return mm.from_keras(
        model,
        layers=["conv1", "fire2", "fire4", "fire6", "fire8", "fire9", "conv_final"],
        signal=mm.SignalSpec("image", (227, 227, 3), 0.0, 1.0),
        classes=names,
        preprocess=preprocess,
    )


def main(weights: str, photos: str, out: str) -> None:
    net = network(weights)
    paths = sorted(p for p in Path(photos).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    targets = np.stack([mm.load_image(path, net.signal) for path in paths])
    null = mm.null_distribution(net, net.layers, targets)
    for layer in ("conv1", "fire9"):
        config = mm.SynthesisConfig(iterations=2000)
        metamer = mm.synthesize(net, layer, targets[0], config)
        mm.save(metamer, Path(out) / layer, net, null)
        print(
            layer,
            f"rho {metamer.spearman[layer]:.4f}",
            metamer.target_class,
            "->",
            metamer.metamer_class,
            mm.check(metamer, null),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
