"""The paper's two conditions for a metamer, and the null distribution of the second."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
