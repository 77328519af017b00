"""The training loop: steps on one or several devices, saved states, evaluation, the end."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.storage.locks import hold
from model_metamers.training import records
from model_metamers.training.losses import Objective
from model_metamers.training.state import TrainingState
from model_metamers.training.stopping import Stopping

# What reading records ends with where they are damaged, or no longer there.
_UNREADABLE = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.UnavailableError,
    tf.errors.OutOfRangeError,
)
_SHOW_EVERY = 10  # steps between two looks at the loss, which waits for the device


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
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
      paths: of the records, to name a damaged one.
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
    network: Network,
    optimizer: tf.keras.optimizers.Optimizer,
    plan: TrainingPlan,
    folder: Path,
    settings: Mapping[str, Any],
    progress: bool = True,
) -> Outcome:
    """Trains a network in place; a training that was stopped goes on from its last state.

    With TensorFlow's deterministic operations it goes on to the same weights as one that was
    not stopped. On several devices, build network and optimiser in the scope of a
    tf.distribute strategy and call this within it; a batch is then shared among them.

    Args:
      network: initialised.
      optimizer: of Keras; built here on the network's variables.
      plan: what to do.
      folder: of the saved states, `history.json` and the TensorBoard summaries.
      settings: what decides the weights; a folder with others is refused.
      progress: whether to show a bar.

    Raises:
      InputError: the loss became NaN, a record is damaged or gone, the disk is full; the last good
        state is kept and the message says what to do.
      InUseError: another process trains in this folder.
    """
    variables = [v for v in network.weights.values() if v.trainable]
    optimizer.build(variables)
    with hold(folder):
        state = TrainingState(folder, network, optimizer, settings)
        return _train(network, optimizer, plan, state, variables, progress)


def _train(
    network: Network,
    optimizer: tf.keras.optimizers.Optimizer,
    plan: TrainingPlan,
    state: TrainingState,
    variables: list,
    progress: bool,
) -> Outcome:
    """The steps that are left; see `train`."""
    step = _step_function(network, optimizer, plan, variables)
    bar = tqdm(
        total=plan.num_steps,
        initial=state.step,
        disable=not progress,
        dynamic_ncols=True,
        desc=f"training {network.name}",
    )
    reason = None
    with bar, _summaries(state.folder / "summaries"):
        if _evaluate_if_due(plan, state, bar):  # it was stopped before an evaluation
            state.save()
        reason = plan.stopping.reason(state.history)
        while reason is None and state.step < plan.num_steps:
            for batch in _epoch(plan, state, variables):
                number = state.step
                optimizer.learning_rate.assign(plan.schedule(number))
                loss = step(batch, tf.constant(number, tf.int64))
                if number % _SHOW_EVERY == 0:
                    _show(loss, number, plan, bar)
                state.advance()
                bar.update()
                saving = plan.is_due(number + 1, plan.saves_per_epoch)
                if saving or plan.is_due(number + 1, plan.evaluations_per_epoch):
                    _check_finite(variables, number + 1)
                if saving:
                    state.save()
                if _evaluate_if_due(plan, state, bar):
                    state.save()
                    reason = plan.stopping.reason(state.history)
                    if reason:
                        break
    return Outcome(state.step, state.history[-1], reason or f"{plan.num_epochs} epochs are done")


def _step_function(network: Network, optimizer, plan: TrainingPlan, variables: list) -> Callable:
    """f(batch, number) -> loss of one step on every device."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync

    def replica_step(batch, number):
        signals, labels = batch
        context = tf.distribute.get_replica_context()
        seed = tf.stack([tf.constant(plan.seed, tf.int64), number])
        seed = tf.random.experimental.stateless_fold_in(
            seed, tf.cast(context.replica_id_in_sync_group, tf.int64)
        )
        with tf.GradientTape() as tape:
            if plan.mixed_precision:
                with network.computing_in(tf.bfloat16):
                    loss = plan.objective(network, signals, labels, seed)
            else:
                loss = plan.objective(network, signals, labels, seed)
            loss /= replicas
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        if replicas > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        gradients = [
            g + plan.weight_decay * v if v.shape.rank > 1 else g
            for g, v in zip(gradients, variables, strict=True)
        ]
        if plan.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, plan.clip_norm)
        # Every device holds the whole gradient now, and Keras sums what they give.
        optimizer.apply([g / replicas for g in gradients], variables)
        return loss

    def step(batch, number):
        losses = strategy.run(replica_step, args=(batch, number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    return tf.function(step, autograph=False)


def _epoch(plan: TrainingPlan, state: TrainingState, variables: list) -> Iterator:
    """What is left of the epoch that the state is in."""
    epoch, first = divmod(state.step, plan.steps_per_epoch)
    dataset = plan.batches(epoch, first)
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    batches = iter(dataset)
    for _ in range(plan.steps_per_epoch - first):
        try:
            yield next(batches)
        except StopIteration:
            raise InputError(
                "the training set gave fewer examples than its summary counts; build it anew"
            ) from None
        except _UNREADABLE as error:
            _check_finite(variables, state.step)
            state.save()
            raise _damaged(plan, state, error) from error


def _damaged(plan: TrainingPlan, state: TrainingState, error: Exception) -> InputError:
    reason = records.find_damage(plan.paths) or str(error).splitlines()[0][:200]
    return InputError(
        f"a record is damaged or cannot be read ({reason}); the last state is kept, step {state.step} is "
        f"reached: mend or rebuild the data set and repeat the command"
    )


def _evaluate_if_due(plan: TrainingPlan, state: TrainingState, bar: tqdm) -> bool:
    """Evaluates where it is due and was not done yet; tells whether it did."""
    step = state.step
    done = bool(state.history) and state.history[-1]["step"] == step
    if step == 0 or done or not plan.is_due(step, plan.evaluations_per_epoch):
        return False
    try:
        metrics = dict(plan.evaluate())
    except _UNREADABLE as error:
        raise _damaged(plan, state, error) from error
    plan.stopping.check(metrics)
    state.history.append({"step": step, **metrics})
    for name, value in metrics.items():
        _scalar(f"validation/{name}", value, step)
    if not bar.disable:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        bar.write(f"epoch {step / plan.steps_per_epoch:.2f}: {shown}")
    return True


def _show(loss: tf.Tensor, number: int, plan: TrainingPlan, bar: tqdm) -> None:
    value = float(loss)
    if not np.isfinite(value):
        raise InputError(
            f"the loss is no longer a number at step {number}; lower the learning rate (now "
            f"{plan.schedule(number):g}) or set clip_norm"
        )
    _scalar("training/loss", value, number)
    _scalar("training/learning_rate", plan.schedule(number), number)
    bar.set_postfix(loss=f"{value:.3f}")


@contextlib.contextmanager
def _summaries(folder: Path) -> Iterator[None]:
    """Takes what `_scalar` is given; what is still to be written at the end hides no other error."""
    with _told(folder):
        writer = tf.summary.create_file_writer(str(folder))
        default = writer.as_default()
        default.__enter__()
    try:
        yield
    except BaseException:
        with contextlib.suppress(tf.errors.OpError):
            default.__exit__(None, None, None)
        raise
    with _told(folder):
        default.__exit__(None, None, None)


@contextlib.contextmanager
def _told(what: object) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise InputError(
            f"{what}: summaries cannot be written ({str(error).splitlines()[0][:200]}); free some space and "
            f"repeat the command: it goes on from the last state"
        ) from error


def _scalar(name: str, value: float, step: int) -> None:
    with _told(name):
        tf.summary.scalar(name, value, step)


def _check_finite(variables: list, step: int) -> None:
    """No state with NaN is saved over a good one."""
    if not all(bool(tf.reduce_all(tf.math.is_finite(v))) for v in variables):
        raise InputError(
            f"the weights hold NaN after step {step}; lower the learning rate, the last state is good"
        )
