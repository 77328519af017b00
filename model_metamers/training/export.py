"""Writing a trained network as a checkpoint with an entry in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers.errors import InputError, StorageError
from model_metamers.weights import manifest

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

DTYPES = ("float32", "float16")


def round_weights(network: Network, dtype: str) -> dict[str, np.ndarray]:
    """Rounds the network's weights to the type of the file, in place.

    So what is measured afterwards holds for the weights in the file.

    Returns:
      The weights by name, in the type `dtype`, one of `DTYPES`.

    Raises:
      InputError: a weight is beyond the range of the type.
    """
    values = {name: variable.numpy().astype(dtype) for name, variable in network.weights.items()}
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise InputError(f"{name} holds values beyond {dtype}; file the weights as float32")
    network.set_weights({name: value.astype(np.float32) for name, value in values.items()})
    return values


def write_network(
    folder: Path, network: Network, values: Mapping[str, np.ndarray], entry: Mapping[str, Any]
) -> Path:
    """Writes `<network>.ckpt.*` and its entry in the folder's `manifest.json`.

    Args:
      folder: where to write.
      network: the trained network.
      values: what to write, by variable name; see `round_weights`.
      entry: further values of the manifest's entry, such as metrics.

    Returns:
      The checkpoint's prefix, `folder/<network>.ckpt`.

    Raises:
      InputError: the files cannot be written, for example because the disk is full.
    """
    import tensorflow as tf

    from model_metamers.weights import tf_checkpoint

    prefix = folder / f"{network.name}.ckpt"
    try:
        tf_checkpoint.write_checkpoint(prefix, values)
        parameters = sum(value.size for value in values.values())
        manifest.add_entry(
            prefix,
            {
                "network": network.name,
                "parameters": parameters,
                "licence": "MIT",
                "dtype": str(next(iter(values.values())).dtype),
                **entry,
            },
        )
    except (StorageError, OSError, tf.errors.OpError) as error:
        raise InputError(f"{prefix}: cannot be written ({error}); the saved state is kept") from error
    return prefix
