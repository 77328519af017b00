from .restore import RestoreReport, load_weights, restore
from .torch_reader import read_torch_state, to_tf_axes

__all__ = ["RestoreReport", "load_weights", "read_torch_state", "restore", "to_tf_axes"]
