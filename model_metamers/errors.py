"""The errors of the package that are the user's to mend."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_metamers.synthesis.metamer import Metamer


_LISTED = 12  # names that are read at a glance


def nearest(name: str, names: Sequence[str], what: str) -> str:
    """Which names there are, for a message about one that is not among them.

    Args:
      name: that was given.
      names: that there are.
      what: they are, in the plural, such as "layers".

    Returns:
      "there are a, b and c" of a few; of many "the nearest of 155 layers are conv1 and conv2".

    Example:
      >>> nearest("conv1", ["conv_1", "fc"], "layers")
      'there are conv_1, fc'
    """
    if len(names) <= _LISTED:
        return f"there are {', '.join(names)}"
    by_likeness = sorted(names, key=lambda one: -_likeness(str(name), one))  # of equals, the first
    return f"of {len(names)} {what} the nearest are {', '.join(by_likeness[: _LISTED // 2])}"


def _likeness(given: str, name: str) -> float:
    """How alike a name, or its part after a slash, is to what was given, 0 to 1."""
    ends = [name[i:] for i, before in enumerate("/" + name) if before == "/"]
    return max(difflib.SequenceMatcher(None, end.lower(), given.lower()).ratio() for end in ends)


class InputError(ValueError):
    """Something given to the package cannot be used.

    The message says what was given, what was expected and what to do. Binaries print
    it as one line; every other exception is a defect and keeps its traceback.

    Example:
      >>> import model_metamers as mm
      >>> mm.SynthesisConfig(seed=-1)
      Traceback (most recent call last):
      model_metamers.errors.InputError: seed=-1: expected 0 to 2^32 - 1
    """


class StorageError(InputError):
    """A file or folder cannot be written: the disk is full, it is read-only, or the name is too long.

    Example:
      >>> import pathlib, tempfile
      >>> from model_metamers.storage.whole import make_folder
      >>> with tempfile.NamedTemporaryFile() as file:
      ...     make_folder(pathlib.Path(file.name) / "metamers")
      Traceback (most recent call last):
      model_metamers.errors.StorageError: ...
    """


class InUseError(StorageError):
    """Another process writes to this folder; the message names it and its machine."""


class AlreadyThereError(InputError):
    """A folder that is to be made is there already, and is not overwritten."""


class UnknownNetworkError(InputError):
    """The catalog has no network of this name; the message lists the nearest.

    Example:
      >>> import model_metamers as mm
      >>> mm.load_network("vgg19")
      Traceback (most recent call last):
      model_metamers.errors.UnknownNetworkError: there is no network 'vgg19'; ... nearest are vgg_19, ...
    """


class UnknownLayerError(InputError):
    """A network has no layer of this name; the message lists the nearest.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> network.activations([[[[0.5] * 3] * 32] * 32], ["conv3"])
      Traceback (most recent call last):
      model_metamers.errors.UnknownLayerError: vgg_19_small has no layer 'conv3'; ...
    """


class NoWeightsError(InputError):
    """No weights of a network are on this machine; the message says how to fetch them.

    Example:
      >>> import model_metamers as mm
      >>> mm.load_network("audioset_reduced_aliasing")
      Traceback (most recent call last):
      model_metamers.errors.NoWeightsError: no checkpoint of audioset_reduced_aliasing ships ...
    """


class DamagedFileError(InputError):
    """A file of this program's is missing, damaged, or another program's.

    Example:
      >>> import model_metamers as mm
      >>> mm.load("no_such_folder")
      Traceback (most recent call last):
      model_metamers.errors.DamagedFileError: no_such_folder/metamer.json: ...
    """


class OtherSettingsError(InputError):
    """A folder holds results of other settings than those given; the message tells both.

    Example:
      >>> import pathlib, tempfile
      >>> from model_metamers.storage.claims import claim_folder
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     claim_folder(pathlib.Path(folder), {"seed": 0})
      ...     claim_folder(pathlib.Path(folder), {"seed": 1})
      Traceback (most recent call last):
      model_metamers.errors.OtherSettingsError: ...: holds a run with other settings (seed=0 there, 1 now)...
    """


class DivergedError(InputError):
    """The loss of some signals was no longer a number, so that they have no metamers.

    Attributes:
      iterations: by stimulus, the first iteration at which its loss was no number.
      metamers: of the other signals of a batch, where `mm.synthesize` made one.

    Example:
      >>> try:
      ...     raise DivergedError("1 of 2 diverged", {"signal_1": 30})
      ... except DivergedError as error:
      ...     print(error.stimuli, error.iteration)
      ('signal_1',) 30
    """

    def __init__(
        self, message: str, iterations: Mapping[str, int] | None = None, metamers: Sequence[Metamer] = ()
    ):
        super().__init__(message)
        self.iterations = dict(iterations or {})
        self.metamers = list(metamers)

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Those that have no metamer."""
        return tuple(self.iterations)

    @property
    def iteration(self) -> int:
        """The first at which one of them diverged."""
        return min(self.iterations.values())


class Stopped(KeyboardInterrupt):
    """Ctrl-C stopped a search; a loop over searches stops with it.

    Attributes:
      metamers: as far as they had come.

    Example:
      >>> try:
      ...     raise Stopped("stopped at iteration 40 of 100")  # as `mm.synthesize` does at Ctrl-C
      ... except Stopped as stopped:
      ...     print(stopped, len(stopped.metamers))
      stopped at iteration 40 of 100 0
    """

    def __init__(self, message: str = "", metamers: Sequence[Metamer] = ()):
        super().__init__(message)
        self.metamers = list(metamers)
