"""TensorBoard's files of searches hold what the metamers do, and change none of their bytes."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import model_metamers as mm
from model_metamers import runs
from model_metamers.errors import StorageError
from model_metamers.signals import images
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.watching import SearchSummaries


def make(network, signals, out, optimizer, iterations, **other):
    stimuli = {"one/1": signals[0], "two": signals[1]}
    config = mm.SynthesisConfig(iterations=iterations, optimizer=optimizer)
    run = runs.Run(network, [network.layers[1]], stimuli, {}, out, config, **other)
    runs.execute([run], progress=False)
    return run


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}


def numbers(entries):
    """Values by step."""
    values = [np.frombuffer(entry.tensor_proto.tensor_content, np.float32)[0] for entry in entries]
    return {entry.step: float(value) for entry, value in zip(entries, values, strict=True)}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [
        ("image", "lbfgs"),
        pytest.param("image", "adam", marks=SLOW),
        pytest.param("sound", "lbfgs", marks=SLOW),
    ],
)
def test_what_was_found_is_told_and_the_same_to_the_byte(tmp_path, request, kind, optimizer):
    network = request.getfixturevalue("tiny_vgg" if kind == "image" else "tiny_word_cnn")
    signals = request.getfixturevalue("small_images" if kind == "image" else "small_sounds")
    iterations, every = {"adam": (270, 250), "lbfgs": (60, 50)}[optimizer]
    plain = make(network, signals, tmp_path / "plain", optimizer, iterations)
    board = tmp_path / "board"
    told = make(network, signals, tmp_path / "told", optimizer, iterations, tensorboard_dir=board)
    layer = network.layers[1]
    for stimulus in ("one/1", "two"):
        one, other = (run.folder.metamer(layer, stimulus).arrays for run in (plain, told))
        assert one.read_bytes() == other.read_bytes()
        found = mm.load(other.parent)
        tags = read(board / network.name / layer / stimulus.replace("/", "_"))
        assert set(tags) == {"loss", "rho", "metamer", "target"}
        losses = numbers(tags["loss"])
        assert list(losses) == found.loss_iterations.tolist()
        np.testing.assert_array_equal(list(losses.values()), found.loss)
        rho = numbers(tags["rho"])
        assert list(rho) == [0, every, iterations] and rho[iterations] == np.float32(found.spearman[layer])
        assert [entry.step for entry in tags["metamer"]] == [0, every, iterations]
        assert [entry.step for entry in tags["target"]] == [0]
        for tag, signal in (("metamer", found.signal), ("target", found.target)):
            check_shown(tags[tag][-1].tensor_proto.string_val, signal, found.spec)


def check_shown(content, signal, spec):
    if spec.kind == "image":
        shown = np.asarray(Image.open(io.BytesIO(content[2])))  # after its width and height
        np.testing.assert_array_equal(shown, images.to_uint8(signal, spec))
    else:
        shown, rate = soundfile.read(io.BytesIO(content[0]))
        assert rate == spec.rate_hz
        np.testing.assert_allclose(shown, np.clip(signal, -1, 1), atol=1e-4)


def test_a_search_that_goes_on_tells_the_rest(tmp_path, tiny_vgg, small_images):
    config, layer = mm.SynthesisConfig(iterations=40, optimizer="lbfgs"), tiny_vgg.layers[1]
    search, targets = Search(tiny_vgg, layer, config), small_images[:1]

    def stop_at_20(step):
        if step >= 20:
            raise KeyboardInterrupt

    state = None
    for told, finished in ((stop_at_20, False), (None, True)):
        with SearchSummaries([tmp_path / "one"], tiny_vgg, layer, search.config, targets) as watch:
            state, done = search.run(targets, state=state, progress=False, told=told, watch=watch)
        assert done == finished
    losses = numbers(read(tmp_path / "one")["loss"])
    assert list(losses) == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(list(losses.values()), state.losses[::10, 0])


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path, tiny_vgg, small_images):
    (tmp_path / "file").write_text("in the way")
    config = mm.SynthesisConfig(iterations=1).for_network(tiny_vgg)
    with pytest.raises(StorageError, match="summaries cannot be written") as refused:
        SearchSummaries([tmp_path / "file" / "one"], tiny_vgg, "conv1_2", config, small_images[:1])
    assert "\n" not in str(refused.value)
