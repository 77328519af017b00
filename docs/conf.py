"""How Sphinx builds these pages: `make docs`. Nothing is taken from the network."""

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings, also in the tutorials

shutil.rmtree(HERE / "tutorials" / "out", ignore_errors=True)  # what a notebook wrote the last time

import code_digest  # noqa: E402  of _extensions

import model_metamers as mm  # noqa: E402  after the level of its log

project = "model_metamers"
author = "The authors of model_metamers"
copyright = f"2026, {author}"
version = release = mm.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
    "repository_pages",
    "manuals",
    "docstrings",
    "streams",
]
exclude_patterns = ["_build", "_extensions", "tutorials/out", "**/.ipynb_checkpoints"]

# Pages of Markdown, and notebooks in it.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
nb_execution_mode = os.environ.get("DOCS_NOTEBOOKS", "cache")  # "off" shows the code alone
# What a notebook gave is kept by its code, in a folder named by the code that it runs; where that is another,
# Sphinx reads all pages again and runs all notebooks. Comments and docstrings do not count.
_RUN = [HERE.parent / name for name in ("model_metamers", "experiments", "checkpoints")]
nb_execution_cache_path = str(HERE / "_build" / "jupyter_cache" / code_digest.digest(_RUN))
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove"  # TensorFlow tells there of the machine

# The reference, from docstrings.
smartquotes = False  # else --flag becomes a dash
default_role = "code"
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # of dataclasses, "low, high:" too
maximum_signature_line_length = 80
nitpicky = True
# Names of other packages, whose pages are on the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(np|numpy|tf|tensorflow|keras|collections|matplotlib|os|pathlib|typing|PIL)\..*"),
    (r"py:class", r"(Path|Image\.Image|Axes|Figure|AxesImage|ErrorbarContainer|Audio|Any|optional)"),
]

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
}
