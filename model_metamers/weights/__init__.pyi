from .restore import RestoreReport, load_weights, restore

__all__ = ["RestoreReport", "load_weights", "restore"]
