"""A trained network as a checkpoint with its manifest entry."""

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
    """The weights in the type they are filed in; the network's own become those values.

    So that what is measured afterwards is true of the file.

    Raises:
      InputError: a weight does not fit the type.
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
    """Writes `<network>.ckpt.*` and its entry in the folder's `manifest.json`; returns the prefix.

    Raises:
      InputError: the disk takes no more.
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
