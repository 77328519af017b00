"""Which names a stimulus can bear."""

from __future__ import annotations

import unicodedata

from model_metamers.errors import InputError

# A stimulus gives its name to a folder and, with an ending, to files.
_LONGEST_BYTES = 250


def stimulus_name(text: str, where: str) -> str:
    """A text as a stimulus's name, which is a folder's name too.

    Args:
      text: such as a file's name without its ending.
      where: it comes from, for the message.

    Returns:
      The text in Unicode's composed form (NFC), so that names which look alike are alike.

    Raises:
      InputError: it cannot be a folder's name: empty, begins with a dot, holds a slash or a
        control character, is no Unicode, or longer than 250 bytes.
    """
    name = unicodedata.normalize("NFC", text)
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise InputError(f"{where!r}: its name is no UTF-8; rename it") from None
    control = any(unicodedata.category(letter) == "Cc" for letter in name)
    if not name or name.startswith(".") or "/" in name or "\\" in name or control:
        raise InputError(
            f"{where!r}: {name!r} cannot be a stimulus's name, which is a folder's too; rename it, without "
            f"a dot in front, slashes or control characters"
        )
    if length > _LONGEST_BYTES:
        raise InputError(
            f"{where!r}: its name is {length} bytes long; rename it to {_LONGEST_BYTES} or fewer"
        )
    return name
