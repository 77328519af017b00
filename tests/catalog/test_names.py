"""The catalog's names, which load nothing, against the builders that they stand for."""

import importlib

import pytest

import model_metamers as mm
from model_metamers.catalog import named_network, registry
from model_metamers.catalog.names import NAMES
from model_metamers.networks.cochleagram_view import cochleagram_view


@pytest.mark.parametrize("module", NAMES)
def test_every_name_has_a_builder_and_every_builder_a_name(module):
    builders = importlib.import_module(f"model_metamers.catalog.{module}").BUILDERS
    assert sorted(NAMES[module]) == sorted(builders)


def test_a_place_of_weights_is_absolute_where_it_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.ckpt.index").touch()
    (tmp_path / "saved").mkdir()
    for given, place in (
        (None, None),
        ("model.ckpt", str(tmp_path / "model.ckpt")),
        ("./saved", str(tmp_path / "saved")),
        (tmp_path / "saved" / "..", str(tmp_path)),
        ("random:3", "random:3"),
        ("https://tfhub.dev/a/b/1", "https://tfhub.dev/a/b/1"),
        ("a word", "a word"),
        ("/a/../b", "/a/../b"),
    ):
        assert registry.place_of(given) == place


def test_a_network_knows_what_its_weights_were_loaded_from(tmp_path):
    assert mm.load_network("vgg_19_small", "random:3").checkpoint_place == "random:3"
    network = mm.load_network("word_aliased_small", "random:3")
    assert mm.load_network("vgg_19_small").checkpoint_place is None
    assert cochleagram_view(network).checkpoint_place == "random:3"
    (tmp_path / "own.py").write_text(
        "import model_metamers as mm\n"
        "def build(checkpoint):\n    return mm.load_network('vgg_19_small', 'random:1')\n"
    )
    (tmp_path / "weights.h5").touch()
    own = named_network.load(f"{tmp_path / 'own.py'}:build", f"{tmp_path}/./weights.h5")
    assert own.checkpoint_place == str(tmp_path / "weights.h5")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "import no_such_module\n",
            "cannot be run: ModuleNotFoundError: No module named 'no_such_module' (line 1)",
        ),
        ("def network(:\n", "cannot be run: SyntaxError: invalid syntax (x.py, line 1)"),
        ("\ndef network():\n    return {}['a\\nb']\n", "does not build from no checkpoint: KeyError: "),
        (
            "def network():\n    raise ValueError('of Keras\\nand its layers')\n",
            "of Keras and its layers (line 2)",
        ),
    ],
)
def test_a_file_of_the_users_that_fails_says_where_in_one_line(code, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text(code)
    with pytest.raises(mm.InputError) as error:
        named_network.load("x.py:network")
    assert told in str(error.value) and str(error.value).startswith("x.py") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("model.keras", "mm.from_keras takes the model"),
        ("lab.py:network", "import that file and call its function"),
        ("weights", "it is a file or folder"),
        ("vgg19", "the nearest are vgg_19"),
    ],
)
def test_what_is_no_name_of_the_catalog_is_told_what_it_is(name, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    with pytest.raises(mm.UnknownNetworkError, match=f"there is no network '{name}'; .*{told}"):
        mm.load_network(name)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("vgg_19", ("vgg_19", None, None)),
        ("vgg_19=lr=0.1/a.ckpt", ("vgg_19", "lr=0.1/a.ckpt", None)),
        ("lr=0.1/m.keras", ("lr=0.1/m.keras", None, None)),
        ("lr=0.1/m.keras=a=b.json", ("lr=0.1/m.keras", None, "a=b.json")),
        ("lr=0.1/n.py:build", ("lr=0.1/n.py:build", None, None)),
        ("lr=0.1/n.py:build=w=1.npz", ("lr=0.1/n.py:build", "w=1.npz", None)),
        ("m.keras=", ("m.keras", None, None)),
    ],
)
def test_folders_of_files_may_hold_an_equals_sign(spec, named):
    assert named_network.read_spec(spec) == named
