"""Regular expressions of the user's, which tell of which recording or speaker a file is."""

from __future__ import annotations

import regex

from model_metamers.errors import InputError

_PATIENCE_S = 2.0  # some patterns, such as (a+)+b, would look for ever
_LONGEST = 1000


def first_group(pattern: str, name: str, what: str) -> str:
    """What the first group of a pattern finds, searched in a name.

    Args:
      pattern: a regular expression.
      name: of a file.
      what: the pattern is called in messages.

    Raises:
      InputError: it is none, is longer than 1000 characters, takes more than two seconds, or finds
        no group or an empty one.
    """
    if len(pattern) > _LONGEST:
        raise InputError(f"{what}: {len(pattern)} characters long; write one of at most {_LONGEST}")
    try:
        match = regex.search(pattern, name, timeout=_PATIENCE_S)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        raise InputError(f"{what} {pattern!r} is no regular expression ({error})") from error
    except TimeoutError:
        raise InputError(
            f"{what} {pattern!r} takes more than {_PATIENCE_S:g} s in {name!r}; repeat nothing that repeats"
        ) from None
    if not match or not match.groups() or not match[1]:
        raise InputError(f"{what} {pattern!r} finds no group in {name!r}")
    return match[1]
