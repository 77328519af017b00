"""Units of few long steps, as searches of large networks are: told to end, they save after the step."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class SlowUnit:
    """Leaves `key.steps` with a line for each step and each time that it was told to end."""

    folder: str
    key: str
    count: int = 2
    seconds: float = 12.0  # longer than Dask waits for a worker that it closes
    group: str = ""
    steps: int = 1

    @property
    def path(self) -> Path:
        return Path(self.folder) / f"{self.key}.steps"

    def lines(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    def done(self) -> bool:
        return self.lines().count("step") >= self.count

    def run(self) -> None:
        from model_metamers.execution import stopping

        while not self.done():
            self._write("begins")
            time.sleep(self.seconds)
            self._write("step")
            if stopping.told():
                self._write("saved")
                raise KeyboardInterrupt

    def _write(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")
