from .run import NULL, SETTINGS, Run, claim_folder, make, measure_null, over_cochleagrams, prepare, use_null

__all__ = [
    "NULL",
    "SETTINGS",
    "Run",
    "claim_folder",
    "make",
    "measure_null",
    "over_cochleagrams",
    "prepare",
    "use_null",
]
