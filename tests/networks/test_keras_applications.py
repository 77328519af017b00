"""The models of keras.applications, each with a ReLU in its middle."""

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm

keras = tf.keras
MODELS = {  # a layer of its middle that ends in a ReLU, and its ceiling
    "DenseNet121": ("pool3_relu", None),
    "InceptionResNetV2": ("block17_10_ac", None),
    "InceptionV3": ("mixed6", None),
    "MobileNet": ("conv_pw_6_relu", 6.0),
    "MobileNetV2": ("block_6_expand_relu", 6.0),
    "MobileNetV3Small": ("re_lu", None),
    "NASNetMobile": ("activation", None),
    "ResNet50": ("conv3_block4_out", None),
    "ResNet50V2": ("conv3_block4_1_relu", None),
    "VGG16": ("block3_conv3", None),
    "VGG19": ("block3_conv4", None),
    "Xception": ("block7_sepconv1_act", None),
    "EfficientNetB0": (None, None),  # swish
    "EfficientNetV2B0": (None, None),
    "ConvNeXtTiny": (None, None),  # GELU
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("error:.*cannot be got at")
def test_model_is_read_as_it_is(name):
    layer, ceiling = MODELS[name]
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    size = 75 if name.startswith("Inception") or name == "Xception" else 64
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=7, classifier_activation=None
    )
    signal = mm.SignalSpec("image", (size, size, 3), 0.0, 1.0)
    network = mm.from_keras(model, [layer] if layer else [], signal, preprocess=lambda x: 2.0 * x - 1.0)
    signals = np.random.default_rng(0).random((2, size, size, 3)).astype(np.float32)
    wanted = model(2.0 * signals - 1.0, training=False)
    np.testing.assert_allclose(network.logits(signals), wanted, atol=1e-4 * np.abs(wanted).max())
    stages = network.forward(tf.constant(signals[:1]))
    if layer is None:
        assert not any(stage.relu for stage in stages.values())
        return
    with tf.GradientTape() as tape:
        tape.watch(start := tf.constant(signals[:1]))
        stage = network.forward(start)[layer]
        tape.watch(stage.value)
        linear = stage.linear_gradient_output
    assert stage.relu and stage.ceiling == ceiling and float(tf.reduce_min(stage.value)) < 0
    np.testing.assert_array_equal(tape.gradient(linear, stage.value), np.ones(stage.value.shape))
    config = mm.SynthesisConfig(iterations=2)
    metamer = mm.synthesize(network, layer, signals[0], config, progress=False)
    assert metamer.relu_gradient_used == "linear" and not np.array_equal(metamer.signal, metamer.target)
