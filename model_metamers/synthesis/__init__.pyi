from .metamer import Metamer, synthesize, to_metamers

__all__ = [
    "Metamer",
    "synthesize",
    "to_metamers",
]
