"""Compares our metamers with those of the authors' TensorFlow 1.13 notebooks.

  fetch_checkpoint --network=vgg_19
  compare_with_original --vgg_image=pocketwatch.jpg --out=original

  fetch_checkpoint --network=word_reduced_aliasing_released
  compare_with_original --word_sound=human_audio_resampled.wav --out=original

  compare_with_original --notebook=VGG19_Metamers_Using_TFSlim_Model.ipynb,Audio_Network_Metamers.ipynb

It follows the notebooks: 15000 iterations with the settings of the released code, VGG-19 at
conv1_2 and conv5_4 for pocketwatch.jpg, and the reduced-aliasing word network at pool_0_0
and conv_4 for human_audio_resampled.wav. Both files are in assets/ of the authors' public
repository, github.com/jenellefeather/model_metamers. --vgg_checkpoint, or --word_pickle
with --word_checkpoint, name checkpoints that were not downloaded by fetch_checkpoint.

The seed of the original noise was not recorded, so the numbers cannot be equal. Ours are made from
several (--seeds, --seed and the following), and it is told where the original lies among them: its
rank, how many standard deviations from their mean, on a logarithmic scale, and the interval in which
one more number would lie. They agree when all of this holds:

  the loaded picture's minimum and maximum are the original's, which shows that it was resized
    by the same filter;
  the loss of the noise, before any step, is within 10 % (the median over seeds); it hardly depends
    on the seed, but on weights, preprocessing and level;
  the losses on the way (their geometric mean, every 1000 iterations), the final one, and Spearman's
    rho at the layer and at the logits, where it was recorded (the audio notebook did not save its
    figure), lie in Student's prediction interval of ours, all of a metamer together with 95 %. Losses of
    seeds are far apart: with 8 seeds of vgg_19_small, after 4000 iterations, up to 1.4-fold at
    conv1_2 and 3.3-fold at conv5_4. The interval is shown, so that one sees what would have been noticed;
    with fewer than 3 seeds it cannot be told;
  of at least half of the seeds the metamer has the target's class, and its rho lies above the null
    distribution, as in the original. Null distributions are given as folders of
    make_null_distribution (--vgg_null, --word_null); without them this condition is left out.

--notebook needs no seed: the metamers that the authors' notebooks hold, which TensorFlow 1 made, are
read from your files and given to our network. Sounds, whose level is not in the notebook, are brought to
that at which they come nearest; they must have the original's class, and at the layer lose less than 1 % of
the recorded loss of the noise. Pictures stand in a figure with every second pixel or so, and only the two
conditions are compared, with the original beside them; without --vgg_null that is the class alone, which
networks of other weights may give as well. Rho is shown, and rho of pictures is low for the pixels that are
missing. Without weights the cochleagrams of the sounds are compared, and nothing follows.

Results in --out: the metamers, those of further seeds below `seed_<number>`; `comparison.csv` with
both losses and their ratio at every 1000 iterations; `comparison.json`, also with the checks and a
sentence for each metamer; `original_comparison.png` and `.pdf`; `notebook.json`, of --notebook; and
`flags.txt`. A run that was stopped continues with the same command.

The exit status is 0 where all agree or nothing follows (another stimulus, too few seeds or iterations, no
weights), 1 where a check of the original's stimulus fails, 2 where something is to be mended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.runs import null_runs
from model_metamers.signals import files
from model_metamers.storage import whole
from model_metamers.storage.digests import file_digest
from model_metamers.storage.writing import write_json, write_rows
from model_metamers_experiments import (
    binary,
    comparison_tables,
    notebook_metamers,
    notebook_scores,
    original_numbers,
)
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
_SEED = flags.DEFINE_integer("seed", 0, "Of the noise that the first search of a layer begins from.")
_SEEDS = flags.DEFINE_integer("seeds", 5, "Searches of each layer, from that seed on.", 1, 1000)
_NOTEBOOK = flags.DEFINE_list("notebook", [], "The authors' notebooks with saved outputs (.ipynb).")
_SAVE_EVERY = flags.DEFINE_integer("save_every", 500, "Steps between saved states of a search.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")

_VGG, _WORD = "vgg_19", "word_reduced_aliasing_released"


def main() -> int:
    binary.repeatable()
    config = mm.SynthesisConfig(iterations=_ITERATIONS.value, seed=_SEED.value, save_every=_SAVE_EVERY.value)
    stimuli = _check_flags()
    known = {name: _is_original(Path(path), name) for name, path in stimuli.items()}
    embedded = [_read_notebook(Path(path)) for path in _NOTEBOOK.value]
    needed = [*stimuli, *(name for name, _, _ in embedded)]
    networks = {name: _load(name, stimuli) for name in dict.fromkeys(needed)}
    null_paths = {_VGG: _VGG_NULL.value, _WORD: _WORD_NULL.value}
    nulls = {name: null_runs.read(path) if (path := null_paths[name]) else None for name in networks}
    agreed = [*_score(embedded, networks, nulls), *_search(config, stimuli, known, networks, nulls)]
    return int(any(agrees is False for agrees in agreed))


def _search(
    config: mm.SynthesisConfig,
    stimuli: Mapping[str, str],
    known: Mapping[str, bool],
    networks: Mapping[str, mm.Network | None],
    nulls: Mapping[str, Any],
) -> list[bool | None]:
    """Makes our metamers and compares them; whether each agrees."""
    out = Path(_OUT.value)
    planned: dict[tuple[str, str], tuple[original_numbers.OriginalCase, list[runs.Run]]] = {}
    for name, path in stimuli.items():
        network = networks[name]
        assert network is not None  # `_load` refuses a stimulus without weights
        target = files.load_signal(Path(path), network.signal)
        for case in original_numbers.read_cases(name):
            of_case = original_numbers.plans(case, network, target, config, out, nulls[name], _SEEDS.value)
            planned[network.name, case.layer] = case, of_case
    if not planned:
        return []
    made: dict[tuple[str, str], list[runs.Run]] = {key: [] for key in planned}
    comparisons: dict[tuple[str, str], dict[str, Any]] = {}

    def compare(run: runs.Run, one: runs.Made) -> None:
        if isinstance(one.record, mm.InputError):
            raise one.record
        key = run.network.name, one.layer
        case, of_case = planned[key]
        made[key].append(run)
        comparisons[key] = original_numbers.compare(case, made[key], out, known[case.network])
        _write(out, list(comparisons.values()))
        if len(made[key]) == len(of_case):
            comparison_tables.show(comparisons[key])

    runs.execute(
        [run for _, of_case in planned.values() for run in of_case],
        flags=binary.settings(__name__),
        progress=_PROGRESS.value,
        each=compare,
    )
    drawn = original_comparison.draw(out)
    for comparison in comparisons.values():
        print(comparison["sentence"])
    print(f"Written: {out}; look at {drawn[0]}")
    return [comparison["agrees"] for comparison in comparisons.values()]


def _read_notebook(path: Path) -> tuple[str, notebook_metamers.Embedded, str]:
    """The network that a notebook's metamers are of, these, and the notebook's name."""
    embedded = notebook_metamers.read_notebook(path)
    name = _VGG if embedded.kind == "image" else _WORD
    notebook_scores.cases_of(embedded, original_numbers.read_cases(name), str(path))
    return name, embedded, path.name


def _score(
    embedded: Sequence[tuple[str, notebook_metamers.Embedded, str]],
    networks: Mapping[str, mm.Network | None],
    nulls: Mapping[str, Any],
) -> list[bool | None]:
    """Gives the notebooks' own metamers to our networks; whether each agrees."""
    from model_metamers.catalog.released_audio import RELEASED_FRONTEND

    scores = []
    for name, found, notebook in embedded:
        network = networks[name]
        for case, metamer in notebook_scores.cases_of(found, original_numbers.read_cases(name), notebook):
            if network is None:
                score = notebook_scores.score_cochleagram(found, case, metamer, RELEASED_FRONTEND)
            else:
                score = notebook_scores.score(found, case, metamer, network, nulls[name])
            scores.append({"notebook": notebook, **score})
            if score["checks"]:
                comparison_tables.show_checks(score["checks"])
                comparison_tables.show_rho(score)
            print(score["sentence"], flush=True)
    if scores:
        out = whole.make_folder(Path(_OUT.value))
        write_json(out / "notebook.json", {"source": original_numbers.read_source(), "scores": scores})
        print(f"Written: {out / 'notebook.json'}")
    return [score["agrees"] for score in scores]


def _check_flags() -> dict[str, str]:
    """The stimulus of each network that is to be compared.

    Raises:
      InputError: no network is, or a file is missing; the message says what to download and how.
    """
    vgg = (_VGG_IMAGE.value, _VGG_CHECKPOINT.value, _VGG_NULL.value)
    word = (_WORD_SOUND.value, _WORD_PICKLE.value, _WORD_CHECKPOINT.value, _WORD_NULL.value)
    if not any(vgg + word) and not _NOTEBOOK.value:
        raise mm.InputError("nothing to compare yet; get the files of one network or of both:\n" + _HOW)
    if any(vgg) and not _VGG_IMAGE.value and not _NOTEBOOK.value:
        raise mm.InputError("--vgg_image is missing:\n" + _HOW)
    if any(word) and not _WORD_SOUND.value and not _NOTEBOOK.value:
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


def _load(network: str, stimuli: Mapping[str, str]) -> mm.Network | None:
    """A network with its weights; None of the sounds of a notebook alone, where there are no weights."""
    if network == _VGG:
        return mm.load_network(_VGG, _VGG_CHECKPOINT.value)
    if _WORD_PICKLE.value and _WORD_CHECKPOINT.value:
        from model_metamers.catalog import released_audio

        return released_audio.load_released_network(_WORD_PICKLE.value, _WORD_CHECKPOINT.value, name=_WORD)
    try:
        return mm.load_network(_WORD)
    except mm.NoWeightsError as error:
        if network in stimuli:
            raise
        binary.tell(f"only cochleagrams are compared: {error}")
        return None


def _write(out: Path, comparisons: Sequence[dict[str, Any]]) -> None:
    """Writes the results so far. This is done after each metamer, which may have taken hours."""
    content = {"source": original_numbers.read_source(), "comparisons": list(comparisons)}
    write_json(out / original_comparison.COMPARISON, content)
    rows = [
        {"network": c["network"], "layer": c["layer"], "seed": seed["seed"], **row}
        for c in comparisons
        for seed in c["seeds"]
        for row in seed["rows"]
    ]
    write_rows(out / "comparison.csv", rows)


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
