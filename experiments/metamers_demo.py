"""Makes metamers with the two networks that ship, in a few minutes, and one page to look at.

  metamers_demo --out=demo

Photographs come from scikit-image, scikit-learn and matplotlib; spoken words are made by
espeak-ng. An early, a middle and a deep layer of each network are matched, by L-BFGS: in these few
iterations it comes nearer than the paper's Adam does in many times as many.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.signals import files
from model_metamers.storage import locks
from model_metamers_experiments import binary

_OUT = flags.DEFINE_string("out", "demo", "Folder of stimuli and results.")
_ITERATIONS = flags.DEFINE_integer("iterations", 500, "Evaluations of the network in every search.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")


@dataclasses.dataclass(frozen=True)
class _Part:
    network: str
    layers: tuple[str, ...]
    targets: tuple[str, ...]


_IMAGES = _Part("vgg_19_small", ("conv2_2", "conv4_4", "fc7"), ("chelsea", "rocket", "motorcycle"))
_SOUNDS = _Part(
    "word_reduced_aliasing_small", ("pool_0_0", "conv_3", "fc_intermediate"), ("yes", "left", "right")
)


def main() -> int:
    binary.repeatable()
    from model_metamers.corpora import demo_stimuli
    from model_metamers.runs import report

    out = Path(_OUT.value)
    with locks.hold(out):
        stimuli = {
            _IMAGES: demo_stimuli.write_photographs(out / "stimuli" / "photographs"),
            _SOUNDS: demo_stimuli.write_words(out / "stimuli" / "words"),
        }
        config = mm.SynthesisConfig(iterations=_ITERATIONS.value, optimizer="lbfgs")
        done = runs.execute(
            [_plan(part, folder, out, config) for part, folder in stimuli.items()],
            page=runs.Page("Metamers of a seeing and of a hearing network", "make demo"),
            progress=_PROGRESS.value,
        )
    binary.print_table(report.verdict_rows(done.made))
    print(f"Look and listen: open {done.page} in a browser.")
    return int(not done.complete)


def _plan(part: _Part, folder: Path, out: Path, config: mm.SynthesisConfig) -> runs.Run:
    """The targets of a part; all other stimuli serve the null distribution."""
    network = mm.load_network(part.network)
    signals = files.load_signals(files.find_files([folder], network.signal), network.signal)
    return runs.Run(
        network=network,
        layers=part.layers,
        stimuli={name: signals[name] for name in part.targets},
        null_stimuli={name: s for name, s in signals.items() if name not in part.targets},
        out=out,
        config=config,
    )


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
