"""Packages that not everybody needs, and the extra of this package that brings each."""

from __future__ import annotations

OF_PACKAGE = {
    "dask": "cluster",
    "dask_jobqueue": "cluster",
    "distributed": "cluster",
    "espeakng_loader": "demo",
    "fastapi": "people",
    "pkg_resources": "hub",
    "skimage": "demo",
    "sklearn": "demo",
    "statsmodels": "people",
    "tensorflow_hub": "hub",
    "uvicorn": "people",
}


def advice(error: ImportError) -> str | None:
    """What to install where an import failed because of an extra that is absent; None where that is not why.

    Example:
      >>> advice(ModuleNotFoundError("No module named 'skimage'", name="skimage"))
      "skimage is not installed: pip install 'model_metamers[demo]'"
    """
    package = (error.name or "").partition(".")[0]
    extra = OF_PACKAGE.get(package)
    if extra is None or not isinstance(error, ModuleNotFoundError):
        return None
    return f"{package} is not installed: pip install 'model_metamers[{extra}]'"
