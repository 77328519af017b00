"""Writes slim_search.npz: losses of the metamer search in TensorFlow 1 graphs of TF-slim's networks.

Run it as make_slim_goldens.py, in the same environment:

  python tests/goldens/make_slim_search_goldens.py [--only=inception_v3/Mixed_5d,...]

Weights, target and start come from seeded.py. The search is the released code's (docs/sources.md 6):
Adam at 0.001 * 0.95^(step/1000), l2_loss, the image clipped to [0, 1] after each step, and
at a matched layer every gradient through its ReLUs, in Inception through those of the
branches before they are concatenated. For each layer the npz holds the loss before each of
60 steps and after the last.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import seeded
import slim_graphs
import tensorflow as tf
from absl import app, flags

_ONLY = flags.DEFINE_list("only", None, "Layers to make; those there are keep the others.")

tf1 = tf.compat.v1
_FILE = pathlib.Path(__file__).parent / "slim_search.npz"
_STEPS = 60
_LAYERS = (
    "inception_v3/Mixed_5d",
    "inception_v3/Mixed_6e",
    "resnet_v2_101/block1",
    "resnet_v2_101/global_pool",
)


@tf.custom_gradient
def jittered_relu(x):
    return tf.nn.relu(x), lambda dy: tf.where(x <= 0, dy, dy)


def jittered(value):
    """An end point with the linear gradient through the ReLU that made it, or made its parts."""
    if value.op.type == "Relu":
        return jittered_relu(value.op.inputs[0])
    if value.op.type == "ConcatV2":
        *parts, axis = value.op.inputs
        return tf.concat([jittered(part) for part in parts], axis)
    return value


def search_losses(case, layer):
    build, size = slim_graphs.CASES[case]
    target, start = seeded.images(0, 1, size), seeded.noise(0, size)
    with tf.Graph().as_default(), tf1.Session() as session:
        signal = tf1.get_variable(
            "signal", initializer=tf.constant(start), constraint=lambda x: tf.clip_by_value(x, 0.0, 1.0)
        )
        image = tf.identity(signal)
        end_points = slim_graphs.without_scope(build(image)[1])
        weights = [v for v in tf1.global_variables() if v is not signal]
        found = jittered(end_points[layer])
        wanted = tf1.placeholder(tf.float32, found.shape)
        loss = tf.nn.l2_loss(found - wanted)
        step = tf1.train.get_or_create_global_step()
        rate = tf1.train.exponential_decay(0.001, step, 1000, 0.95)
        train = tf1.train.AdamOptimizer(rate).minimize(loss, var_list=[signal], global_step=step)

        slim_graphs.assign_seeded(session, weights)
        session.run(tf1.variables_initializer([v for v in tf1.global_variables() if v not in set(weights)]))
        feed = {wanted: session.run(found, {image: target})}
        losses = [session.run([loss, train], feed)[0] for _ in range(_STEPS)]
        return np.array([*losses, session.run(loss, feed)])


def main(argv):
    del argv
    losses = dict(np.load(_FILE)) if _ONLY.value and _FILE.exists() else {}
    for name in _ONLY.value or _LAYERS:
        losses[name] = search_losses(*name.split("/"))
        print(f"{name}: {losses[name][0]:.6g} -> {losses[name][-1]:.6g}", flush=True)
    np.savez_compressed(_FILE, **losses)


if __name__ == "__main__":
    app.run(main)
