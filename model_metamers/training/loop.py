"""The training loop: steps on one or several devices, saved states, evaluation, the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.training import records
from model_metamers.training.losses import Objective
from model_metamers.training.state import TrainingState
from model_metamers.training.stopping import Stopping

_SHOW_EVERY = 10  # steps between two looks at the loss, which waits for the device


@dataclasses.dataclass(frozen=True)
class Training:
    """One training, from the first step to the last.

    Attributes:
      batches: f(epoch, first) -> dataset of (signals, labels) of an epoch from its batch
        `first` on; the same batches for the same epoch.
      steps_per_epoch: batches of an epoch.
      num_epochs: passes over the data.
      objective: what is minimised; see `losses`.
      schedule: step -> learning rate.
      evaluate: () -> metrics by name, of the network as it is.
      stopping: when to end early.
      evaluations_per_epoch: looks at the metrics; 0.5 looks every other epoch.
      saves_per_epoch: states saved, likewise.
      weight_decay: L2 penalty on kernels, half its square (TF1's l2_regularizer).
      clip_norm: largest global norm of the gradient; None does not clip.
      mixed_precision: whether kernels compute in bfloat16.
      seed: of the dropout.
      paths: of the training records, to name a damaged one.
    """

    batches: Callable[[int, int], tf.data.Dataset]
    steps_per_epoch: int
    num_epochs: int
    objective: Objective
    schedule: Callable[[int], float]
    evaluate: Callable[[], Mapping[str, float]]
    stopping: Stopping = dataclasses.field(default_factory=Stopping)
    evaluations_per_epoch: float = 1.0
    saves_per_epoch: float = 1.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    mixed_precision: bool = False
    seed: int = 0
    paths: tuple[Path, ...] = ()

    def __post_init__(self):
        if self.steps_per_epoch < 1:
            raise InputError("there are fewer training examples than one batch takes; lower batch_size")

    @property
    def num_steps(self) -> int:
        return self.steps_per_epoch * self.num_epochs

    def is_due(self, step: int, times_per_epoch: float) -> bool:
        """Whether something that happens so often in an epoch happens after this many steps."""
        if step >= self.num_steps:
            return True
        every = self.steps_per_epoch / times_per_epoch
        return step // every > (step - 1) // every


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
      steps: taken in all.
      metrics: of the last evaluation.
      reason: why it ended, in words.
    """

    steps: int
    metrics: Mapping[str, float]
    reason: str


def train(
    network: Network, optimizer: tf.keras.optimizers.Optimizer, training: Training, folder: Path,
    settings: Mapping[str, Any], progress: bool = True,
) -> Outcome:  # fmt: skip
    """Trains a network in place; a training that was stopped goes on from its last state.

    With TensorFlow's deterministic operations it goes on to the same weights as one that was
    not stopped. On several devices, build network and optimiser in the scope of a
    tf.distribute strategy and call this within it; a batch is then shared among them.

    Args:
      network: initialised.
      optimizer: of Keras; built here on the network's variables.
      training: what to do.
      folder: of the saved states, `history.json` and the TensorBoard summaries.
      settings: what decides the weights; a folder with others is refused.
      progress: whether to show a bar.

    Raises:
      InputError: the loss became NaN, a record is damaged, the disk is full; the last good
        state is kept and the message says what to do.
    """
    variables = [v for v in network.weights.values() if v.trainable]
    optimizer.build(variables)
    state = TrainingState(folder, network, optimizer, settings)
    step = _step_function(network, optimizer, training, variables)
    writer = tf.summary.create_file_writer(str(folder / "summaries"))
    bar = tqdm(total=training.num_steps, initial=state.step, disable=not progress, dynamic_ncols=True,
               desc=f"training {network.name}")  # fmt: skip
    reason = None
    with bar, writer.as_default():
        _evaluate_if_due(training, state, bar)  # it may have been stopped before an evaluation
        reason = training.stopping.reason(state.history)
        while reason is None and state.step < training.num_steps:
            for batch in _epoch(training, state):
                number = state.step
                optimizer.learning_rate.assign(training.schedule(number))
                loss = step(batch, tf.constant(number, tf.int64))
                if number % _SHOW_EVERY == 0:
                    _show(loss, number, training, bar)
                state.advance()
                bar.update()
                saving = training.is_due(number + 1, training.saves_per_epoch)
                if saving or training.is_due(number + 1, training.evaluations_per_epoch):
                    _check_finite(variables, number + 1)
                if saving:
                    state.save()
                if _evaluate_if_due(training, state, bar):
                    state.save()
                    reason = training.stopping.reason(state.history)
                    if reason:
                        break
    return Outcome(state.step, state.history[-1], reason or f"{training.num_epochs} epochs are done")


def _step_function(network: Network, optimizer, training: Training, variables: list) -> Callable:
    """f(batch, number) -> loss of one step on every device."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync

    def replica_step(batch, number):
        signals, labels = batch
        context = tf.distribute.get_replica_context()
        seed = tf.stack([tf.constant(training.seed, tf.int64), number])
        seed = tf.random.experimental.stateless_fold_in(
            seed, tf.cast(context.replica_id_in_sync_group, tf.int64)
        )
        with tf.GradientTape() as tape:
            if training.mixed_precision:
                with network.computing_in(tf.bfloat16):
                    loss = training.objective(network, signals, labels, seed)
            else:
                loss = training.objective(network, signals, labels, seed)
            loss /= replicas
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        if replicas > 1:
            found = context.all_reduce(tf.distribute.ReduceOp.SUM, found)
        found = [
            g + training.weight_decay * v if v.shape.rank > 1 else g
            for g, v in zip(found, variables, strict=True)
        ]
        if training.clip_norm:
            found, _ = tf.clip_by_global_norm(found, training.clip_norm)
        # Every device holds the whole gradient now, and Keras sums what they give.
        optimizer.apply([g / replicas for g in found], variables)
        return loss

    def step(batch, number):
        losses = strategy.run(replica_step, args=(batch, number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    return tf.function(step, autograph=False)


def _epoch(training: Training, state: TrainingState) -> Iterator:
    """What is left of the epoch that the state is in."""
    epoch, first = divmod(state.step, training.steps_per_epoch)
    dataset = training.batches(epoch, first)
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    batches = iter(dataset)
    for _ in range(training.steps_per_epoch - first):
        try:
            yield next(batches)
        except StopIteration:
            raise InputError(
                "the training set gave fewer examples than its summary counts; build it anew"
            ) from None
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            state.save()
            found = records.damaged_file(training.paths)
            where = f" in {found}" if found else f" ({str(error).splitlines()[0][:200]})"
            raise InputError(
                f"a training record is damaged{where}; the state of step {state.step} is kept: mend or "
                f"rebuild the data set and repeat the command"
            ) from error


def _evaluate_if_due(training: Training, state: TrainingState, bar: tqdm) -> bool:
    """Evaluates where it is due and was not done yet; tells whether it did."""
    step = state.step
    done = bool(state.history) and state.history[-1]["step"] == step
    if step == 0 or done or not training.is_due(step, training.evaluations_per_epoch):
        return False
    metrics = dict(training.evaluate())
    training.stopping.check(metrics)
    state.history.append({"step": step, **metrics})
    for name, value in metrics.items():
        tf.summary.scalar(f"validation/{name}", value, step)
    if not bar.disable:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        bar.write(f"epoch {step / training.steps_per_epoch:.2f}: {shown}")
    return True


def _show(loss: tf.Tensor, number: int, training: Training, bar: tqdm) -> None:
    value = float(loss)
    if not np.isfinite(value):
        raise InputError(
            f"the loss is no longer a number at step {number}; lower the learning rate (now "
            f"{training.schedule(number):g}) or set clip_norm"
        )
    tf.summary.scalar("training/loss", value, number)
    tf.summary.scalar("training/learning_rate", training.schedule(number), number)
    bar.set_postfix(loss=f"{value:.3f}")


def _check_finite(variables: list, step: int) -> None:
    """No state with NaN is saved over a good one."""
    if not all(bool(tf.reduce_all(tf.math.is_finite(v))) for v in variables):
        raise InputError(
            f"the weights hold NaN after step {step}; lower the learning rate, the last state is good"
        )
