"""Plots: on given axes (`on_axes`), and of what a user has at hand (`plot`, which is `mm.plot`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
