"""Units that do nothing but leave an empty file, after a while if they are told to."""

from __future__ import annotations

import dataclasses
import os
import time


@dataclasses.dataclass(frozen=True)
class EmptyUnit:
    """Leaves a file.

    Attributes:
      path: of the file.
      seconds: it sleeps before.
    """

    path: str
    seconds: float = 0.0
    group: str = ""
    steps: int = 1

    @property
    def key(self) -> str:
        return os.path.basename(self.path)

    def done(self) -> bool:
        return os.path.exists(self.path)

    def run(self) -> None:
        from model_metamers.execution import stopping

        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            if stopping.told():
                raise KeyboardInterrupt
            time.sleep(0.05)
        with open(self.path, "a", encoding="utf-8") as file:  # one line of whoever did it
            file.write(f"{os.getpid()}\n")
