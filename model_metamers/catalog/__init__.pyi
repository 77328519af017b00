from .names import UNNAMED, networks
from .registry import build_network, load_network

__all__ = ["UNNAMED", "build_network", "load_network", "networks"]
