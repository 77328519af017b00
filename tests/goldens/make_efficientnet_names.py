"""Writes efficientnet_names.json: variables and end points that the official EfficientNet-Lite0 makes.

It runs the released code, models/official/efficientnet of tensorflow/tpu, whose folder --code names, in an
environment of its own, such as

  python -m venv tf212 && tf212/bin/pip install 'tensorflow-cpu==2.12.*' six
  tf212/bin/python tests/goldens/make_efficientnet_names.py --code=tpu/models/official/efficientnet

With --values, an npz of values by variable name, and --images, an npy of images [n, 224, 224, 3] in
[0, 1], it also writes the end points of those images to the npz that --ends names.
"""

import json
import pathlib
import sys
import types

import numpy as np
import tensorflow.compat.v1 as tf
from absl import app, flags

_CODE = flags.DEFINE_string("code", None, "Folder of the released code.", required=True)
_VALUES = flags.DEFINE_string("values", None, "Values of the variables, an npz.")
_IMAGES = flags.DEFINE_string("images", None, "Images, an npy.")
_ENDS = flags.DEFINE_string("ends", None, "Where to write the images' end points.")

_FILE = pathlib.Path(__file__).parent / "efficientnet_names.json"
_NAME = "efficientnet-lite0"
_UNUSED = ("lars_optimizer", "lite.efficientnet_lite_model_qat")  # modules that need more than TensorFlow


def main(argv):
    del argv
    sys.path.insert(0, _CODE.value)
    for module in _UNUSED:
        sys.modules[module] = types.ModuleType(module)
    import lite

    lite.efficientnet_lite_model_qat = sys.modules[_UNUSED[1]]
    from lite import efficientnet_lite_builder as builder

    images = np.load(_IMAGES.value) if _IMAGES.value else np.zeros([1, 224, 224, 3], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        pixels = tf.placeholder(tf.float32, images.shape)
        scaled = (pixels - tf.constant(builder.MEAN_RGB)) / tf.constant(builder.STDDEV_RGB)
        logits, ends = builder.build_model(scaled, _NAME, training=False)
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        written = {
            "variables": {n: "x".join(map(str, variables[n].shape.as_list())) for n in sorted(variables)},
            "end_points": {n: "x".join(map(str, end.shape.as_list()[1:])) for n, end in ends.items()},
        }
        _FILE.write_text(json.dumps(written, indent=1) + "\n")
        if _VALUES.value:
            values = np.load(_VALUES.value)
            session.run(tf.global_variables_initializer())
            session.run([tf.assign(variables[name], values[name]) for name in variables])
            found = session.run({**ends, "logits": logits}, {pixels: images * 255.0})
            np.savez(_ENDS.value, **{name.replace("/", "."): value for name, value in found.items()})


if __name__ == "__main__":
    app.run(main)
