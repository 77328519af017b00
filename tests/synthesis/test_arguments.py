"""Arguments from Python as people give them: taken, or refused in one line before any work."""

import dataclasses
import fractions
import json

import numpy as np
import pytest
from PIL import Image

import model_metamers as mm
from model_metamers import InputError

WHOLE = ("iterations", "log_every", "save_every", "seed")
REAL = ("learning_rate", "learning_rate_decay")


@pytest.mark.parametrize("field", WHOLE)
@pytest.mark.parametrize(
    "value", [10, 1e1, np.int64(10), np.uint8(10), np.float32(10), np.float64(10), fractions.Fraction(10)]
)
def test_whole_numbers_of_any_kind_are_kept_as_pythons(field, value):
    config = mm.SynthesisConfig(**{field: value})
    assert getattr(config, field) == 10 and type(getattr(config, field)) is int
    assert config == mm.SynthesisConfig(**{field: 10})
    assert json.loads(json.dumps(dataclasses.asdict(config))) == dataclasses.asdict(config)


@pytest.mark.parametrize("field", REAL)
@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.float16(0.25), np.int64(1)])
def test_numbers_of_any_kind_are_kept_as_pythons(field, value):
    config = mm.SynthesisConfig(**{field: value})
    assert getattr(config, field) == value and type(getattr(config, field)) is float
    json.dumps(dataclasses.asdict(config))


@pytest.mark.parametrize("field", WHOLE + REAL)
@pytest.mark.parametrize(
    "value", ["10", b"10", True, np.True_, float("nan"), float("inf"), [10], 1j, 10**400]
)
def test_wrong_kinds_of_number_are_refused_in_one_line(field, value):
    with pytest.raises(InputError, match=field) as refusal:
        mm.SynthesisConfig(**{field: value})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("field", WHOLE)
@pytest.mark.parametrize("value", [None, 2.5, np.float32(0.1), -1, np.int64(-3)])
def test_whole_numbers_are_whole_and_not_negative(field, value):
    with pytest.raises(InputError, match=field):
        mm.SynthesisConfig(**{field: value})


@pytest.mark.parametrize(
    "field",
    [
        "preset",
        "relu_gradient",
        "optimizer",
        "precision",
        "frontend",
        "batch_norm",
        "convolutions",
        "hidden_relu",
    ],
)
@pytest.mark.parametrize("value", [None, 0, True, ["linear"], {}, "LINEAR", np.str_("other")])
def test_wrong_words_are_refused(field, value):
    with pytest.raises(InputError, match=f"{field}=.*expected '"):
        mm.SynthesisConfig(**{field: value})


def test_numpys_texts_are_kept_as_pythons():
    config = mm.SynthesisConfig(preset=np.str_("paper"), relu_gradient=np.str_("plain"))
    assert type(config.preset) is str and type(config.relu_gradient) is str


def test_metamer_of_a_search_with_numpys_numbers_is_saved(tmp_path, tiny_vgg, small_images):
    config = mm.SynthesisConfig(iterations=np.float64(2), seed=np.int64(1), learning_rate=np.float32(0.5))
    metamer = mm.synthesize(tiny_vgg, "conv1_2", small_images[0], config, progress=False)
    mm.save(metamer, tmp_path / "m")
    assert mm.load(tmp_path / "m").config == metamer.config


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("photo.png", "got str; mm.load_image reads files"),
        (None, "got NoneType"),
        ([[0.0], [0.0, 1.0]], "no array of one shape"),
        (Image.new("RGB", (32, 32)), "got uint8; .*mm.load_image takes pixels and PIL images"),
        (np.zeros([50, 40, 3], np.uint8), "mm.load_image takes pixels and PIL images"),
        (np.zeros([32, 32, 3], complex), "expected an array"),
        (np.zeros([32, 32, 3], bool), "got bool"),
        (np.zeros([0, 32, 32, 3]), r"expected shape \[batch, 32, 32, 3\], got \[0, 32, 32, 3\]"),
    ],
)
@pytest.mark.parametrize("place", ["target", "start"])
def test_what_is_no_signal_is_refused_before_the_search(tiny_vgg, small_images, target, message, place):
    given = {"target": small_images[0], place: target}
    if place == "start" and target is None:
        return  # noise
    with pytest.raises(InputError, match=f"^{place}: .*{message}"):
        mm.synthesize(tiny_vgg, "conv1_2", **given, config=mm.SynthesisConfig(iterations=1), progress=False)


@pytest.mark.parametrize(
    ("targets", "shape", "message"),
    [
        (2, (3, 32, 32, 3), "start: 3 of them for 2 targets"),
        (1, (2, 32, 32, 3), "start: 2 of them for 1 targets"),
        (2, (32, 32), r"start: expected shape .* got \[32, 32\]"),
        (2, (1, 2, 32, 32, 3), "start: expected shape"),
    ],
)
def test_starts_of_another_number_or_shape_are_refused(tiny_vgg, small_images, targets, shape, message):
    with pytest.raises(InputError, match=message):
        mm.synthesize(tiny_vgg, "conv1_2", small_images[:targets], start=np.full(shape, 0.5), progress=False)


@pytest.mark.parametrize("layer", [["conv1_2"], None, 3])
def test_one_layer_is_a_name(tiny_vgg, small_images, layer):
    with pytest.raises(InputError, match="expected the name of one layer"):
        mm.synthesize(tiny_vgg, layer, small_images[0], progress=False)


def test_config_of_another_kind_is_refused(tiny_vgg, small_images):
    with pytest.raises(InputError, match="expected a SynthesisConfig, got dict"):
        mm.synthesize(tiny_vgg, "conv1_2", small_images[0], {"iterations": 3}, progress=False)


def test_one_layer_may_be_given_as_a_text_where_layers_are_listed(tiny_vgg, small_images):
    one, listed = (
        mm.null_distribution(tiny_vgg, layers, small_images, progress=False)
        for layers in ("conv1_2", ["conv1_2"])
    )
    assert list(one.layers) == ["conv1_2"] and one.maximum("conv1_2") == listed.maximum("conv1_2")
