"""Trains an image network of the catalog on images in TFRecords.

  METAMERS_DATA=/data train_image_network --network=vgg_19_small --out=/tmp/vgg
  train_image_network --network=vgg_19 --data=imagenet_train --validation=imagenet_validation \\
      --seed=1 --out=/tmp/vgg_seed1

Reads `train-*.tfrecord` and `validation-*` or `test-*.tfrecord` with TF-slim's feature keys, and
`labels.txt`, from --data (without it, `cifar10/` below the folder that the environment
variable METAMERS_DATA names). `build_image_records` makes such a folder from class folders.

--recipe says how: `small_images`, `small_vgg` (momentum) and `small_inception` (Adam) for 32 x 32 images
held in memory, mirrored and shifted, with a warm-up and a cosine; the published recipes of the
paper's networks with TF-slim's preprocessing (`vgg`, `inception_v3`, `resnet_v2`), or the defaults of
slim's own script (`slim`). Flags take the place of single values of a recipe.

Writes `<network>.ckpt.index` and `.data-00000-of-00001`, which `load_network` and --checkpoint
read, with an entry in `manifest.json` beside them, and `confusions.csv`. Training that was
stopped goes on with the same command, to the same weights (to the last bit with
TF_ENABLE_ONEDNN_OPTS=0; see docs/measurements.md); `state/` also holds TensorBoard's
summaries. Several GPUs share each batch.
"""

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import training
from model_metamers_experiments import training_binary as shared

_NETWORK = flags.DEFINE_string("network", "vgg_19_small", "Network of the catalog.")
_DATA = flags.DEFINE_string("data", None, "Folder of the TFRecords. Without it, $METAMERS_DATA/cifar10.")
_VALIDATION = flags.DEFINE_string(
    "validation", None, "Folder of the held-out TFRecords, where it is another than --data."
)
_RECIPE = flags.DEFINE_enum(
    "recipe",
    None,
    list(training.recipes.IMAGE_RECIPES),
    "How to train. Without it, the one of the network's family.",
)
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", None, "L2 penalty on kernels. Without it, the recipe's.", lower_bound=0
)
_STOP_AT = flags.DEFINE_float("stop_at_accuracy", None, "End once the held-out accuracy is this high.", 0, 1)


def main() -> None:
    with shared.on_devices():
        network = shared.build(_NETWORK.value, shared.SEED.value)
        if network.signal.kind != "image":
            raise mm.InputError(f"{network.name} takes sounds; train_auditory_network trains it")
        recipe = shared.changed(
            training.recipes.choose(network.name, _RECIPE.value), weight_decay=_WEIGHT_DECAY.value
        )
        folder = shared.data_folder(_DATA.value, "cifar10", "data")
        held_out = Path(_VALIDATION.value) if _VALIDATION.value else None
        data = training.image_runs.open_data(
            network, folder, recipe, shared.SEED.value, shared.PROGRESS.value, held_out
        )
        plan = training.plan.TrainingPlan(
            batches=data.batches,
            objective=training.losses.classification(recipe.label_smoothing, recipe.aux_weight),
            evaluate=lambda: {"accuracy": training.evaluation.accuracy(*data.validate(network))},
            stopping=training.stopping.Stopping(
                {"accuracy": _STOP_AT.value} if _STOP_AT.value else {},
                "accuracy",
                shared.PATIENCE.value,
                shared.MIN_DELTA.value,
            ),
            paths=data.paths,
            **shared.loop_settings(recipe, data.train_count),
        )
        entry = {
            "data": f"{folder.name}, {data.train_count} training images",
            "held_out": f"{(held_out or folder).name}, {data.validation_count} images not trained on",
        }

        def write_confusions(out: Path) -> None:
            counts = training.evaluation.confusions(*data.validate(network))
            training.evaluation.write_confusions(out / "confusions.csv", counts, network.classes)

        shared.run_training(
            __name__, network, recipe.optimizer(), plan, entry, "train_image_network", write_confusions
        )


def run() -> None:
    shared.binary.run(main)


if __name__ == "__main__":
    run()
