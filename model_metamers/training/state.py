"""What a training saves, so that it can go on to the same weights after a stop."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.storage.claims import claim_folder
from model_metamers.storage.explaining import explain
from model_metamers.storage.reading import one_line, read_json
from model_metamers.storage.writing import write_json

_HISTORY = "history.json"


class TrainingState:
    """Weights, optimiser and step, saved in a folder that keeps the two newest states.

    Args:
      folder: folder of the states; made if missing. The newest state in it is loaded.
      network: an initialised network.
      optimizer: an optimiser that is built on the network's variables.
      settings: all that decides the weights; states of other settings are refused.

    Attributes:
      history: the metrics of every evaluation so far, each with its "step".

    Raises:
      InputError: the folder holds another training, or cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        network: Network,
        optimizer: tf.keras.optimizers.Optimizer,
        settings: Mapping[str, Any],
    ):
        self.folder = folder
        self._step = tf.Variable(0, dtype=tf.int64)
        self.history: list[dict[str, float]] = []
        checkpoint = tf.train.Checkpoint(
            weights=list(network.weights.values()), optimizer=optimizer, step=self._step
        )
        claim_folder(folder, settings, every_key=True)
        self._remove_half_written()
        self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)
        if self._manager.latest_checkpoint:
            self._restore(checkpoint)

    @property
    def step(self) -> int:
        """Number of steps taken."""
        return int(self._step.numpy())

    def advance(self) -> None:
        """Counts a step."""
        self._step.assign_add(1)

    def _restore(self, checkpoint: tf.train.Checkpoint) -> None:
        latest = self._manager.latest_checkpoint
        try:
            checkpoint.restore(latest).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise InputError(
                f"{latest}: the saved state cannot be read ({str(error).splitlines()[0][:200]}); the one "
                f"before is in the same folder: name it in the folder's `checkpoint` file, or start anew"
            ) from error
        path = self.folder / _HISTORY
        entries = read_json(path) if path.exists() else []
        self.history = [entry for entry in entries if entry["step"] <= self.step]

    def save(self) -> None:
        """Saves the state.

        Raises:
          InputError: it cannot be written, say because the disk is full; the message names the last
            good state.
        """
        last = self._manager.latest_checkpoint
        try:
            write_json(self.folder / _HISTORY, self.history)
            self._manager.save(checkpoint_number=self.step)
        except (InputError, OSError, tf.errors.OpError) as error:
            self._remove_half_written()
            reason = explain(error) or one_line(str(error))
            raise InputError(
                f"{self.folder}: the state of step {self.step} cannot be saved ({reason}); the same command "
                f"goes on from {Path(last).name if last else 'the start'}"
            ) from error

    def _remove_half_written(self) -> None:
        """Removes what TensorFlow leaves of a state that it could not write, or was killed at."""
        for path in self.folder.glob("ckpt-*_temp"):
            shutil.rmtree(path, ignore_errors=True)
