"""Being told to stop: by Ctrl-C, by a cluster (SIGTERM, SIGUSR1), by a terminal that was closed (SIGHUP).

While a program is loaded, any of them ends it at once, with a line. While it works, the first
raises KeyboardInterrupt, so that what was done is saved; another ends it at once, but for those that
follow within seconds, as when a key is pressed twice or a cluster sends to a program and to its parent.

Only what is loaded in a moment is imported here, since this must be in force before the rest.
"""

import os
import signal
import sys
import time

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")  # Windows has neither of the last two
_PATIENCE_S = 3.0
_AT_ONCE = "stopped at once; the same command continues or starts over"

terminal = 2  # the file descriptor that lines go to
_first: tuple[int, float] | None = None  # the signal that came first, and when


def program() -> str:
    """The name of the program that runs, as lines begin with it."""
    script = sys.argv[0] if sys.argv else ""
    if script == "-m":  # Python still looks for the module
        script = next((word for word in sys.orig_argv if word.startswith(f"{__package__}.")), "")
        return script.rpartition(".")[2]
    return os.path.splitext(os.path.basename(script))[0]


def starts_here() -> bool:
    """Whether one of this package's programs is what this process was started for."""
    name = program()
    return bool(name) and os.path.exists(os.path.join(os.path.dirname(__file__), f"{name}.py"))


def end_while_loading() -> None:
    """From here on, being told to stop ends the process at once: nothing was done yet."""
    _handle(lambda number, _: _end(number, "stopped before it began; nothing was written"))


def interrupt_work() -> None:
    """From here on, being told to stop raises KeyboardInterrupt."""
    _handle(_interrupt)


def end_quietly() -> None:
    """From here on, being told to stop ends the process at once, without a further line."""
    _handle(lambda number, _: os._exit(status() if _first else _status(number)))


def told() -> bool:
    """Whether the program was told to stop."""
    return _first is not None


def status() -> int:
    """The exit status by convention: 130 after Ctrl-C, 143 after SIGTERM and SIGUSR1, 129 after SIGHUP."""
    return _status(_first[0] if _first else signal.SIGINT)


def _status(number: int) -> int:
    """Of a signal; a cluster's warning before the end of a job (SIGUSR1) counts as that end."""
    return 128 + (signal.SIGTERM if number == getattr(signal, "SIGUSR1", None) else number)


def _handle(handler) -> None:
    for name in _NAMES:
        number = getattr(signal, name, None)
        # Who ignores one, such as nohup, goes on ignoring it.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(number: int, _frame: object) -> None:
    global _first
    if _first is None:
        _first = (number, time.monotonic())
        raise KeyboardInterrupt
    if time.monotonic() - _first[1] > _PATIENCE_S:
        _end(_first[0], _AT_ONCE)


def _end(number: int, text: str) -> None:
    try:
        os.write(terminal, f"{program()}: {text}\n".encode(errors="backslashreplace"))
    finally:
        os._exit(_status(number))
