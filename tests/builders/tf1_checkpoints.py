"""Small checkpoints as TensorFlow 1 writes them."""

from pathlib import Path

import numpy as np
import tensorflow as tf


def write_tf1_checkpoint(prefix: Path, values: dict[str, np.ndarray], version: int = 2) -> Path:
    """Saves variables with TF1's Saver in a graph of its own; version 1 or 2 of the format."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        variables = [
            tf1.get_variable(name, initializer=value, use_resource=False) for name, value in values.items()
        ]
        session.run(tf1.global_variables_initializer())
        saver = tf1.train.Saver(variables, write_version=version)
        saver.save(session, str(prefix), write_meta_graph=False)
    return prefix
