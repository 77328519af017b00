"""Masks, tones, names and files that tell nothing of themselves."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model_metamers.errors import InputError
from model_metamers.people import choices, materials, protocols
from model_metamers.people.study import Timing
from model_metamers.recognition.sixteen import sixteen_categories


def test_a_masks_amplitude_falls_as_one_over_frequency():
    random = np.random.default_rng(0)
    masks = np.stack([materials.noise_mask(128, random) for _ in range(40)]).astype(float)
    assert masks.shape == (40, 128, 128) and 124 < masks.mean() < 131 and 36 < masks.std() < 42
    amplitude = np.sqrt(
        (np.abs(np.fft.fft2(masks - masks.mean(axis=(1, 2), keepdims=True))) ** 2).mean(axis=0)
    )
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    rings = [
        (amplitude[(frequency > f) & (frequency <= 1.3 * f)].mean(), f)
        for f in (0.02, 0.04, 0.08, 0.16, 0.32)
    ]
    slopes = np.polyfit(np.log([f for _, f in rings]), np.log([a for a, _ in rings]), 1)
    assert slopes[0] == pytest.approx(-1.0, abs=0.06)
    # As much across as down.
    assert amplitude[0, 1:20].mean() == pytest.approx(amplitude[1:20, 0].mean(), rel=0.1)


@pytest.mark.parametrize("side", [7, 64, 255])
def test_a_mask_of_any_size(side):
    assert materials.noise_mask(side, np.random.default_rng(1)).shape == (side, side)


@pytest.mark.parametrize("order", materials.TONE_ORDERS)
def test_tones_are_where_they_should_be(order):
    """Through one loudspeaker the antiphase tone is silent, and the soft one is 6 dB below the standard."""
    tones = materials.antiphase_tones(order).astype(float)
    assert tones.shape == ((44100 * 4), 2)
    parts = [tones[round(44100 * 1.5 * place) :][:44100] for place in range(3)]
    standard, antiphase, soft = (parts[place] for place in order)
    level = [np.sqrt((part**2).mean()) for part in (standard, antiphase, soft)]
    assert level[0] == pytest.approx(level[1], rel=1e-3)
    assert 20 * np.log10(level[2] / level[0]) == pytest.approx(-6, abs=0.01)
    assert np.abs(antiphase.sum(axis=1)).max() == 0
    np.testing.assert_array_equal(standard[:, 0], standard[:, 1])
    spectrum = np.abs(np.fft.rfft(standard[:, 0]))
    assert spectrum.argmax() == 200
    assert np.abs(tones[44100 : 44100 + 22050]).max() == 0 and abs(tones[0, 0]) < 1


def test_orders_of_tones_are_all_six():
    assert sorted(materials.TONE_ORDERS) == sorted(itertools.permutations(range(3)))


def test_names_need_their_key():
    names = list(itertools.islice(materials.names(b"key"), 500))
    assert len(set(names)) == 500 and all(len(name) == 32 and int(name, 16) >= 0 for name in names)
    assert names == list(itertools.islice(materials.names(b"key"), 500))
    assert not set(names) & set(itertools.islice(materials.names(b"yek"), 500))
    # Their bits are even.
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("".join(names)), np.uint8))
    assert abs(bits.mean() - 0.5) < 0.01


def test_a_picture_keeps_its_pixels_and_loses_the_rest(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (9, 9, 3), np.uint8)
    about = PngInfo()
    about.add_text("network", "vgg_19 conv5_4")
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=about, dpi=(72, 72))
    content = materials.signal_file(tmp_path / "a.png")
    assert b"vgg" not in content and b"pHYs" not in content
    (tmp_path / "b.png").write_bytes(content)
    with Image.open(tmp_path / "b.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_sound_keeps_its_samples_and_loses_the_rest(tmp_path):
    samples = np.random.RandomState(0).randint(-32768, 32768, 501).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 20000, 1, "PCM_16") as file:
        file.title = "conv5_4"
        file.write(samples)
    content = materials.signal_file(tmp_path / "a.wav")
    assert b"conv5" not in content and len(content) == 44 + 2 * 501
    (tmp_path / "b.wav").write_bytes(content)
    read, rate = soundfile.read(tmp_path / "b.wav", dtype="int16")
    assert rate == 20000
    np.testing.assert_array_equal(read, samples)


@pytest.mark.parametrize("name", ["a.png", "a.wav"])
def test_what_is_no_signal_is_refused_with_a_line(tmp_path, name):
    for content in (b"", b"RIFF", b"\x89PNG\r\n\x1a\n"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            materials.signal_file(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        materials.signal_file(tmp_path / f"none_{name}")


def test_sixteen_categories_in_the_published_order():
    given, layout = choices.choices("sixteen", "images")
    assert (given, layout) == choices.choices(None, "images") and layout == "icons"
    assert sorted(given) == sorted(sixteen_categories())
    # The first column of the screen, then the first row.
    assert given[:4] == ("knife", "airplane", "keyboard", "elephant")
    assert given[::4] == ("knife", "bicycle", "bear", "truck")


def test_the_words_of_the_listening_test():
    words, layout = choices.choices(None, "words")
    assert layout == "typing" and len(words) == len(set(words)) == 587
    assert max(map(len, words)) == 14 and sum("'" in word for word in words) >= 10
    known = set((Path(choices.__file__).parents[1] / "data" / "words_794.txt").read_text().split())
    assert len(known & set(words)) == 295


def test_choices_of_a_file(tmp_path):
    file = tmp_path / "choices.txt"
    file.write_text("ship\n\n truck \n", encoding="utf-8")
    assert choices.choices(str(file), "images") == (("ship", "truck"), "buttons")
    assert choices.choices(str(file), "words") == (("ship", "truck"), "typing")
    for text, said in (
        ("one\n", "holds 1 choices"),
        ("".join(f"c{i}\n" for i in range(21)), "holds 21 choices"),
        ("cat\nCat\n", "stands twice"),
        ("cat\n\x1b[1m\n", "cannot be printed"),
        ("cat\n" + "x" * 41, "longer than 40"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=said) as caught:
            choices.choices(str(file), "images")
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        choices.choices(str(tmp_path / "none.txt"), "words")
    with pytest.raises(InputError, match="of images"):
        choices.choices("sixteen", "words")


def test_protocols():
    paper, turk = (protocols.protocol(name, "images", 16) for name in ("paper", "turk"))
    assert paper.timing == Timing(300, 200, 200, 1500) and turk.timing == Timing(300, 300, 300, None)
    assert (paper.trials, paper.pass_marks, paper.catch, paper.break_places(230)) == (10, {}, 0, ())
    assert (turk.practice, turk.demonstration, turk.catch) == (16, 12, 16)
    assert turk.pass_marks == {"demonstration": 7} and turk.break_places(416) == (104, 208, 312)
    words = protocols.protocol("turk", "words", 587)
    assert (words.trials, words.practice, words.pass_marks) == (5, 10, {"headphones": 5, "demonstration": 5})
    assert words.timing is None and words.exclusions.least_catch == 0.75
    assert protocols.protocol("paper", "words", 587).exclusions.least_catch is None
    with pytest.raises(InputError, match="protocol 'lab'"):
        protocols.protocol("lab", "words", 587)
    assert [turk.break_places(trials) for trials in (0, 1, 2, 3)] == [(), (), (1,), (1, 2)]
