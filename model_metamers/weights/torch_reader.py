"""A network's variables from PyTorch's file of the same weights: other names, other axes."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from model_metamers.errors import InputError
from model_metamers.weights.torch_file import TorchFile

_PARALLEL = "module."  # in front of all names where a model was trained on several devices


def read_torch_state(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """All tensors of a file that `torch.save` wrote of a `state_dict`; PyTorch is not needed.

    Args:
      path: of the file, in the form of PyTorch 1.6 and later or in that before. It may also be a
        training run's, with the weights under "state_dict", "model_state_dict", "model" or "net".

    Returns:
      Arrays by PyTorch's names, with PyTorch's axes; `to_tf_axes` turns those of kernels.

    Raises:
      InputError: as `TorchFile`; nothing of the file is run.
    """
    file = TorchFile(path)
    return {name: file.value(name) for name in file.shapes}


def to_tf_axes(kernel: np.ndarray, depthwise: bool = False) -> np.ndarray:
    """A kernel of PyTorch with TensorFlow's axes.

    Args:
      kernel: of a convolution, [out, in, height, width], with one or three axes of space likewise; of a
        depthwise one, [in, 1, height, width]; of a dense layer, [out, in]. Vectors, such as biases, stay
        as they are.
      depthwise: whether it is that of a depthwise convolution.

    Returns:
      [height, width, in, out], [height, width, in, 1] or [in, out].

    Example:
      >>> import numpy as np
      >>> to_tf_axes(np.zeros([64, 3, 7, 5])).shape
      (7, 5, 3, 64)
      >>> to_tf_axes(np.zeros([64, 1, 3, 3]), depthwise=True).shape
      (3, 3, 64, 1)
      >>> to_tf_axes(np.zeros([10, 512])).shape
      (512, 10)
    """
    return np.transpose(kernel, _axes(kernel.ndim, depthwise))


class TorchReader:
    """PyTorch's file under a network's own names, with TensorFlow's axes.

    Args:
      path: of the file.
      theirs: PyTorch's names by the network's.

    Attributes:
      shapes: by the network's names; tensors that it does not have keep PyTorch's names and axes.

    Raises:
      InputError: as `TorchFile`; or PyTorch's names of this network are not known.
    """

    def __init__(self, path: str | os.PathLike, theirs: Mapping[str, str]):
        if not theirs:
            raise InputError(
                f"torch file {path}: which of its tensors is which variable of this network is not known; "
                f"docs/weights_from_pytorch.md tells how to fill a network from it"
            )
        self._file = TorchFile(path)
        names = {name.removeprefix(_PARALLEL): name for name in self._file.shapes}
        self._theirs = {ours: names[their] for ours, their in theirs.items() if their in names}
        used = set(self._theirs.values())
        self.shapes = {
            **{ours: self._shape(ours) for ours in self._theirs},
            **{name: shape for name, shape in self._file.shapes.items() if name not in used},
        }

    def value(self, name: str) -> np.ndarray:
        if name not in self._theirs:
            return self._file.value(name)
        return to_tf_axes(self._file.value(self._theirs[name]), _is_depthwise(name))

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = self._file.shapes[self._theirs[name]]
        return tuple(shape[axis] for axis in _axes(len(shape), _is_depthwise(name)))


def _is_depthwise(name: str) -> bool:
    return name.endswith(("/depthwise_kernel", "/depthwise_weights"))


def _axes(rank: int, depthwise: bool) -> tuple[int, ...]:
    """Where each of TensorFlow's axes of a kernel is among PyTorch's."""
    if rank < 2:
        return tuple(range(rank))
    return (*range(2, rank), 0, 1) if depthwise else (*range(2, rank), 1, 0)
