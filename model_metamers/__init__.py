"""Model metamers: signals that a network cannot tell from a natural one.

A reproduction of Feather, Durango, Gonzalez & McDermott (NeurIPS 2019). Names are imported when they are
used, so that `import model_metamers` loads no TensorFlow; `__init__.pyi` lists them.
"""

import lazy_loader

import model_metamers.networks  # noqa: F401  the folder first: afterwards the name is the function's
from model_metamers.catalog.names import networks  # noqa: F401

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
