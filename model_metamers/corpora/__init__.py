"""Natural signals in bulk: speech, backgrounds and images, from their files to records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
