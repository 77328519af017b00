"""SavedModels, and the TensorFlow Hub handles that stand for them."""

from __future__ import annotations

import contextlib
import os
import tarfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from model_metamers import extras
from model_metamers.errors import InputError
from model_metamers.storage.digests import cache_folder

_CACHE = "TFHUB_CACHE_DIR"


def is_handle(source: str) -> bool:
    """Whether a source is a TensorFlow Hub handle: a URL, not a path."""
    return source.startswith(("http://", "https://", "gs://"))


def is_saved_model(folder: Path) -> bool:
    """Whether a folder holds a SavedModel, of TF1 or TF2."""
    return any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def variables_prefix(folder: Path) -> Path:
    """Prefix of the checkpoint inside a SavedModel.

    Raises:
      InputError: the SavedModel has no variables, as a frozen graph.
    """
    prefix = folder / "variables" / "variables"
    if not prefix.with_name("variables.index").exists():
        raise InputError(
            f"SavedModel {folder}: it has no variables (variables/variables.index is missing); one with its "
            f"weights frozen into the graph cannot be read by name"
        )
    return prefix


def resolve(handle: str) -> str:
    """Folder of a TensorFlow Hub module, downloaded unless it was before.

    Modules are kept in the folder that the environment variable TFHUB_CACHE_DIR names; without
    it, in the package's folder of the user's cache.

    Args:
      handle: such as https://tfhub.dev/google/imagenet/inception_v3/classification/5.

    Raises:
      InputError: tensorflow_hub cannot be imported, no network, or no module there.
    """
    try:
        # Imported here: it takes seconds, and no other source needs it.
        import tensorflow_hub
    except ImportError as error:
        why = extras.advice(error) or f"tensorflow_hub cannot be imported ({error})"
        raise InputError(
            f"hub handle {handle}: {why}; the folder of a SavedModel works without it"
        ) from error
    try:
        with _kept_downloads():
            return tensorflow_hub.resolve(handle)
    except (urllib.error.URLError, tarfile.TarError, OSError, EOFError, RuntimeError, ValueError) as error:
        raise InputError(
            f"hub handle {handle}: cannot be fetched ({type(error).__name__}: {error}); check the handle and "
            f"the network, or give the folder of the SavedModel"
        ) from error


@contextlib.contextmanager
def _kept_downloads() -> Iterator[None]:
    """Lets tensorflow_hub download to the user's cache instead of the temporary folder."""
    if os.environ.get(_CACHE):
        yield
        return
    os.environ[_CACHE] = str(cache_folder() / "tfhub")
    try:
        yield
    finally:
        del os.environ[_CACHE]
