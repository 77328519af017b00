"""What a process computes with: threads, GPU, oneDNN; all of it before TensorFlow is imported.

The last bits of a metamer depend on how many threads TensorFlow and BLAS use, and on oneDNN, which rounds
in other ways than TensorFlow's own kernels (docs/measurements.md). Processes that are to give the same bytes
are set up alike, here. Operations themselves are made deterministic by whoever runs them.
"""

from __future__ import annotations

import os
import sys

from model_metamers.errors import InputError

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def environment(threads: int, gpu: int | None = None) -> dict[str, str]:
    """The environment that a process is to have before it imports anything that computes.

    Args:
      threads: of TensorFlow and BLAS, at least 1.
      gpu: the only one that it sees, counted from 0; None leaves that to the machine or its queue.

    Example:
      >>> environment(2, gpu=1)["TF_NUM_INTRAOP_THREADS"], environment(2, gpu=1)["CUDA_VISIBLE_DEVICES"]
      ('2', '1')
    """
    fixed = dict.fromkeys(_THREADS, str(threads))
    fixed |= {_ONEDNN: "0", "TF_FORCE_GPU_ALLOW_GROWTH": "true", _LOG_LEVEL: "2"}
    return fixed if gpu is None else {**fixed, "CUDA_VISIBLE_DEVICES": str(gpu)}


def set_up(threads: int) -> None:
    """Sets this process up, which must not have imported TensorFlow yet.

    Libraries that are loaded already, such as NumPy's BLAS, are told as well.

    Args:
      threads: see `environment`.

    Raises:
      InputError: TensorFlow is imported, in another environment.
    """
    wanted = environment(threads)
    wanted[_LOG_LEVEL] = os.environ.get(_LOG_LEVEL, wanted[_LOG_LEVEL])  # the user's own wins
    others = [name for name, value in wanted.items() if os.environ.get(name) != value]
    if "tensorflow" in sys.modules and set(others) - {_LOG_LEVEL}:
        raise InputError(f"TensorFlow was imported before {', '.join(others)} were set; start it anew")
    os.environ.update(wanted)
    import threadpoolctl

    threadpoolctl.threadpool_limits(threads)
