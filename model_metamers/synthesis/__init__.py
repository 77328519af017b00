"""The search for a metamer: where it starts, its steps, and what it finds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
