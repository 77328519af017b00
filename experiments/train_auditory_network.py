"""Trains an auditory network of the catalog on words over backgrounds (paper 3.3).

  train_auditory_network --network=word_reduced_aliasing --speech=speech/ --backgrounds=sounds/ \\
      --stop_at_word_accuracy=0.57 --out=/tmp/words

--speech is a folder that build_speech_dataset wrote, --backgrounds one of build_background_dataset,
at the network's rate and length; their classes must be the network's. In training every word
is shifted in time and laid over a background at a random signal-to-noise ratio, the mixture
at an RMS of 0.1. The loss is the word's, the background's, or the sum of both, whichever the
network has logits for. Defaults are the paper's and the lab's (batch 64, Adam, rate 1e-4); the
small networks that ship have a recipe of their own.

Validation lays held-out words over held-out backgrounds, the same mixtures at every look:
`word_accuracy` and `word_accuracy_quiet` (no background), and `mean_auc` (the area under the
ROC curve of each class, averaged) and `pooled_auc` (one curve over all). Networks of one
comparison are matched by stopping each as soon as it is as good as the others
(--stop_at_word_accuracy, --stop_at_mean_auc; 0.57 and 0.83 in the paper).

Writes `<network>.ckpt.index` and `.data-00000-of-00001`, which `load_network` and --checkpoint
read, with an entry in `manifest.json` beside them, and tables of confusions. Training that
was stopped goes on with the same command, to the same weights; `state/` also holds
TensorBoard's summaries. Several GPUs share each batch.
"""

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import training
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers_experiments import training_binary as shared

_PAPER = training.stopping.PAPER_TARGETS
_NETWORK = flags.DEFINE_string("network", "word_reduced_aliasing", "Auditory network of the catalog.")
_SPEECH = flags.DEFINE_string("speech", None, "Folder of the speech data set.", required=True)
_BACKGROUNDS = flags.DEFINE_string("backgrounds", None, "Folder of the background data set.", required=True)
_RECIPE = flags.DEFINE_enum(
    "recipe",
    None,
    list(training.recipes.SOUND_RECIPES),
    "How to train. Without it, the one of the network's family.",
)
_WORD_WEIGHT = flags.DEFINE_float("word_weight", 1.0, "Of the word loss.", lower_bound=0)
_BACKGROUND_WEIGHT = flags.DEFINE_float("background_weight", 1.0, "Of the background loss.", lower_bound=0)
_SHIFT = flags.DEFINE_float("max_shift_s", 0.25, "Largest shift of a word in time, seconds.", lower_bound=0)
_SNR_LOW = flags.DEFINE_float("snr_low_db", -10.0, "Lowest signal-to-noise ratio.")
_SNR_HIGH = flags.DEFINE_float("snr_high_db", 10.0, "Highest signal-to-noise ratio.")
_NULL_WORDS = flags.DEFINE_float("null_words", 0.0, "Share of examples without a word.", 0, 1)
_NULL_BACKGROUNDS = flags.DEFINE_float("null_backgrounds", 0.0, "Share of examples without background.", 0, 1)
_STRETCH = flags.DEFINE_float(
    "max_stretch",
    0.0,
    "Largest change of speed and pitch of words and backgrounds; not in the paper, for small sets.",
    lower_bound=0,
)
_DECIMATION = flags.DEFINE_integer(
    "frontend_decimation",
    1,
    "Train on envelopes computed at this fraction of the sample rate: several times faster, and within a "
    "hundredth of the cochleagram. Validation always uses the exact front end.",
    lower_bound=1,
)
_DRAWS = flags.DEFINE_integer("validation_draws", 1, "Mixtures of each validation clip.", lower_bound=1)
_BUFFER = flags.DEFINE_integer(
    "shuffle_buffer", 4096, "Clips shuffled at once, of either kind.", lower_bound=1
)
_STOP_AT_WORDS = flags.DEFINE_float(
    "stop_at_word_accuracy", None, f"Good enough; {_PAPER['word_accuracy']} in the paper.", 0, 1
)
_STOP_AT_AUC = flags.DEFINE_float(
    "stop_at_mean_auc", None, f"Good enough; {_PAPER['mean_auc']} in the paper.", 0, 1
)


def main() -> None:
    with shared.on_devices():
        network = shared.build(_NETWORK.value, shared.SEED.value)
        if not hasattr(network, "tasks"):
            raise mm.InputError(
                f"{network.name} is no auditory CNN; train_image_network trains image networks"
            )
        recipe = shared.changed(training.recipes.choose(network.name, _RECIPE.value))
        weights = {WORD_TASK: _WORD_WEIGHT.value, AUDIOSET_TASK: _BACKGROUND_WEIGHT.value}
        weights = {task: weight for task, weight in weights.items() if task in network.tasks and weight}
        if not weights:
            raise mm.InputError(f"{network.name}: nothing is trained with these weights of its tasks' losses")
        config = training.mixtures.MixtureConfig(
            network.signal.sample_rate,
            _SHIFT.value,
            _SNR_LOW.value,
            _SNR_HIGH.value,
            network.signal.rms,
            _NULL_WORDS.value,
            _NULL_BACKGROUNDS.value,
            _STRETCH.value,
        )
        data = training.sound_input.open_data(
            network, Path(_SPEECH.value), Path(_BACKGROUNDS.value), list(weights)
        )
        pace = "words" if WORD_TASK in weights else "backgrounds"
        count = data["train"].words.count if pace == "words" else data["train"].backgrounds.count
        validation = training.sound_validation.Validation(
            network, data["validation"], list(weights), config, recipe.batch_size, _DRAWS.value
        )
        plan = training.plan.TrainingPlan(
            batches=lambda epoch, first: data["train"].batches(
                epoch, first, recipe.batch_size, shared.SEED.value, config, _BUFFER.value, pace
            ),
            objective=training.losses.tasks(weights, _DECIMATION.value, recipe.label_smoothing),
            evaluate=validation.metrics,
            stopping=_stopping(list(weights)),
            paths=tuple(p for d in data.values() for p in (*d.words.paths, *d.backgrounds.paths)),
            **shared.loop_settings(recipe, count),
        )
        held_out = data["validation"]
        entry = {
            "data": f"{data['train'].words.count} clips of words over {data['train'].backgrounds.count} of "
            "backgrounds",
            "held_out": f"{held_out.words.count} clips of speakers not trained on, over "
            f"{held_out.backgrounds.count} backgrounds not trained on",
        }
        shared.run_training(
            __name__,
            network,
            recipe.optimizer(),
            plan,
            entry,
            "train_auditory_network",
            validation.write_confusions,
        )


def _stopping(tasks: list[str]) -> training.stopping.Stopping:
    wanted = {
        WORD_TASK: ("word_accuracy", _STOP_AT_WORDS.value),
        AUDIOSET_TASK: ("mean_auc", _STOP_AT_AUC.value),
    }
    for task, (metric, value) in wanted.items():
        if value is not None and task not in tasks:
            raise mm.InputError(f"stopping at {metric} {value:g}: the network is not trained on that task")
    targets = {metric: value for metric, value in wanted.values() if value is not None}
    return training.stopping.Stopping(
        targets, wanted[tasks[0]][0], shared.PATIENCE.value, shared.MIN_DELTA.value
    )


def run() -> None:
    shared.binary.run(main)


if __name__ == "__main__":
    run()
