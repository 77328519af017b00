from .run import NULL, Run, make, measure_null, over_cochleagrams, prepare, use_null

__all__ = [
    "NULL",
    "Run",
    "make",
    "measure_null",
    "over_cochleagrams",
    "prepare",
    "use_null",
]
