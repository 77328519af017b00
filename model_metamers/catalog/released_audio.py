"""The authors' own auditory networks, from their architecture pickles and checkpoints.

`fetch_checkpoint --network=word_aliased_released` downloads their files. Front end, length of the
sounds and list of classes are those of the released build scripts (docs/sources.md 1d, 1e).
"""

from __future__ import annotations

import os
from importlib import resources

from model_metamers import weights
from model_metamers.errors import InputError, NoWeightsError
from model_metamers.networks.audio_architecture import Architecture
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.tasks import WORD_TASK
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.weights import manifest, released_pickle

RELEASED_FRONTEND = CochleagramConfig(num_filters=211)
RELEASED_SAMPLES = 40000

_LATE_LAYERS = ("conv_2", "conv_3", "conv_4", "fc_intermediate")


def metamer_layers(architecture: Architecture) -> tuple[str, ...]:
    """The metamer layers of a released architecture, early to late (docs/sources.md 1a).

    Where the Hann poolings pool_0_0 and pool_1_0 took over the strides of conv_0 and conv_1, they
    are metamer layers in place of these convolutions.

    Raises:
      InputError: the architecture lacks one of the layers.
    """
    names = [layer["args"]["name"] for layer in architecture]
    early = [
        pool if pool in names else conv for pool, conv in (("pool_0_0", "conv_0"), ("pool_1_0", "conv_1"))
    ]
    wanted = [*early, *_LATE_LAYERS]
    missing = [layer for layer in wanted if layer not in names]
    if missing:
        raise InputError(
            f"architecture: the metamer layers {', '.join(missing)} are missing; it has {', '.join(names)}"
        )
    return ("cochleagram", *wanted, "logits")


def build_released_network(
    pickle_path: str | os.PathLike,
    word_encodings_path: str | os.PathLike | None = None,
    name: str = "word_released",
    frontend: CochleagramConfig = RELEASED_FRONTEND,
    num_samples: int = RELEASED_SAMPLES,
) -> AuditoryCNN:
    """A network built from the authors' architecture pickle, without weights (zeros).

    Args:
      pickle_path: `word_network_aliased.pckl` or `word_network_reduced_aliasing.pckl`.
      word_encodings_path: `metamer_word_encodings.pckl`; None for the package's own list, which
        has the same words.
      name: name of the network.
      frontend: settings of the cochleagram; the released networks need the default.
      num_samples: length of a sound; the released networks need the default.

    Raises:
      InputError: the pickle is refused, the architecture cannot be built, or there are not as
        many words as classes.
    """
    architecture = released_pickle.read_architecture(pickle_path)
    classes = architecture[-1]["args"]["n_classes_dict"]
    if word_encodings_path is None:
        words = tuple((resources.files("model_metamers") / "data" / "words_794.txt").read_text().splitlines())
    else:
        words = released_pickle.read_word_encodings(word_encodings_path)
    if classes.get(WORD_TASK) != len(words):
        raise InputError(
            f"architecture {os.fspath(pickle_path)}: its classes are {classes}, but the word list names "
            f"{len(words)} for {WORD_TASK}"
        )
    layers = metamer_layers(architecture)
    return AuditoryCNN(name, architecture, layers, words, frontend, num_samples)


def load_released_network(
    pickle_path: str | os.PathLike,
    checkpoint_path: str | os.PathLike,
    word_encodings_path: str | os.PathLike | None = None,
    name: str = "word_released",
    frontend: CochleagramConfig = RELEASED_FRONTEND,
    num_samples: int = RELEASED_SAMPLES,
) -> AuditoryCNN:
    """A released network with its weights.

    Args:
      pickle_path, word_encodings_path, name, frontend, num_samples: see `build_released_network`.
      checkpoint_path: prefix of the TF1 checkpoint beside the pickle, such as
        `word_aliased.ckpt`, or "random:SEED".

    Raises:
      InputError: as in `build_released_network`, or the checkpoint does not fit; the message lists
        the variables that are missing, unused or of another shape.
    """
    network = build_released_network(pickle_path, word_encodings_path, name, frontend, num_samples)
    weights.load_weights(network, checkpoint_path)
    return network


def build_downloaded(name: str) -> AuditoryCNN:
    """A released network of the catalog, built from the architecture pickle that was downloaded.

    Raises:
      NoWeightsError: the pickle was not downloaded yet; the message says how.
      InputError: it is damaged.
    """
    if manifest.find_download(name).name not in manifest.read_record(manifest.downloads_folder()):
        raise NoWeightsError(
            f"{name} is built from its authors' own file, which has not been fetched: fetch_checkpoint "
            f"--network={name} gets it; or give the files to released_audio.load_released_network"
        )
    return build_released_network(manifest.network_files(name)["architecture"], name=name)
