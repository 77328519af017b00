"""TF-slim's networks as TensorFlow 1 graphs, for the scripts that make goldens beside.

They need TensorFlow 2.12 and tf_slim 1.1. VGG-19, Inception-V3 and ResNet-V2 are tf_slim's own;
it has no MobileNet, so that is built here from its layers. Graphs have the type of the images;
slim's fused batch normalisation knows no float64, so the plain one computes it.
"""

import contextlib

import numpy as np
import seeded
import tensorflow as tf
import tf_slim as slim
from tf_slim.nets import inception, resnet_v2, vgg

tf1 = tf.compat.v1
BATCH = 2


def vgg_19(images):
    """slim names the same value fc8 twice, the second time squeezed."""
    with slim.arg_scope(vgg.vgg_arg_scope()):
        logits, end_points = vgg.vgg_19(images * 255.0 - [123.68, 116.779, 103.939], 1000, is_training=False)
    return logits, end_points


def inception_v3(images, depth_multiplier=1.0, classes=1001):
    with slim.arg_scope(inception.inception_v3_arg_scope(use_fused_batchnorm=_fused(images))):
        return inception.inception_v3(
            (images - 0.5) * 2.0, classes, is_training=False, depth_multiplier=depth_multiplier
        )


def _fused(images):
    return images.dtype == tf.float32


@contextlib.contextmanager
def _resnet_arg_scope(images):
    """slim's; normaliser parameters of its convolutions do not say whether to fuse."""
    with (
        slim.arg_scope(resnet_v2.resnet_arg_scope()),
        slim.arg_scope([slim.batch_norm], fused=_fused(images)),
    ):
        yield


def resnet_v2_101(images):
    with _resnet_arg_scope(images):
        logits, end_points = resnet_v2.resnet_v2_101((images - 0.5) * 2.0, 1001, is_training=False)
    return _with_global_pool(logits, end_points)


def resnet_v2_narrow(images):
    """Two units a block, widths 8 to 64; block3's first unit needs no shortcut convolution."""
    blocks = [
        resnet_v2.resnet_v2_block(f"block{i}", base_depth, num_units=2, stride=2 if i < 4 else 1)
        for i, base_depth in enumerate((8, 16, 16, 64), start=1)
    ]
    with _resnet_arg_scope(images):
        logits, end_points = resnet_v2.resnet_v2(
            (images - 0.5) * 2.0, blocks, 11, is_training=False, scope="resnet_v2_narrow"
        )
    return _with_global_pool(logits, end_points)


def _with_global_pool(logits, end_points):
    """End points of tensorflow/models' later copy: global_pool (docs/sources.md 4a), and no empty axes."""
    pooled = [op for op in logits.graph.get_operations() if op.name.endswith("/pool5")]
    ordered = {}
    for name, value in end_points.items():
        if name.endswith("/logits"):
            ordered["global_pool"] = pooled[0].outputs[0]
        top = name.endswith("/logits") or name == "predictions"
        ordered[name] = tf.squeeze(value, [1, 2]) if top else value
    return tf.squeeze(logits, [1, 2]), ordered


def mobilenet_v1(images, depth_multiplier, classes=1001):
    end_points = {}
    x = (images - 0.5) * 2.0
    norm = {"center": True, "scale": True, "epsilon": 0.001, "is_training": False, "fused": _fused(images)}
    convolution = {"activation_fn": tf.nn.relu6, "normalizer_fn": slim.batch_norm, "normalizer_params": norm}
    strided = {2, 4, 6, 12}
    channels = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    with tf1.variable_scope("MobilenetV1"):
        for i, width in enumerate(channels):
            kernel, scope = 3, "Conv2d_0"
            if i > 0:
                scope, kernel = f"Conv2d_{i}_depthwise", 1
                x = slim.separable_conv2d(
                    x,
                    None,
                    3,
                    depth_multiplier=1,
                    stride=2 if i in strided else 1,
                    scope=scope,
                    **convolution,
                )
                end_points[scope], scope = x, f"Conv2d_{i}_pointwise"
            stride = 2 if i == 0 else 1
            x = slim.conv2d(
                x, max(8, int(width * depth_multiplier)), kernel, stride, scope=scope, **convolution
            )
            end_points[scope] = x
        with tf1.variable_scope("Logits"):
            x = slim.avg_pool2d(x, x.shape[1:3], padding="VALID", scope="AvgPool_1a")
            end_points["AvgPool_1a"] = x
            x = slim.conv2d(x, classes, 1, activation_fn=None, normalizer_fn=None, scope="Conv2d_1c_1x1")
        logits = tf.squeeze(x, [1, 2])
    end_points["Logits"] = logits
    end_points["Predictions"] = tf.nn.softmax(logits)
    return logits, end_points


# Name of a golden -> how to build its graph, and the images' size.
CASES = {
    "vgg_19": (vgg_19, 224),
    "inception_v3": (inception_v3, 299),
    "inception_v3_139": (inception_v3, 139),
    "inception_v3_narrow": (lambda images: inception_v3(images, 0.25, 11), 107),
    "resnet_v2_101": (resnet_v2_101, 299),
    "resnet_v2_101_65": (resnet_v2_101, 65),
    "resnet_v2_narrow": (resnet_v2_narrow, 64),
    "mobilenet_v1_025": (lambda images: mobilenet_v1(images, 0.25), 224),
    "mobilenet_v1_064": (lambda images: mobilenet_v1(images, 0.5), 64),
}


def assign_seeded(session, variables):
    """Fills the variables; returns their shapes by name."""
    shapes = {}
    for variable in variables:
        name, shape = variable.op.name, tuple(variable.shape.as_list())
        shapes[name] = shape
        session.run(variable.initializer, {variable.initializer.inputs[1]: seeded.weight(name, shape)})
    return shapes


def without_scope(end_points):
    """End points under the package's names: without the network's scope, and VGG's block."""
    names = {}
    for name, tensor in end_points.items():
        if name.startswith("vgg_19/"):
            name = name.rsplit("/", 1)[-1]
        elif name.startswith("resnet_v2_"):
            name = name.partition("/")[2]
        names[name] = tensor
    return names


def as_numpy(tensors, session):
    """Values of a dict of tensors."""
    return {name: np.asarray(value) for name, value in session.run(tensors).items()}
