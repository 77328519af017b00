"""Our metamers beside the recorded ones: the numbers, what counts as agreement, refusals."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import skimage.data
from PIL import Image

import model_metamers as mm
from model_metamers import criteria, runs
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


def compare(case, network, target, config, out, null=None, same_stimulus=True, seeds=1) -> dict:
    made = original_numbers.plans(case, network, target, config, out, null, seeds)
    runs.execute(made, progress=False)
    return original_numbers.compare(case, made, out, same_stimulus)


@pytest.fixture(scope="module")
def compared(recorded, tiny_vgg, small_images, tmp_path_factory):
    out = tmp_path_factory.mktemp("original")
    null = mm.null_distribution(tiny_vgg, ["conv2_2"], small_images, progress=False)
    case = dataclasses.replace(recorded, outside_null=True)
    found = compare(case, tiny_vgg, small_images[0], CONFIG, out, null, seeds=4)
    return out, found, null


def metamers_of(out, found) -> list:
    return [results.load(out / seed["metamer"]) for seed in found["seeds"]]


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
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1, 2, 3]
    assert [seed["metamer"] for seed in found["seeds"]] == [
        f"{below}vgg_tiny/conv2_2/cat" for below in ("", "seed_1/", "seed_2/", "seed_3/")
    ]
    for seed, metamer in zip(found["seeds"], metamers_of(out, found), strict=True):
        assert (metamer.network, metamer.layer, metamer.config.seed) == ("vgg_tiny", "conv2_2", seed["seed"])
        assert [row["iteration"] for row in seed["rows"]] == list(STEPS)
        assert [row["original_loss"] for row in seed["rows"]] == list(recorded.loss)
        for row in seed["rows"]:
            assert row["loss"] == metamer.loss[metamer.loss_iterations == row["iteration"]]
            assert row["ratio"] == row["loss"] / row["original_loss"]


def test_a_sixth_seed_lies_among_the_others(compared):
    """The recorded case is our own search from seed 5, and ours are from the seeds 0 to 3."""
    _, found, _ = compared
    ours = {check["check"]: check for check in found["checks"]}
    assert list(ours) == [
        "minimum of the target",
        "maximum of the target",
        "loss of the noise",
        "losses on the way",
        "final loss",
        "rho at fc8",
        "same class",
        "above the null",
    ]
    for name in list(ours)[:6]:
        assert ours[name]["agrees"] is True, ours[name]
    for name in ("losses on the way", "final loss", "rho at fc8"):
        place = ours[name]["place"]
        assert place["of"] == 4 and 1 <= place["rank"] <= 5
        assert place["low"] < place["least"] <= place["median"] <= place["most"] < place["high"]
        assert place["low"] <= ours[name]["original"] <= place["high"]


def test_checks_name_what_differs(compared, recorded):
    out, found, null = compared
    metamers = metamers_of(out, found)
    ours = {check["check"]: check for check in found["checks"]}
    mean = tuple(
        float(np.exp(np.mean([np.log(seed["rows"][i]["loss"]) for seed in found["seeds"]]))) for i in range(4)
    )
    equal = dataclasses.replace(
        recorded,
        loss=mean,
        spearman_logits=ours["rho at fc8"]["ours"],
        outside_null=bool(np.mean([criteria.check(m, null).above_null for m in metamers]) > 0.5),
        same_class=bool(np.mean([m.measurement.same_class for m in metamers]) > 0.5),
    )

    def differing(case, null=null, metamers=metamers):
        checks = original_numbers.make_checks(case, metamers, "fc8", null)
        return [check["check"] for check in checks if check["agrees"] is False]

    def untold(case, metamers):
        checks = original_numbers.make_checks(case, metamers, "fc8", None)
        return [check["check"] for check in checks if check["agrees"] is None]

    assert differing(equal) == [] and untold(equal, metamers) == []
    high, low = ours["final loss"]["place"]["high"], ours["final loss"]["place"]["low"]
    assert differing(dataclasses.replace(equal, loss=(*mean[:3], 0.99 * high))) == []
    assert differing(dataclasses.replace(equal, loss=(*mean[:3], 1.01 * high))) == ["final loss"]
    assert differing(dataclasses.replace(equal, loss=(*mean[:3], 0.99 * low))) == ["final loss"]
    hundredfold = dataclasses.replace(equal, loss=(mean[0], *(100 * v for v in mean[1:])))
    assert differing(hundredfold) == ["losses on the way", "final loss"]
    assert differing(dataclasses.replace(equal, loss=(1.2 * mean[0], *mean[1:]))) == ["loss of the noise"]
    assert differing(dataclasses.replace(equal, spearman_logits=-0.9)) == ["rho at fc8"]
    brighter = dataclasses.replace(equal, target_maximum=equal.target_maximum + 1 / 255)
    assert differing(brighter) == ["maximum of the target"]
    other = dataclasses.replace(equal, same_class=not equal.same_class, outside_null=not equal.outside_null)
    assert differing(other) == ["same class", "above the null"]
    assert differing(other, None) == ["same class"]
    of_seeds = ["losses on the way", "final loss", "rho at fc8"]
    assert untold(equal, metamers[:2]) == of_seeds and untold(equal, metamers[:3]) == []


def test_sentence_says_what_follows(compared, recorded, tiny_vgg, small_images, tmp_path):
    out, _, _ = compared
    again = compare(recorded, tiny_vgg, small_images[0], CONFIG, out, seeds=4)
    assert again["agrees"] is True
    assert "conv2_2: the original lies among ours of 4 seeds in all 7 checks" in again["sentence"]
    one = compare(recorded, tiny_vgg, small_images[0], CONFIG, out)
    assert one["agrees"] is None and "of 1 seed it cannot be told" in one["sentence"]
    far = dataclasses.replace(recorded, loss=tuple(100 * v for v in recorded.loss))
    found = compare(far, tiny_vgg, small_images[0], CONFIG, out)
    assert found["agrees"] is False
    assert "does not lie among ours of 1 seed; it differs in: loss of the noise." in found["sentence"]
    short = dataclasses.replace(CONFIG, iterations=10)
    found = compare(recorded, tiny_vgg, small_images[0], short, tmp_path / "short", seeds=3)
    assert found["agrees"] is None and [r["iteration"] for r in found["seeds"][0]["rows"]] == [0, 10]
    assert "after 10 of 30 iterations ours agree; the end is not compared" in found["sentence"]
    found = compare(far, tiny_vgg, small_images[0], short, tmp_path / "short")
    assert found["agrees"] is False
    found = compare(far, tiny_vgg, small_images[1], CONFIG, tmp_path / "other", same_stimulus=False)
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
        "--seeds=2",
        "--noprogress",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    out = tmp_path / "original"
    comparisons = json.loads((out / "comparison.json").read_text())["comparisons"]
    assert [(c["layer"], c["agrees"]) for c in comparisons] == [("conv1_2", None), ("conv5_4", None)]
    rows = list(csv.DictReader((out / "comparison.csv").open()))
    assert [(r["layer"], r["seed"], r["iteration"]) for r in rows] == [
        (layer, seed, "0") for layer in ("conv1_2", "conv5_4") for seed in "01"
    ]
    assert float(rows[0]["original_loss"]) == 37735337984.0 and float(rows[0]["loss"]) > 0
    written = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    of_one = ("metamer.json", "metamer.npz", "metamer.png", "target.png")
    assert written == {
        "flags.txt",
        "comparison.csv",
        "comparison.json",
        "original_comparison.png",
        "original_comparison.pdf",
        *(f"{below}vgg_19/settings.json" for below in ("", "seed_1/")),
        *(
            f"{below}vgg_19/{layer}/pocketwatch/{file}"
            for below in ("", "seed_1/")
            for layer in ("conv1_2", "conv5_4")
            for file in of_one
        ),
    }


def test_picture_is_loaded_as_the_notebook_did(tmp_path):
    """Central square, then a bilinear filter: 4 x 2 pixels become 2 x 2 of the middle."""
    pixels = np.zeros([2, 4, 3], np.uint8)
    pixels[:, 1] = 255
    Image.fromarray(pixels).save(tmp_path / "stripes.png")
    spec = mm.SignalSpec("image", (2, 2, 3), 0.0, 1.0)
    loaded = files.load_signal(tmp_path / "stripes.png", spec)
    np.testing.assert_array_equal(loaded[..., 0], [[1, 0], [1, 0]])
