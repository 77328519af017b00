"""Saved states of a run's searches: where they lie, and which of them nobody needs any more."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.errors import InputError
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.record import read_record
from model_metamers.storage.digests import text_digest
from model_metamers.synthesis.state import read_targets

if TYPE_CHECKING:
    from model_metamers.synthesis.search import Search


def state_path(folder: RunFolder, search: Search, targets: Sequence[str]) -> Path:
    """The file of a batch's unfinished search, named by all that defines it.

    Args:
      folder: of the run.
      search: of the batch.
      targets: digests of the signals that are matched.
    """
    defines = [search.network.checkpoint_digest, search.layer, repr(search.config.identity()), *targets]
    return folder.search(search.layer, text_digest(defines)[:16])


def remove_spent(folder: RunFolder) -> None:
    """Removes saved states whose targets all have their metamers.

    A killed process leaves such a state, as does a batch that was searched anew among others.
    """
    for path in folder.searches():
        with contextlib.suppress(InputError):  # one that cannot be read is told when it is needed
            if set(read_targets(path)) <= _targets_made(folder, path.parent.name):
                path.unlink(missing_ok=True)


def _targets_made(folder: RunFolder, layer: str) -> set[str]:
    """Digests of the targets that have metamers of a layer."""
    made = set()
    for metamer in folder.metamers([layer]):
        with contextlib.suppress(InputError):
            made.add(read_record(metamer.path).target_sha256)
    return made
