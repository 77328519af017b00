"""Metamers whose cochleagram is optimised: the view, the search, the results, the refusals."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, criteria, runs
from model_metamers.networks import cochleagram_view
from model_metamers.networks.auditory_cnn import AuditoryCNN, word_architecture
from model_metamers.networks.names import viewed_name
from model_metamers.networks.tasks import WORD_TASK
from model_metamers.networks.vggish import VGGish
from model_metamers.runs import inclusion, report, shown_files
from model_metamers.runs.folder import find_metamers
from model_metamers.runs.record import read_record
from model_metamers.synthesis import starts
from model_metamers.synthesis.matching import loss_and_gradient
from model_metamers.synthesis.search import Search
from tests.conftest import make_tiny_word_cnn


@pytest.fixture(scope="module")
def view(tiny_word_cnn) -> mm.Network:
    return mm.cochleagram_view(tiny_word_cnn)


@pytest.fixture(scope="module")
def cochleagrams(tiny_word_cnn, small_sounds) -> np.ndarray:
    return np.stack([cochleagram_view.to_cochleagram(tiny_word_cnn, sound) for sound in small_sounds])


def config(**changes) -> mm.SynthesisConfig:
    return dataclasses.replace(mm.SynthesisConfig(iterations=30, save_every=10, log_every=1), **changes)


def make_run(network, sounds, out, **changes) -> runs.Run:
    """Two targets and two further sounds for the null, at two layers."""
    names = [f"sound_{i}" for i in range(len(sounds))]
    given = dict(zip(names, sounds, strict=True))
    return runs.Run(
        network=network,
        layers=("conv_2", "logits"),
        stimuli={name: given[name] for name in names[:2]},
        null_stimuli={name: given[name] for name in names[2:]},
        out=out,
        config=config(**changes),
        batch_size=2,
    )


def test_view_is_the_same_network_from_the_cochleagram_on(tiny_word_cnn, view, small_sounds, cochleagrams):
    assert view.name == "word_tiny@cochleagram"
    assert viewed_name(view.name) == tiny_word_cnn.name
    assert view.stages == tiny_word_cnn.stages and view.layers == tiny_word_cnn.layers
    assert view.classes == tiny_word_cnn.classes and view.logits_stage == tiny_word_cnn.logits_stage
    assert view.signal.shape == (31, 50, 1) and view.signal.frontend == tiny_word_cnn.frontend
    assert view.checkpoint_digest == tiny_word_cnn.checkpoint_digest
    heard = tiny_word_cnn.activations(small_sounds, tiny_word_cnn.stages)
    seen = view.activations(heard["cochleagram"], view.stages)
    for stage in tiny_word_cnn.stages:
        np.testing.assert_array_equal(heard[stage], seen[stage], err_msg=stage)
    for sound, seen_alone in zip(small_sounds, cochleagrams, strict=True):
        alone = tiny_word_cnn.activations(sound[np.newaxis], ["cochleagram"])["cochleagram"][0]
        np.testing.assert_array_equal(alone, seen_alone)
    assert view.label(seen["logits"].numpy()) == tiny_word_cnn.label(heard["logits"].numpy())


def test_weights_are_the_same_variables():
    network = make_tiny_word_cnn()
    view = mm.cochleagram_view(network)
    signals = np.ones([1, *view.signal.shape], np.float32)
    before = view.logits(signals).numpy()
    network.weights["brain_network/conv_0/kernel"].assign_add(
        tf.ones_like(network.weights["brain_network/conv_0/kernel"])
    )
    assert not np.array_equal(view.logits(signals), before)


@pytest.mark.parametrize("layer", ["conv_2", "logits"])
def test_gradient_is_what_the_network_sends_to_its_cochleagram(tiny_word_cnn, view, small_sounds, layer):
    wanted = tiny_word_cnn.activations(small_sounds[:2], [layer])[layer]
    sounds = tf.constant(small_sounds[2:])
    with tf.GradientTape() as tape:
        tape.watch(sounds)
        stages = tiny_word_cnn.forward(sounds)
        loss = 0.5 * tf.reduce_sum((stages[layer].linear_gradient_output - wanted) ** 2)
    expected = tape.gradient(loss, stages["cochleagram"].value)
    _, gradient = loss_and_gradient(view, layer, "linear", stages["cochleagram"].value, wanted)
    assert np.any(gradient.numpy())
    np.testing.assert_array_equal(gradient, expected)


def test_start_is_the_cochleagram_of_the_sounds_start(tiny_word_cnn, view):
    noise = starts.start(tiny_word_cnn.signal, seed=4)
    expected = cochleagram_view.to_cochleagram(tiny_word_cnn, noise)
    np.testing.assert_allclose(starts.start(view.signal, seed=4), expected, rtol=1e-5)
    search = Search(view, "conv_2", config(iterations=1, seed=4))
    state, _ = search.run(starts.start(view.signal, seed=4), progress=False)
    assert state.losses[0] == 0.0  # the noise is its own target


def test_loss_falls_and_values_stay_at_or_above_zero(view, cochleagrams):
    metamer = mm.synthesize(
        view, "conv_2", cochleagrams[0], config(iterations=300, learning_rate=0.02), progress=False
    )
    assert metamer.loss[-1] < 0.1 * metamer.loss[0]
    assert metamer.signal.shape == view.signal.shape
    assert metamer.signal.min() == 0.0  # clipped: the search does go below


def test_stopping_and_continuing_gives_the_same_bits(view, cochleagrams):
    search = Search(view, "conv_2", config())
    saved = []
    unbroken, finished = search.run(cochleagrams[:2], save=saved.append, progress=False)
    assert finished and [s.step for s in saved] == [10, 20, 30]
    resumed, _ = search.run(cochleagrams[:2], state=saved[0], progress=False)
    for name, array in unbroken.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name])


def test_run_over_cochleagrams_beside_the_one_over_sounds(tiny_word_cnn, view, small_sounds, tmp_path):
    heard = make_run(tiny_word_cnn, small_sounds, tmp_path)
    seen = runs.over_cochleagrams(heard)
    nulls = {}
    for run in (heard, seen):
        runs.prepare(run)
        nulls[run.network.name] = null = runs.measure_null(run, progress=False)
        made = list(runs.make(run, null, progress=False))
        assert [(layer, name) for layer, name, _ in made] == [
            (layer, name) for layer in run.layers for name in run.stimuli
        ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["word_tiny", "word_tiny@cochleagram"]
    # The same rho of every pair, but for pairs whose cochleagrams are copies though the sounds are not.
    alike = len(nulls[view.name].copies) - len(nulls[tiny_word_cnn.name].copies)
    for layer in heard.layers:
        ours, theirs = (nulls[run.network.name].at(layer).counts for run in (heard, seen))
        assert (ours >= theirs).all() and (ours - theirs).sum() == alike < theirs.sum()

    folder = seen.folder.metamer("conv_2", "sound_0").path
    assert sorted(p.name for p in folder.iterdir()) == [
        "metamer.json",
        "metamer.npz",
        "metamer.png",
        "target.png",
    ]
    metamer, record = mm.load(folder), read_record(folder)
    assert metamer.spec == view.signal and record.signal.kind == "cochleagram"
    assert record.file.name == "metamer.npz"
    assert record.file.measurement == record.floats.measurement
    np.testing.assert_array_equal(
        shown_files.read_shown(folder / "metamer.npz", metamer.spec), metamer.signal
    )
    expected = criteria.measure(view, metamer.target, metamer.signal)
    assert metamer.spearman == pytest.approx(expected.spearman)

    section = report.network_results(seen, nulls[view.name])
    page = report.write_report(tmp_path, [section], "title", "command").read_text(encoding="utf-8")
    assert (folder / "metamer_cochleagram.png").exists() and (folder / "target_cochleagram.png").exists()
    assert "conv_2/sound_0/metamer_cochleagram.png" in page and "the cochleagram itself was optimised" in page
    assert "<audio" not in page

    # A null of the network is one of its view, and serves the verdicts.
    null = nulls[tiny_word_cnn.name]
    assert runs.measure_null(dataclasses.replace(seen, null=null)) is null
    checked, problems = inclusion.check_folders(find_metamers(seen.folder.path), [null])
    assert not problems and {item.network for item in checked} == {view.name}


def test_killed_run_ends_with_the_same_bytes(tiny_word_cnn, small_sounds, tmp_path, monkeypatch):
    whole, broken = (
        runs.over_cochleagrams(make_run(tiny_word_cnn, small_sounds, tmp_path / name, iterations=40))
        for name in ("whole", "broken")
    )
    runs.prepare(whole)
    list(runs.make(whole, None, progress=False))
    advance = Search._advance

    def killed(search, state, *args):
        if state.step >= 20:
            raise MemoryError
        return advance(search, state, *args)

    monkeypatch.setattr(Search, "_advance", killed)
    runs.prepare(broken)
    with pytest.raises(MemoryError):
        list(runs.make(broken, None, progress=False))
    assert len(list(broken.out.rglob(".search-*.npz"))) == 1
    monkeypatch.setattr(Search, "_advance", advance)
    again = runs.over_cochleagrams(make_run(tiny_word_cnn, small_sounds, tmp_path / "broken", iterations=40))
    runs.prepare(again)
    list(runs.make(again, None, progress=False))
    arrays = sorted(p.relative_to(whole.out) for p in whole.out.rglob("metamer.npz"))
    assert len(arrays) == 4
    for path in arrays:
        assert (whole.out / path).read_bytes() == (broken.out / path).read_bytes()
    assert not list(broken.out.rglob(".search-*"))


def test_another_seed_judges_the_metamer_and_another_front_end_is_refused(view):
    judge = mm.cochleagram_view(make_tiny_word_cnn(seed=1), view.signal)
    assert judge.signal == view.signal
    frontend = dataclasses.replace(view.signal.frontend, num_filters=21, high_hz=1500.0)
    other = AuditoryCNN(
        "word_other",
        word_architecture(True, (3, 4, 4, 5, 4), 8, {WORD_TASK: 6}),
        ("conv_2", "logits"),
        [f"word_{i}" for i in range(6)],
        frontend,
        num_samples=1000,
    )
    with pytest.raises(
        InputError, match=r"word_other cannot judge.*num_filters 31, not 21, high_hz 1800.0, not"
    ):
        mm.cochleagram_view(other, view.signal)


def test_networks_without_a_cochleagram_are_refused(tiny_vgg):
    vggish = VGGish(widths=(2, 2, 2, 2), fc_width=4, embedding_size=4)
    for network in (tiny_vgg, vggish):
        with pytest.raises(InputError, match=f"{network.name} has no cochleagram to begin at"):
            mm.cochleagram_view(network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x - 1.0, "a cochleagram is never below 0"),
        (lambda x: x[:30], r"expected shape \[batch, 31, 50, 1\]"),
        (lambda x: np.where(x > 0, np.nan, x), "NaN"),
        (lambda x: x.astype(np.int32), "floating-point"),
    ],
)
def test_targets_that_are_no_cochleagrams_are_refused(view, cochleagrams, change, message):
    with pytest.raises(InputError, match=message):
        mm.synthesize(view, "conv_2", change(cochleagrams[0]), config(), progress=False)


def test_a_spec_without_a_front_end_is_refused():
    with pytest.raises(InputError, match="needs its frontend"):
        mm.SignalSpec("cochleagram", (31, 50, 1), 0.0, np.inf)
