"""What the system says of disks and files, in words that tell what to do."""

from __future__ import annotations

import errno
import os

_ROOM = "free some space and repeat the command"
_OTHER = "choose another folder, or ask its owner"
_IN_WORDS = {
    errno.ENOSPC: f"the disk is full; {_ROOM}",
    errno.EDQUOT: f"your part of the disk is full (its quota); {_ROOM}",
    errno.EFBIG: "the file would be larger than is allowed here (ulimit -f); raise the limit and repeat",
    errno.EROFS: "the disk can only be read; choose another folder",
    errno.EACCES: f"permission is denied; {_OTHER}",
    errno.EPERM: f"it is not permitted; {_OTHER}",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) and repeat the command",
    errno.ENFILE: "too many files are open on this machine; repeat the command when fewer are",
    errno.ENAMETOOLONG: "the name is too long; at most 255 bytes are allowed",
    errno.ENOTDIR: "a file stands where a folder should; remove it, or choose another folder",
    errno.EIO: "the disk reports a failure (I/O error); have it looked after before going on",
    errno.ESTALE: "the disk was mounted anew (stale file handle); repeat the command",
}


def explain(error: BaseException) -> str | None:
    """An error of a disk or a limit in words; None for any other, which may be a defect.

    Args:
      error: the system's, or one of a library (TensorFlow's writers, say) that repeats the system's text.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return _IN_WORDS.get(error.errno)
    said = str(error)
    return next((text for code, text in _IN_WORDS.items() if os.strerror(code) in said), None)
