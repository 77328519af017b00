from .making import synthesize, to_metamers
from .metamer import Metamer

__all__ = [
    "Metamer",
    "synthesize",
    "to_metamers",
]
