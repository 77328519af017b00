"""The recipe for conda asks for what setup.py asks for."""

import re
from pathlib import Path

import model_metamers as mm

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8")
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
# What conda-forge calls packages otherwise than pip.
NAMES = {
    "matplotlib": "matplotlib-base",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "lazy-loader": "lazy_loader",
}


def of_setup(field: str) -> str:
    return re.search(rf"{field}=\[(.*?)\]", SETUP, re.DOTALL)[1]


def test_the_recipe_asks_for_what_setup_asks_for():
    wanted = dict(one.split(">=") for one in re.findall(r'"([^"]+)"', of_setup("install_requires")))
    run = RECIPE.partition("  run:\n")[2].partition("\n\n")[0]
    given = dict(re.findall(r"- ([\w-]+) >=([\d.]+)$", run, re.MULTILINE))
    assert len(wanted) > 10 and given == {NAMES.get(name, name): least for name, least in wanted.items()}


def test_it_is_of_this_version_and_these_pythons():
    assert f'version: "{mm.__version__}"' in RECIPE
    (bound,) = re.findall(r'python_requires=">=3.10,(<[\d.]+)"', SETUP)
    assert f"python >=${{{{ python_min }}}},{bound}" in RECIPE
    (least,) = re.findall(r'"(setuptools>=\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert least.replace(">=", " >=") in RECIPE
    assert (ROOT / "LICENSE").is_file()
