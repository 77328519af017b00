"""What the two training binaries share: flags, devices, the run, the checkpoint."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

import model_metamers as mm
from model_metamers import catalog, training
from model_metamers.storage import locks
from model_metamers_experiments import binary

if TYPE_CHECKING:
    import tensorflow as tf

    from model_metamers.networks.network import Network
    from model_metamers.training.recipe import Recipe

OUT = flags.DEFINE_string("out", None, "Folder of the checkpoint and the saved states.", required=True)
EPOCHS = flags.DEFINE_integer(
    "epochs", None, "Passes over the training set. Without it, the recipe's.", lower_bound=1
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Examples per step, shared among the GPUs. Without it, the recipe's.", lower_bound=1
)
LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", None, "First or peak rate. Without it, the recipe's.", lower_bound=0
)
SEED = flags.DEFINE_integer("seed", 0, "Of weights, order, augmentation and dropout.", lower_bound=0)
MIXED_PRECISION = flags.DEFINE_bool(
    "mixed_precision",
    False,
    "Compute kernels in bfloat16; variables, front end and batch normalisation stay float32.",
)
DETERMINISTIC = flags.DEFINE_bool(
    "deterministic",
    True,
    "The same command gives the same weights, stopped or not. Without it, GPUs are faster.",
)
EVALUATIONS = flags.DEFINE_float(
    "evaluations_per_epoch", 1, "Looks at the validation set; 0.5 looks every other epoch.", lower_bound=0.001
)
SAVES = flags.DEFINE_float(
    "saves_per_epoch", 1, "States saved; 0.5 saves every other epoch.", lower_bound=0.001
)
PATIENCE = flags.DEFINE_integer(
    "patience",
    None,
    "Stop after so many evaluations without a better first metric. Without it, never.",
    lower_bound=1,
)
MIN_DELTA = flags.DEFINE_float(
    "min_delta", 0.0, "For --patience: smaller gains count as none.", lower_bound=0
)
CHECKPOINT_DTYPE = flags.DEFINE_enum(
    "checkpoint_dtype",
    "float32",
    training.export.DTYPES,
    "How the weights are filed; float16 halves the file. The metrics are those of the file.",
)
PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def data_folder(given: str | None, default: str, flag: str) -> Path:
    """The folder a flag names, or one below METAMERS_DATA.

    Raises:
      InputError: neither is there.
    """
    if given:
        folder = Path(given)
    elif os.environ.get("METAMERS_DATA"):
        folder = Path(os.environ["METAMERS_DATA"]) / default
    else:
        raise mm.InputError(
            f"--{flag} is not given and METAMERS_DATA is not set; it names the folder that holds {default}/"
        )
    if not folder.is_dir():
        raise mm.InputError(f"{folder}: no such folder (--{flag})")
    return folder


@contextlib.contextmanager
def on_devices():
    """All GPUs together where there are several, one device otherwise."""
    import tensorflow as tf

    if DETERMINISTIC.value:
        binary.repeatable()
    several = len(tf.config.list_physical_devices("GPU")) > 1
    strategy = tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
    with strategy.scope():
        yield


def build(name: str, seed: int) -> Network:
    """A network of the catalog with untrained weights."""
    import tensorflow as tf

    network = catalog.build_network(name)
    network.initialize(seed)
    # Shuffling takes this one besides its own: validation mixtures must not depend on the flag.
    tf.random.set_seed(0)
    return network


def changed(recipe: Recipe, **values: float | None) -> Recipe:
    """A recipe with what the flags say instead."""
    return recipe.changed(
        num_epochs=EPOCHS.value, batch_size=BATCH_SIZE.value, learning_rate=LEARNING_RATE.value, **values
    )


def loop_settings(recipe: Recipe, count: int) -> dict[str, Any]:
    """What `loop.TrainingPlan` is told alike by either binary, for a training set of `count`."""
    steps_per_epoch = count // recipe.batch_size
    return {
        "steps_per_epoch": steps_per_epoch,
        "num_epochs": recipe.num_epochs,
        "schedule": recipe.schedule(steps_per_epoch),
        "evaluations_per_epoch": EVALUATIONS.value,
        "saves_per_epoch": SAVES.value,
        "weight_decay": recipe.weight_decay,
        "clip_norm": recipe.clip_norm,
        "mixed_precision": MIXED_PRECISION.value,
        "seed": SEED.value,
    }


def run_training(
    module: str,
    network: Network,
    optimizer: tf.keras.optimizers.Optimizer,
    plan: training.plan.TrainingPlan,
    entry: Mapping[str, Any],
    program: str,
    after: Callable[[Path], None] | None = None,
) -> None:
    """Trains, measures what is filed, and files it.

    Args:
      module: of the binary, for its settings.
      network, optimizer, plan: as `loop.train` takes them.
      entry: of the manifest: data and held-out set in words.
      program: the binary's name.
      after: called with the folder once the weights are final, for what else is written.
    """
    import tensorflow as tf

    out, began = Path(OUT.value), time.monotonic()
    without = ["out", "progress"]
    settings = binary.settings(module, without) + binary.settings(__name__, without)
    with locks.hold(out):
        outcome = training.loop.train(
            network,
            optimizer,
            plan,
            out / "state",
            {"command": settings, "tensorflow": tf.__version__},
            PROGRESS.value,
        )
        values = training.export.round_weights(network, CHECKPOINT_DTYPE.value)
        metrics = {name: round(value, 4) for name, value in plan.evaluate().items()}
        prefix = training.export.write_network(
            out,
            network,
            values,
            {
                **entry,
                "command": shlex.join([program, *settings]),
                "seed": SEED.value,
                "steps": outcome.steps,
                "stopped": outcome.reason,
                "metrics": metrics,
            },
        )
        if after:
            after(out)
    print(f"Ended: {outcome.reason}; {outcome.steps} steps, {time.monotonic() - began:.0f} s in this run")
    binary.print_table([["metric", "of the file"], *([k, f"{v:.4f}"] for k, v in metrics.items())])
    print(f"Written: {prefix}")
