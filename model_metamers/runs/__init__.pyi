from .batches import Shard, read_shard
from .executed import Executed, Page, execute
from .folder import MetamerFolder, RunFolder, find_metamers
from .making import make
from .record import Record, read_record
from .run import Made, Run, check, claim, measure_null, over_cochleagrams, prepare
from .search_batches import Elsewhere

__all__ = [
    "Elsewhere",
    "Executed",
    "Made",
    "MetamerFolder",
    "Page",
    "Record",
    "Run",
    "RunFolder",
    "Shard",
    "check",
    "claim",
    "execute",
    "find_metamers",
    "make",
    "measure_null",
    "over_cochleagrams",
    "prepare",
    "read_record",
    "read_shard",
]
