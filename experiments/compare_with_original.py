"""Compares our metamers with those of the authors' TensorFlow 1.13 notebooks.

  fetch_checkpoint --network=vgg_19
  compare_with_original --vgg_image=pocketwatch.jpg --out=original

  fetch_checkpoint --network=word_reduced_aliasing_released
  compare_with_original --word_sound=human_audio_resampled.wav --out=original

It follows the notebooks: 15000 iterations with the settings of the released code, VGG-19 at
conv1_2 and conv5_4 for pocketwatch.jpg, and the reduced-aliasing word network at pool_0_0
and conv_4 for human_audio_resampled.wav. Both files are in assets/ of the authors' public
repository, github.com/jenellefeather/model_metamers. --vgg_checkpoint, or --word_pickle
with --word_checkpoint, name checkpoints that were not downloaded by fetch_checkpoint.

The seed of the original noise was not recorded, so the numbers cannot be equal. They agree when
all of this holds:

  the loaded picture's minimum and maximum are the original's, which shows that it was resized
    by the same filter;
  the loss of the noise, before any step, is within 10 %; it hardly depends on the seed, but
    on weights, preprocessing and level;
  from iteration 1000 on the losses are typically (in the median over every 1000th) within a
    factor of 2, and so is the final one. Single losses of Adam jump by more than that, and so
    does the loss between seeds: with 8 seeds of vgg_19_small it differed, after 4000
    iterations, up to 1.4-fold at conv1_2 and 3.3-fold at conv5_4; the loss of the noise
    differed 1.03- and 1.07-fold. So where only losses differ, and by little more than 2, try
    another --seed;
  Spearman's rho at the layer and at the logits is within 0.01, where it was recorded (the
    audio notebook did not save its figure);
  the metamer has the target's class and its rho lies above the null distribution, as in the
    original. Null distributions are given as folders of make_null_distribution (--vgg_null,
    --word_null); without them this condition is left out.

Results in --out: the metamers; `comparison.csv` with both losses and their ratio at every
1000 iterations; `comparison.json`, also with the checks and a sentence for each metamer;
`original_comparison.png` and `.pdf`; and `flags.txt`. A run that was stopped continues with
the same command. The exit status is 1 where they do not agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.runs import null_runs
from model_metamers.signals import files
from model_metamers.storage.digests import file_digest
from model_metamers.storage.writing import write_json, write_rows
from model_metamers_experiments import binary, original_numbers
from model_metamers_experiments.figures import original_comparison

_VGG_IMAGE = flags.DEFINE_string("vgg_image", None, "The authors' pocketwatch.jpg.")
_VGG_CHECKPOINT = flags.DEFINE_string(
    "vgg_checkpoint", None, "vgg_19.ckpt. Without it, the one that fetch_checkpoint got."
)
_VGG_NULL = flags.DEFINE_string("vgg_null", None, "Null distribution of these weights.")
_WORD_SOUND = flags.DEFINE_string("word_sound", None, "The authors' human_audio_resampled.wav.")
_WORD_PICKLE = flags.DEFINE_string(
    "word_pickle", None, "word_network_reduced_aliasing.pckl. Without it, the one that fetch_checkpoint got."
)
_WORD_CHECKPOINT = flags.DEFINE_string("word_checkpoint", None, "Prefix of the checkpoint of that pickle.")
_WORD_NULL = flags.DEFINE_string("word_null", None, "Null distribution of these weights.")
_OTHER = flags.DEFINE_bool(
    "allow_other_stimulus",
    False,
    "Take another picture or sound. It shows that the program runs, not that the numbers agree.",
)
_OUT = flags.DEFINE_string("out", "original", "Folder of the results.")
_ITERATIONS = flags.DEFINE_integer("iterations", 15000, "Steps of the search; the original's by default.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the noise that every search begins from.")
_SAVE_EVERY = flags.DEFINE_integer("save_every", 500, "Steps between saved states of a search.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")

_VGG, _WORD = "vgg_19", "word_reduced_aliasing_released"


def main() -> int:
    binary.repeatable()
    config = mm.SynthesisConfig(iterations=_ITERATIONS.value, seed=_SEED.value, save_every=_SAVE_EVERY.value)
    stimuli = _check_flags()
    known = {name: _is_original(Path(path), name) for name, path in stimuli.items()}
    networks = {name: _load(name) for name in stimuli}
    targets = {name: files.load_signal(Path(stimuli[name]), networks[name].signal) for name in stimuli}
    null_paths = {_VGG: _VGG_NULL.value, _WORD: _WORD_NULL.value}
    nulls = {name: null_runs.read(path) if (path := null_paths[name]) else None for name in stimuli}
    out = Path(_OUT.value)
    planned = {
        (network.name, case.layer): (
            case,
            original_numbers.plan(case, network, targets[name], config, out, nulls[name]),
        )
        for name, network in networks.items()
        for case in original_numbers.read_cases(name)
    }
    comparisons: list[dict[str, Any]] = []

    def compare(run: runs.Run, made: runs.Made) -> None:
        if isinstance(made.record, mm.InputError):
            raise made.record
        case = planned[run.network.name, made.layer][0]
        comparisons.append(original_numbers.compare(case, run, known[case.network]))
        _write(out, comparisons)
        _show(comparisons[-1])

    runs.execute(
        [run for _, run in planned.values()],
        flags=binary.settings(__name__),
        progress=_PROGRESS.value,
        each=compare,
    )
    drawn = original_comparison.draw(out)
    for comparison in comparisons:
        print(comparison["sentence"])
    print(f"Written: {out}; look at {drawn[0]}")
    return int(any(comparison["agrees"] is False for comparison in comparisons))


def _check_flags() -> dict[str, str]:
    """The stimulus of each network that is to be compared.

    Raises:
      InputError: no network is, or a file is missing; the message says what to download and how.
    """
    vgg = (_VGG_IMAGE.value, _VGG_CHECKPOINT.value, _VGG_NULL.value)
    word = (_WORD_SOUND.value, _WORD_PICKLE.value, _WORD_CHECKPOINT.value, _WORD_NULL.value)
    if not any(vgg + word):
        raise mm.InputError("nothing to compare yet; get the files of one network or of both:\n" + _HOW)
    if any(vgg) and not _VGG_IMAGE.value:
        raise mm.InputError("--vgg_image is missing:\n" + _HOW)
    if any(word) and not _WORD_SOUND.value:
        raise mm.InputError("--word_sound is missing:\n" + _HOW)
    if bool(_WORD_PICKLE.value) != bool(_WORD_CHECKPOINT.value):
        raise mm.InputError("--word_pickle and --word_checkpoint belong together; give both or neither")
    stimuli = {_VGG: _VGG_IMAGE.value, _WORD: _WORD_SOUND.value}
    return {name: path for name, path in stimuli.items() if path}


_HOW = """\
  VGG-19: `fetch_checkpoint --network=vgg_19` gets the checkpoint (or --vgg_checkpoint=PATH);
    then --vgg_image=pocketwatch.jpg.
  The reduced-aliasing word network: `fetch_checkpoint --network=word_reduced_aliasing_released`
    gets the authors' audio archive, about 2 GB (or --word_pickle=PATH --word_checkpoint=PREFIX);
    then --word_sound=human_audio_resampled.wav.
  The picture and the sound are in assets/ of https://github.com/jenellefeather/model_metamers."""


def _is_original(path: Path, network: str) -> bool:
    """Whether a file is the original's stimulus; another one is refused unless it is allowed."""
    case = original_numbers.read_cases(network)[0]
    if not path.is_file():
        raise mm.InputError(f"{path}: no such file; expected the authors' {case.stimulus}:\n{_HOW}")
    digest = file_digest(path)
    if digest == case.stimulus_sha256:
        return True
    if not _OTHER.value:
        raise mm.InputError(
            f"{path}: is not the authors' {case.stimulus} (sha256 {digest[:12]}..., recorded "
            f"{case.stimulus_sha256[:12]}...), so the numbers could not agree; take theirs, or add "
            f"--allow_other_stimulus to see the program run"
        )
    return False


def _load(network: str) -> mm.Network:
    if network == _VGG:
        return mm.load_network(_VGG, _VGG_CHECKPOINT.value)
    if _WORD_PICKLE.value and _WORD_CHECKPOINT.value:
        from model_metamers.catalog import released_audio

        return released_audio.load_released_network(_WORD_PICKLE.value, _WORD_CHECKPOINT.value, name=_WORD)
    return mm.load_network(_WORD)


def _write(out: Path, comparisons: Sequence[dict[str, Any]]) -> None:
    """Writes the results so far. This is done after each metamer, which may have taken hours."""
    content = {"source": original_numbers.read_source(), "comparisons": list(comparisons)}
    write_json(out / original_comparison.COMPARISON, content)
    rows = [
        {"network": c["network"], "layer": c["layer"], "seed": c["seed"], **row}
        for c in comparisons
        for row in c["rows"]
    ]
    write_rows(out / "comparison.csv", rows)


def _show(comparison: dict[str, Any]) -> None:
    print(f"\n{comparison['network']} {comparison['layer']} ({comparison['notebook']})")
    rows = [[_text(value) for value in row.values()] for row in comparison["rows"]]
    binary.print_table([["iteration", "original loss", "our loss", "ratio"], *rows])
    print()
    checks = [[_text(value) for value in check.values()] for check in comparison["checks"]]
    binary.print_table([["check", "original", "ours", "agrees"], *checks])
    print(flush=True)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
