"""Figures 3b, 3d and 4 from results of simulated observers."""

import dataclasses

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.people import analysis, own_recognition, results
from model_metamers.people.curves_2019 import curve_of
from model_metamers.people.study import StudyFolder
from model_metamers.recognition.points import read_points
from model_metamers_experiments.figures import figure_3b, figure_4
from tests.builders.answered import make_recorded, write_own

_WORDS = {
    "word_aliased_small": ("cochleagram", "conv_0", "conv_2", "logits"),
    "word_reduced_aliasing_small": ("pool_0_0", "conv_2", "logits"),
    "word_reduced_aliasing_small=random:0": ("pool_0_0", "conv_2", "logits"),
    "environmental_reduced_aliasing_small": ("pool_0_0", "conv_2", "logits"),
}
_WEIGHTS = dict(zip(_WORDS, ("sha256:aa", "sha256:bb", "random:0", "sha256:cc"), strict=True))


def _results(folder, simulated=False, decision="sixteen", **kwargs):
    recorded = make_recorded(folder / "study", people=4, lists=4, trials=4, contrasts=(), **kwargs)
    if simulated:
        answers, sessions = (
            [dataclasses.replace(one, simulated=True) for one in many]
            for many in (recorded.answers, recorded.sessions)
        )
        recorded = dataclasses.replace(recorded, answers=answers, sessions=sessions)
    path = write_own(folder / "judgements.csv", StudyFolder(folder / "study"), decision=decision)
    own = own_recognition.read_own(path, recorded.shown, decision)
    found = analysis.analyse(recorded, None, own, analysis.Settings(resamples=20, halvings=5))
    (folder / "results").mkdir()
    results.write(folder / "results", found)
    return folder / "results"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return _results(tmp_path_factory.mktemp("images"), stimuli=160)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    accuracies = {"natural": 0.9, **{f"{n}/{layer}": 0.5 for n, those in _WORDS.items() for layer in those}}
    kwargs = {"layers": _WORDS, "weights": _WEIGHTS, "words": True, "choices": [f"w{i}" for i in range(200)]}
    folder = tmp_path_factory.mktemp("words")
    return _results(folder, True, "classes", accuracies=accuracies, stimuli=400, **kwargs)


def _people(axes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Heights and half lengths of the error bars, by label."""
    found = {}
    for container in axes.containers:
        line, _, (bars,) = container.lines
        half = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
        found[container.get_label()] = (line.get_ydata(), np.array(half))
    return found


def _lines(axes, label):
    return [line for line in axes.get_lines() if line.get_label() == label]


def _ticks(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def _legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_figure_3b_is_the_results(images):
    figure = figure_3b.draw([images])
    assert [axes.get_title() for axes in figure.axes] == ["resnet_v2_small", "vgg_19_small"]
    assert figure.get_suptitle() == ""
    points = read_points([images])
    for axes in figure.axes:
        generator = axes.get_title()
        own = [p for p in points if p.generator.name == generator]
        people, network = ([p for p in own if (p.judge == p.generator) == which] for which in (False, True))
        ((heights, bars),) = _people(axes).values()
        assert heights.tolist() == [p.proportion for p in people]
        np.testing.assert_allclose(bars, [p.sem for p in people], atol=1e-12)
        assert _ticks(axes) == ["natural", *(p.layer for p in people[1:])]
        assert [p.proportion for p in network] in [list(line.get_ydata()) for line in axes.get_lines()]
        (before,) = _lines(axes, "people, 2019")
        known = curve_of(generator)
        assert list(before.get_ydata()) == [known.natural, *(known.layers[p.layer] for p in people[1:])]
        assert before.get_color() == "0.6"
        (chance,) = _lines(axes, "chance")
        assert set(chance.get_ydata()) == {1 / 16}
    assert _legend(figure) == ["people", "the network itself", "people, 2019", "chance"]


def test_figure_3b_chooses_and_names(images):
    figure = figure_3b.draw([images], generators=["vgg_19_small"], names={"vgg_19_small": "VGG-19"})
    assert [axes.get_title() for axes in figure.axes] == ["VGG-19"]


def test_figure_3d_is_of_the_network_with_aliasing_and_says_that_it_is_simulated(words):
    figure = figure_3b.draw([words], "words")
    (axes,) = figure.axes
    assert axes.get_title() == "word_aliased_small"
    assert _ticks(axes) == ["natural", "inv. cochleagram", "conv_0", "conv_2", "logits"]
    assert figure.get_suptitle() == "simulated observers, not people"
    assert _legend(figure)[0] == "simulated observers"


def test_figure_4_compares_aliasing_training_and_task(words):
    figure = figure_4.draw([words])
    assert [axes.get_title() for axes in figure.axes] == ["aliasing", "training", "task"]
    aliasing, training, task = (_people(axes) for axes in figure.axes)
    reduced = "word-trained, reduced aliasing"
    assert list(aliasing) == [reduced, "word-trained, aliased"]
    assert list(training) == [reduced, "random weights, reduced aliasing"]
    assert list(task) == [reduced, "AudioSet-trained, reduced aliasing"]
    # All share the one inverted cochleagram.
    values = {line[0][1] for panel in (aliasing, training, task) for line in panel.values()}
    (inverted,) = [p for p in read_points([words]) if p.layer == "cochleagram" and p.judge.kind == "person"]
    assert values == {inverted.proportion}
    assert _ticks(figure.axes[0])[2:] == ["pool_0_0 / conv_0", "conv_2", "logits"]
    # 2019 had none of networks without training.
    assert [len(_lines(axes, "people, 2019")) for axes in figure.axes] == [2, 1, 1]


def test_figure_4_leaves_out_what_has_no_others(words):
    generators = ["word_reduced_aliasing_small=bb", "word_aliased_small"]
    figure = figure_4.draw([words], generators=generators)
    assert [axes.get_title() for axes in figure.axes] == ["aliasing"]
    with pytest.raises(InputError, match="compares a trained word network of reduced aliasing with others"):
        figure_4.draw([words], generators=["word_aliased_small"])


def test_results_without_such_people_are_refused(images, words):
    with pytest.raises(InputError, match="nobody judged metamers of words in these results"):
        figure_3b.draw([images], "words")
    with pytest.raises(InputError, match="nobody judged metamers of words"):
        figure_4.draw([images])
    with pytest.raises(InputError, match="no generating network 'alexnet'"):
        figure_3b.draw([images], generators=["alexnet"])


def test_people_of_several_studies_are_not_mixed(images, words, tmp_path):
    text = (images / "recognition.csv").read_text()
    rows = [line for line in text.splitlines(keepends=True) if not line.startswith(("vgg", "resnet"))]
    other = "".join(rows).replace(",person:", ",person:f")
    (tmp_path / "recognition.csv").write_text(other)
    with pytest.raises(InputError, match=r"of several studies .*name one with --judges"):
        figure_3b.draw([images, tmp_path])
    judge = next(p.judge for p in read_points([tmp_path]))
    figure = figure_3b.draw([images, tmp_path], judges=[f"people={judge.weights}"])
    assert len(figure.axes) == 2
