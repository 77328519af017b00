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
    by_likeness = difflib.get_close_matches(name, names, _LISTED // 2, 0.0)
    return f"of {len(names)} {what} the nearest are {', '.join(by_likeness)}"


class InputError(ValueError):
    """Something given to the package cannot be used.

    The message says what was given, what was expected and what to do. Binaries print
    it as one line; every other exception is a defect and keeps its traceback.
    """


class StorageError(InputError):
    """A file or folder cannot be written: the disk is full, it is read-only, or the name is too long."""


class InUseError(StorageError):
    """Another process writes to this folder; the message names it and its machine."""


class UnknownNetworkError(InputError):
    """The catalog has no network of this name; the message lists the nearest."""


class UnknownLayerError(InputError):
    """A network has no layer of this name; the message lists the nearest."""


class NoWeightsError(InputError):
    """No weights of a network are on this machine; the message says how to fetch them."""


class DamagedFileError(InputError):
    """A file of this program's is missing, damaged, or another program's."""


class OtherSettingsError(InputError):
    """A folder holds results of other settings than those given; the message tells both."""


class DivergedError(InputError):
    """The loss of some signals was no longer a number, so that they have no metamers.

    Attributes:
      iterations: by stimulus, the first iteration at which its loss was no number.
      metamers: of the other signals of a batch, where `mm.synthesize` made one.
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
    """

    def __init__(self, message: str = "", metamers: Sequence[Metamer] = ()):
        super().__init__(message)
        self.metamers = list(metamers)
