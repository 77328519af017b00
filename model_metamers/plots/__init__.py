"""What is drawn on given axes; `mm.plot` offers it to users."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
