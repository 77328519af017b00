from .finding import to_metamers
from .making import synthesize
from .metamer import Metamer, Start

__all__ = [
    "Metamer",
    "Start",
    "synthesize",
    "to_metamers",
]
