from .folder import MetamerFolder, RunFolder, find_metamers
from .run import Run, make, measure_null, over_cochleagrams, prepare, use_null

__all__ = [
    "MetamerFolder",
    "Run",
    "RunFolder",
    "find_metamers",
    "make",
    "measure_null",
    "over_cochleagrams",
    "prepare",
    "use_null",
]
