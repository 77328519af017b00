"""The training loop: steps on one or several devices, saved states, evaluation, the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.networks.network import Network
from model_metamers.storage.locks import hold
from model_metamers.summaries import scalar, summaries
from model_metamers.training import records
from model_metamers.training.plan import Outcome, TrainingPlan
from model_metamers.training.state import TrainingState

# The errors that TensorFlow raises where records are damaged, or no longer there.
_UNREADABLE = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.UnavailableError,
    tf.errors.OutOfRangeError,
)
_SHOW_EVERY = 10  # steps; reading the loss waits for the device


def train(
    network: Network,
    optimizer: tf.keras.optimizers.Optimizer,
    plan: TrainingPlan,
    folder: Path,
    settings: Mapping[str, Any],
    progress: bool = True,
) -> Outcome:
    """Trains a network in place; a training that was stopped goes on from its last saved state.

    With TensorFlow's deterministic operations it reaches the same weights as one that was never
    stopped. For several devices, build the network and the optimiser in the scope of a
    tf.distribute strategy and call this within it; each batch is then shared among the devices.

    Args:
      network: an initialised network.
      optimizer: a Keras optimiser; it is built here on the network's variables.
      plan: what to do.
      folder: where the saved states, `history.json` and the TensorBoard summaries go.
      settings: all that decides the weights; a folder with other settings is refused.
      progress: whether to show a bar.

    Returns:
      The number of steps, the last metrics, and why the training ended.

    Raises:
      InputError: the loss became NaN, a record is damaged or gone, or the disk is full. The last
        good state is kept, and the message says what to do.
      InUseError: another process trains in this folder.
      KeyboardInterrupt: after the state was saved.
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
    try:
        return _take_steps(network, optimizer, plan, state, variables, progress)
    except KeyboardInterrupt:
        _check_finite(variables, state.step)
        if int(optimizer.iterations) > state.step:  # stopped between a step and its being counted
            state.advance()
        state.save()
        raise


def _take_steps(
    network: Network,
    optimizer: tf.keras.optimizers.Optimizer,
    plan: TrainingPlan,
    state: TrainingState,
    variables: list,
    progress: bool,
) -> Outcome:
    step = _step_function(network, optimizer, plan, variables)
    bar = tqdm(
        total=plan.num_steps,
        initial=state.step,
        disable=not progress,
        **as_bar_or_lines(),
        desc=f"training {network.name}",
    )
    reason = None
    with bar, summaries(state.folder / "summaries"):
        if _evaluate_if_due(plan, state, bar):  # it was stopped just before an evaluation
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
    """A compiled function f(batch, number of the step) -> loss, which takes one step on every device."""
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
        # Every device has the whole gradient now, and Keras adds up what the devices give it.
        optimizer.apply([g / replicas for g in gradients], variables)
        return loss

    def step(batch, number):
        losses = strategy.run(replica_step, args=(batch, number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    return tf.function(step, autograph=False)


def _epoch(plan: TrainingPlan, state: TrainingState, variables: list) -> Iterator:
    """The batches that are left of the epoch that the state is in."""
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
    """Evaluates the network if that is due and not done yet; returns whether it did."""
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
        scalar(f"validation/{name}", value, step)
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
    scalar("training/loss", value, number)
    scalar("training/learning_rate", plan.schedule(number), number)
    bar.set_postfix(loss=f"{value:.3f}")


def _check_finite(variables: list, step: int) -> None:
    """Raises InputError where the weights hold NaN, so that no such state replaces a good one."""
    if not all(bool(tf.reduce_all(tf.math.is_finite(v))) for v in variables):
        raise InputError(
            f"the weights hold NaN after step {step}; lower the learning rate, the last state is good"
        )
