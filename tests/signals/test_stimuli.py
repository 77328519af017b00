"""Images and sounds from files; what is refused."""

import numpy as np
import pytest
import soundfile
import soxr
from PIL import Image

from model_metamers import InputError, SignalSpec, load_image, load_sound
from model_metamers.corpora import demo_stimuli, speech
from model_metamers.networks.deepspeech import DeepSpeech
from model_metamers.networks.vggish import VGGish
from model_metamers.signals import files, images, sounds
from tests.conftest import make_tiny_word_cnn

IMAGE = SignalSpec("image", (32, 32, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (8000,), -1.0, 1.0, sample_rate=8000, rms=0.1)


def tone(rate: int, seconds: float = 1.5, hz: float = 440.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def test_image_is_cropped_to_its_centre_and_scaled(tmp_path):
    pixels = np.zeros([64, 100, 3], np.uint8)
    pixels[:, 18:82] = 255  # the centre square is all white
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", IMAGE), np.ones([32, 32, 3], np.float32))
    wide = SignalSpec("image", (32, 32, 3), -1.0, 3.0)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", wide), np.full([32, 32, 3], 3.0))


def test_resize_is_pils_bilinear(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, [90, 90, 3]).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR)) / 255
    np.testing.assert_allclose(load_image(tmp_path / "a.png", IMAGE), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_eight_bit_modes_become_rgb(tmp_path, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, (40, 40)).save(tmp_path / f"a.{suffix}")
    assert load_image(tmp_path / f"a.{suffix}", IMAGE).shape == (32, 32, 3)


def test_written_image_reads_back_as_its_rounding(tmp_path):
    image = np.random.RandomState(0).rand(32, 32, 3).astype(np.float32)
    images.write_image(tmp_path / "a.png", image, IMAGE)
    back = load_image(tmp_path / "a.png", IMAGE)
    assert np.abs(back - image).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(images.to_uint8(back, IMAGE), images.to_uint8(image, IMAGE))


def spoilt_files(folder):
    """Files that are no images and no sounds."""
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "whole.png")
    whole = (folder / "whole.png").read_bytes()
    soundfile.write(str(folder / "whole.wav"), tone(8000), 8000)
    return {"empty": b"", "text": b"hello", "truncated": whole[: len(whole) // 2], "header": whole[:20]}


@pytest.mark.parametrize("name", ["empty", "text", "truncated", "header"])
def test_spoilt_images_are_refused(tmp_path, name):
    (tmp_path / "a.png").write_bytes(spoilt_files(tmp_path)[name])
    with pytest.raises(InputError, match=r"a\.png: no readable image"):
        load_image(tmp_path / "a.png", IMAGE)


def test_sixteen_bit_images_are_refused(tmp_path):
    Image.fromarray(np.full([40, 40], 40000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="8 bits a channel"):
        load_image(tmp_path / "a.png", IMAGE)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_sound_is_brought_to_rate_length_and_level(tmp_path, rate, subtype):
    soundfile.write(str(tmp_path / "a.wav"), tone(rate), rate, subtype=subtype)
    loaded = load_sound(tmp_path / "a.wav", SOUND)
    assert loaded.shape == (8000,) and loaded.dtype == np.float32
    assert np.sqrt(np.mean(loaded**2)) == pytest.approx(0.1, rel=1e-4)
    assert np.abs(np.fft.rfft(loaded)).argmax() == 440


@pytest.mark.parametrize(
    "make",
    [
        make_tiny_word_cnn,
        lambda: VGGish("vggish_tiny", widths=(1, 1, 1, 1), fc_width=1, embedding_size=1),
        lambda: DeepSpeech("deepspeech_tiny", hidden=1),
    ],
    ids=["auditory CNN", "VGGish", "DeepSpeech"],
)
def test_every_sound_network_is_given_sounds_at_the_papers_level(tmp_path, make):
    signal = make().signal
    waveform = 0.02 + tone(signal.sample_rate, 1.5 * signal.shape[0] / signal.sample_rate, hz=330.0)
    soundfile.write(str(tmp_path / "a.wav"), waveform, signal.sample_rate, subtype="FLOAT")
    loaded = load_sound(tmp_path / "a.wav", signal).astype(np.float64)
    assert np.sqrt(np.mean(loaded**2)) == pytest.approx(0.1, rel=1e-5)  # docs/sources.md 6
    assert loaded.mean() == pytest.approx(0.0, abs=1e-7)


def test_sound_is_cut_to_its_middle(tmp_path):
    waveform = np.random.RandomState(0).randn(12000) * 0.1
    soundfile.write(str(tmp_path / "a.wav"), waveform, 8000, subtype="FLOAT")
    middle = waveform[2000:10000] - waveform[2000:10000].mean()
    assert np.corrcoef(load_sound(tmp_path / "a.wav", SOUND), middle)[0, 1] > 0.99999


def test_resampling_is_soxrs(tmp_path):
    waveform = np.random.RandomState(0).randn(40000) * 0.05
    soundfile.write(str(tmp_path / "a.wav"), waveform, 20000, subtype="DOUBLE")
    np.testing.assert_allclose(
        sounds.read_waveform(tmp_path / "a.wav", 8000), soxr.resample(waveform, 20000, 8000, quality="VHQ")
    )


def test_equal_channels_are_taken_as_one_and_others_refused(tmp_path):
    both = np.stack([tone(8000)] * 2, axis=1)
    soundfile.write(str(tmp_path / "same.wav"), both, 8000)
    assert load_sound(tmp_path / "same.wav", SOUND).shape == (8000,)
    assert sounds.conversions(tmp_path / "same.wav", SOUND)[0] == "2 equal channels taken as one"
    both[:, 1] *= 0.5
    soundfile.write(str(tmp_path / "other.wav"), both, 8000)
    with pytest.raises(InputError, match="2 channels that differ, expected mono"):
        load_sound(tmp_path / "other.wav", SOUND)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(9000), "silent"),
        (np.zeros(0), "empty"),
        (tone(8000, 0.5), "0.500 s is too short; this network takes 1.000 s"),
        (np.where(np.arange(9000) == 5, np.nan, 0.1), "NaN"),
        (tone(8000) * 32768, "divide 16-bit values by 32768"),
    ],
)
def test_sounds_the_network_cannot_take_are_refused(tmp_path, waveform, message):
    soundfile.write(str(tmp_path / "a.wav"), waveform, 8000, subtype="FLOAT")
    with pytest.raises(InputError, match=message):
        load_sound(tmp_path / "a.wav", SOUND)


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", b"not a sound at all"])
def test_spoilt_sounds_are_refused(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.wav: no readable sound"):
        load_sound(tmp_path / "a.wav", SOUND)


@pytest.mark.parametrize("extension", ["sph", "wv1", "WV2", "nist"])
def test_sphere_files_are_read(tmp_path, extension):
    steps = np.random.RandomState(0).randint(-32768, 32768, 12000).astype(np.int16)
    path = tmp_path / f"a.{extension}"
    soundfile.write(str(path), steps, 8000, format="NIST", subtype="PCM_16")
    assert path.read_bytes().startswith(b"NIST_1A")
    np.testing.assert_array_equal(sounds.read_waveform(path, 8000), steps / 32768)
    assert sounds.duration_s(path) == 1.5
    assert list(files.find_files([tmp_path], SOUND)) == ["a"]


@pytest.mark.parametrize("coding", ["pcm,embedded-shorten-v2.00", "ulaw,embedded-shorten-v1.1"])
def test_compressed_sphere_file_says_how_to_convert_it(tmp_path, coding):
    header = (
        f"NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
        f"sample_count -i 16000\nsample_coding -s{len(coding)} {coding}\nend_head\n"
    )
    (tmp_path / "a.wv1").write_bytes(header.encode().ljust(1024) + b"ajkg\2" + bytes(4000))
    for read in (lambda path: sounds.read_waveform(path, 16000), sounds.duration_s):
        with pytest.raises(InputError, match=r"compressed SPHERE file; .*`sph2pipe -f wav a\.wv1 a\.wav`"):
            read(tmp_path / "a.wv1")


def test_written_sound_reads_back_within_half_a_step_and_counts_clipping(tmp_path):
    waveform = tone(8000, 1.0)
    assert sounds.write_sound(tmp_path / "a.wav", waveform, SOUND) == 0
    assert np.abs(sounds.read_waveform(tmp_path / "a.wav", 8000) - waveform).max() <= 0.5 / 32768
    waveform[:3] = 1.5
    assert sounds.write_sound(tmp_path / "b.wav", waveform, SOUND) == 3


def test_folders_and_files_are_found_by_name(tmp_path):
    spoilt_files(tmp_path)
    assert list(files.find_files([tmp_path], IMAGE)) == ["whole"]
    with pytest.raises(InputError, match="no such file or folder"):
        files.find_files([tmp_path / "none"], IMAGE)
    with pytest.raises(InputError, match="takes an image"):
        files.find_files([tmp_path / "whole.wav"], IMAGE)
    with pytest.raises(InputError, match="would both be called 'whole'"):
        files.find_files([tmp_path, tmp_path / "whole.png"], IMAGE)
    (tmp_path / "sub").mkdir()
    with pytest.raises(InputError, match="holds no image files"):
        files.find_files([tmp_path / "sub"], IMAGE)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.random.RandomState(0).rand(32, 32, 3) * 255, "rescale"),
        (np.zeros([32, 32, 3], np.uint8), "floating-point"),
        (np.zeros([10, 32, 3]), "expected shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=message):
        files.load_signals({"a": tmp_path / "a.npy"}, IMAGE)


def test_zero_to_one_image_for_a_0_255_network_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.random.RandomState(0).rand(32, 32, 3))
    wide = SignalSpec("image", (32, 32, 3), 0.0, 255.0)
    with pytest.raises(InputError, match="multiply by 255"):
        files.load_signals({"a": tmp_path / "a.npy"}, wide)


def test_pickled_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"no readable \.npy"):
        files.load_signals({"a": tmp_path / "a.npy"}, IMAGE)


def test_array_that_fits_is_taken_as_it_is(tmp_path):
    array = np.random.RandomState(0).rand(32, 32, 3).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(files.load_signals({"a": tmp_path / "a.npy"}, IMAGE)["a"], array)


def test_espeak_speaks_and_refuses_unknown_voices():
    waveform, rate = speech.say("yes", "en-us")
    assert rate == 22050 and 0.2 < len(waveform) / rate < 1.0
    assert 0.05 < np.abs(waveform).max() < 1.0
    slow, _ = speech.say("yes", "en-us", words_per_minute=90)
    assert len(slow) > 1.2 * len(waveform)
    with pytest.raises(InputError, match="no voice"):
        speech.say("yes", "no-such-voice")


def test_demo_stimuli_are_photographs_and_centred_words(tmp_path):
    photographs = demo_stimuli.write_photographs(tmp_path / "photographs")
    loaded = files.load_signals(files.find_files([photographs], IMAGE), IMAGE)
    assert len(loaded) >= 15 and all(image.std() > 0.02 for image in loaded.values())
    words = demo_stimuli.write_words(tmp_path / "words")
    spoken = files.load_signals(files.find_files([words], SOUND), SOUND)
    assert len(spoken) >= 20
    for name, waveform in spoken.items():  # nothing of the word is cut off
        assert np.abs(waveform[:80]).max() < 0.05 * np.abs(waveform).max(), name


def test_a_network_of_images_takes_no_sound(tmp_path):
    soundfile.write(str(tmp_path / "a.wav"), tone(8000), 8000)
    with pytest.raises(InputError, match="kind 'image', no sound"):
        load_sound(tmp_path / "a.wav", IMAGE)
