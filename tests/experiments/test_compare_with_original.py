"""Our metamers beside the recorded ones: the numbers, what counts as agreement, refusals."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import skimage.data
from PIL import Image

import model_metamers as mm
from model_metamers import runs
from model_metamers.runs import results
from model_metamers.signals import files
from model_metamers.storage.writing import write_json
from model_metamers_experiments import original_numbers
from model_metamers_experiments.figures import original_comparison
from tests.builders import binaries
from tests.conftest import make_tiny_vgg

STEPS = (0, 10, 20, 30)
CONFIG = mm.SynthesisConfig(iterations=30, learning_rate=0.01)


@pytest.fixture(scope="module")
def recorded(tiny_vgg, small_images) -> original_numbers.OriginalCase:
    """What another program would have printed: a metamer from other noise."""
    config = dataclasses.replace(CONFIG, seed=5)
    metamer = mm.synthesize(tiny_vgg, "conv2_2", small_images[0], config, progress=False)
    losses = dict(zip(metamer.loss_iterations.tolist(), metamer.loss.tolist(), strict=True))
    return original_numbers.OriginalCase(
        network="vgg_tiny",
        layer="conv2_2",
        original_layer="conv2_2_jittered_relu",
        notebook="a notebook",
        stimulus="assets/cat.png",
        stimulus_sha256="0" * 64,
        target_minimum=float(small_images[0].min()),
        target_maximum=float(small_images[0].max()),
        spearman_layer=None,
        spearman_logits=metamer.spearman["fc8"],
        same_class=metamer.measurement.same_class,
        outside_null=False,
        iterations=STEPS,
        loss=tuple(losses[step] for step in STEPS),
    )


def compare(case, network, target, config, out, null=None, same_stimulus=True) -> dict:
    run = original_numbers.plan(case, network, target, config, out, null)
    runs.execute([run], progress=False)
    return original_numbers.compare(case, run, same_stimulus)


@pytest.fixture(scope="module")
def compared(recorded, tiny_vgg, small_images, tmp_path_factory):
    out = tmp_path_factory.mktemp("original")
    null = mm.null_distribution(tiny_vgg, ["conv2_2"], small_images, progress=False)
    case = dataclasses.replace(recorded, outside_null=True)
    found = compare(case, tiny_vgg, small_images[0], CONFIG, out, null)
    return out, found, null


def test_recorded_numbers_are_those_of_the_notebooks():
    vgg = original_numbers.read_cases("vgg_19")
    word = original_numbers.read_cases("word_reduced_aliasing_released")
    assert [c.layer for c in vgg + word] == ["conv1_2", "conv5_4", "pool_0_0", "conv_4"]
    for case in vgg + word:
        assert case.iterations == tuple(range(0, 15001, 1000)) and len(case.loss) == 16
        assert case.same_class and case.outside_null and len(case.stimulus_sha256) == 64
    assert [(c.loss[0], c.loss[-1]) for c in vgg + word] == [
        (37735337984.0, 3753.022705),
        (3655203.0, 2048.242188),
        (14478.796875, 13.933086),
        (17961.226562, 0.491349),
    ]
    assert [c.spearman_layer for c in vgg + word] == [0.999934, 0.976902, None, None]
    assert vgg[0].target_maximum == 0.988235
    assert "bb9bb57" in original_numbers.read_source()["commit"]


def test_losses_stand_side_by_side(compared, recorded):
    out, found, _ = compared
    metamer = results.load(out / found["metamer"])
    assert (metamer.network, metamer.layer, metamer.stimulus) == ("vgg_tiny", "conv2_2", "cat")
    assert [row["iteration"] for row in found["rows"]] == list(STEPS)
    assert [row["original_loss"] for row in found["rows"]] == list(recorded.loss)
    for row in found["rows"]:
        assert row["loss"] == metamer.loss[metamer.loss_iterations == row["iteration"]]
        assert row["ratio"] == row["loss"] / row["original_loss"]


def test_checks_name_what_differs(compared, recorded, tiny_vgg, small_images):
    out, found, null = compared
    ours = {check["check"]: check for check in found["checks"]}
    assert list(ours) == [
        "minimum of the target",
        "maximum of the target",
        "loss of the noise",
        "typical factor between the losses",
        "final loss",
        "rho at fc8",
        "same class",
        "above the null",
    ]
    for name in list(ours)[:5] + ["same class"]:
        assert ours[name]["agrees"], found["sentence"]

    metamer = results.load(out / found["metamer"])
    equal = dataclasses.replace(
        recorded,
        loss=tuple(row["loss"] for row in found["rows"]),
        spearman_layer=metamer.spearman["conv2_2"],
        spearman_logits=metamer.spearman["fc8"],
        outside_null=ours["above the null"]["ours"],
        same_class=metamer.measurement.same_class,
    )

    def differing(case, null=null):
        checks = original_numbers.make_checks(case, metamer, "fc8", null)
        return [check["check"] for check in checks if not check["agrees"]]

    loss = equal.loss
    assert differing(equal) == []
    assert differing(dataclasses.replace(equal, loss=(loss[0], *(1.9 * v for v in loss[1:])))) == []
    assert differing(dataclasses.replace(equal, loss=(1.2 * loss[0], *loss[1:]))) == ["loss of the noise"]
    assert differing(dataclasses.replace(equal, loss=(*loss[:3], 2.1 * loss[3]))) == ["final loss"]
    assert differing(dataclasses.replace(equal, loss=(*loss[:2], 9 * loss[2], loss[3]))) == []
    threefold = dataclasses.replace(equal, loss=(loss[0], *(v / 3 for v in loss[1:])))
    assert differing(threefold) == ["typical factor between the losses", "final loss"]
    lower = dataclasses.replace(equal, spearman_layer=metamer.spearman["conv2_2"] - 0.011)
    assert differing(lower) == ["rho at conv2_2"]
    brighter = dataclasses.replace(equal, target_maximum=equal.target_maximum + 1 / 255)
    assert differing(brighter) == ["maximum of the target"]
    other = dataclasses.replace(equal, same_class=not equal.same_class, outside_null=not equal.outside_null)
    assert differing(other) == ["same class", "above the null"]
    assert differing(other, None) == ["same class"]


def test_sentence_says_what_follows(compared, recorded, tiny_vgg, small_images, tmp_path):
    out, _, _ = compared
    again = compare(recorded, tiny_vgg, small_images[0], CONFIG, out)
    assert again["agrees"] is all(check["agrees"] for check in again["checks"])
    far = dataclasses.replace(recorded, loss=tuple(100 * v for v in recorded.loss))
    found = compare(far, tiny_vgg, small_images[0], CONFIG, out)
    assert found["agrees"] is False
    assert "does not agree with the original; it differs in: loss of the noise, " in found["sentence"]
    short = dataclasses.replace(CONFIG, iterations=10)
    found = compare(recorded, tiny_vgg, small_images[0], short, tmp_path / "short")
    assert found["agrees"] is None and [row["iteration"] for row in found["rows"]] == [0, 10]
    assert "after 10 of 30 iterations ours agrees; the end is not compared" in found["sentence"]
    found = compare(recorded, tiny_vgg, small_images[1], CONFIG, tmp_path / "other", same_stimulus=False)
    assert found["agrees"] is None and "not the original's" in found["sentence"]
    with pytest.raises(mm.InputError, match="measure one for it"):
        null = mm.null_distribution(make_tiny_vgg(1), ["conv2_2"], small_images, progress=False)
        compare(recorded, tiny_vgg, small_images[0], CONFIG, out, null)


def test_figure_reads_the_saved_results(compared, tmp_path):
    out, found, _ = compared
    write_json(out / "comparison.json", {"source": {}, "comparisons": [found]})
    drawn = original_comparison.draw(out)
    assert [path.name for path in drawn] == ["original_comparison.png", "original_comparison.pdf"]
    with Image.open(drawn[0]) as image:
        assert image.width > 300
    with pytest.raises(mm.InputError, match=r"comparison\.json: no results of compare_with_original"):
        original_comparison.draw(tmp_path)


def run_binary(*flags: str, cwd):
    return binaries.run("compare_with_original", *flags, cwd=cwd)


REFUSALS = [
    ("", "nothing to compare yet", "fetch_checkpoint --network=vgg_19", "assets/"),
    ("--vgg_checkpoint=random:0", "--vgg_image is missing", "pocketwatch.jpg"),
    ("--word_sound=cat.png --word_pickle=x", "belong together"),
    ("--vgg_image=cat.png", "is not the authors' assets/pocketwatch.jpg", "--allow_other_stimulus"),
]


@pytest.mark.parametrize(
    ("flags", "messages"), [(r[0], r[1:]) for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_what_is_missing_is_named_before_any_work(tmp_path, flags, messages):
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")
    result = run_binary(*flags.split(), cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    for message in messages:
        assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]


@pytest.mark.slow
def test_binary_on_untrained_weights(tmp_path):
    """The whole path at paper size, two iterations; the numbers of such weights must not agree."""
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")
    result = run_binary(
        "--vgg_image=cat.png",
        "--vgg_checkpoint=random:0",
        "--allow_other_stimulus",
        "--iterations=2",
        "--noprogress",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    out = tmp_path / "original"
    comparisons = json.loads((out / "comparison.json").read_text())["comparisons"]
    assert [(c["layer"], c["agrees"]) for c in comparisons] == [("conv1_2", None), ("conv5_4", None)]
    rows = list(csv.DictReader((out / "comparison.csv").open()))
    assert [(r["layer"], r["iteration"]) for r in rows] == [("conv1_2", "0"), ("conv5_4", "0")]
    assert float(rows[0]["original_loss"]) == 37735337984.0 and float(rows[0]["loss"]) > 0
    written = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    of_one = ("metamer.json", "metamer.npz", "metamer.png", "target.png")
    assert written == {
        "flags.txt",
        "comparison.csv",
        "comparison.json",
        "original_comparison.png",
        "original_comparison.pdf",
        "vgg_19/settings.json",
        *(f"vgg_19/{layer}/pocketwatch/{file}" for layer in ("conv1_2", "conv5_4") for file in of_one),
    }


def test_picture_is_loaded_as_the_notebook_did(tmp_path):
    """Central square, then a bilinear filter: 4 x 2 pixels become 2 x 2 of the middle."""
    pixels = np.zeros([2, 4, 3], np.uint8)
    pixels[:, 1] = 255
    Image.fromarray(pixels).save(tmp_path / "stripes.png")
    spec = mm.SignalSpec("image", (2, 2, 3), 0.0, 1.0)
    loaded = files.load_signal(tmp_path / "stripes.png", spec)
    np.testing.assert_array_equal(loaded[..., 0], [[1, 0], [1, 0]])
