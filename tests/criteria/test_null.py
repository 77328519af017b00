"""The null distribution as a file: the same numbers back, or one line that says what is wrong."""

import dataclasses

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.criteria.null import BINS, LayerNull, LeftOut, NullDistribution
from model_metamers.criteria.null_file import read_null, write_null
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays

RHO = np.array([-0.1, 0.2, 0.2, 0.31])
NULL = NullDistribution(
    "vgg_tiny",
    "random:0",
    {
        "conv1_2": LayerNull(
            *(np.histogram(RHO, BINS)[0], -0.1, 0.31, 0.1525, 2, 3.5, 0.2, 0.31),
            *(0.3, 0.31, 1, 3, RHO[3:], RHO[2::-1]),
        ),
        "a/b": LayerNull(np.zeros(2000, np.int64), np.nan, np.nan, np.nan, 6, 0.0, np.nan, np.nan),
    },
    "blocks",
)


def test_null_reads_back(tmp_path):
    write_null(tmp_path / "n.npz", NULL, "digest")
    again, stimuli = read_null(tmp_path / "n.npz")
    assert (stimuli, again.network, again.checkpoint, again.design) == (
        "digest",
        "vgg_tiny",
        "random:0",
        "blocks",
    )
    assert list(again.layers) == list(NULL.layers)
    for layer, own in NULL.layers.items():
        for field in dataclasses.fields(own):
            np.testing.assert_array_equal(getattr(again.layers[layer], field.name), getattr(own, field.name))
    assert again.maximum("conv1_2") == 0.31 and again.at("conv1_2").pairs == 4
    with pytest.raises(InputError, match=r"no layer 'fc8', only conv1_2, a/b"):
        again.maximum("fc8")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"about": np.array("vgg")}, "no null distribution"),
        ({"about": np.array(["vgg", "random:0"])}, "no null distribution"),
        ({"layers": np.array("conv1_2")}, "no null distribution"),
        ({"layers": np.array(["conv9"])}, "conv9/counts"),
        ({"conv1_2/counts": np.zeros(3, int)}, "counts of conv1_2"),
        ({"conv1_2/counts": np.zeros(2000)}, "counts of conv1_2"),
        ({"conv1_2/maximum": np.array("high")}, "conv1_2/maximum"),
        ({"conv1_2/mean": np.zeros(2)}, "conv1_2/mean"),
    ],
)
def test_other_values_are_refused(tmp_path, changed, message):
    write_null(tmp_path / "n.npz", NULL, "digest")
    write_arrays(tmp_path / "n.npz", {**read_arrays(tmp_path / "n.npz"), **changed})
    with pytest.raises(InputError, match=message) as refused:
        read_null(tmp_path / "n.npz")
    assert "\n" not in str(refused.value) and "n.npz" in str(refused.value)


def test_the_digest_is_of_every_number_and_the_same_when_read_back(tmp_path):
    write_null(tmp_path / "n.npz", NULL, "digest")
    again, _ = read_null(tmp_path / "n.npz")
    turned = dataclasses.replace(NULL, layers=dict(reversed(NULL.layers.items())))
    assert again.digest == NULL.digest == turned.digest and len(NULL.digest) == 64
    conv = NULL.layers["conv1_2"]
    counts = conv.counts.copy()
    counts[[0, 1]] = counts[[1, 0]] + 1
    changes = {field.name: getattr(conv, field.name) + 1 for field in dataclasses.fields(conv)}
    layers = [dataclasses.replace(conv, **{name: value}) for name, value in changes.items()]
    layers.append(dataclasses.replace(conv, counts=counts))
    others = [dataclasses.replace(NULL, layers={**NULL.layers, "conv1_2": layer}) for layer in layers]
    others += [dataclasses.replace(NULL, **{name: "x"}) for name in ("network", "checkpoint", "design")]
    others.append(dataclasses.replace(NULL, layers={"conv1_2": conv}))
    assert len({NULL.digest, *(other.digest for other in others)}) == len(others) + 1


def test_a_null_of_an_older_version_is_read_and_keeps_its_digest(tmp_path):
    conv = LayerNull(np.histogram(RHO, BINS)[0], -0.1, 0.31, 0.1525, 2, 3.5, 0.2, 0.31)
    older = dataclasses.replace(NULL, layers={**NULL.layers, "conv1_2": conv})
    write_null(tmp_path / "n.npz", older, "digest")
    names = {"rule", "copies", "likeness", "copied_files"}
    arrays = read_arrays(tmp_path / "n.npz")
    ends = ("quantile_999", "quantile_9999", "_class_pairs", "_class_largest")
    kept = {name: a for name, a in arrays.items() if name not in names and not name.endswith(ends)}
    assert len(kept) == 2 + 2 * 8  # what files held until then
    write_arrays(tmp_path / "n.npz", kept)
    again, _ = read_null(tmp_path / "n.npz")
    # As the version before the rules gave it.
    assert again.digest == "9e9dbfa609ee0279af144f8a71acaea0555b51cab79029ec4f2b41c9d09cd7c6" == older.digest
    assert (again.rule, again.copies, again.copied_files) == ("maximum", (), ())
    assert again.limit("conv1_2") == 0.31 and np.isnan(again.at("conv1_2").same_class_share)


def test_what_was_left_out_and_the_rule_are_read_back(tmp_path):
    left = (LeftOut("a", "b", 0.98), LeftOut("c", "d", 1.0))
    kept = {"conv1_2": NULL.layers["conv1_2"]}
    own = dataclasses.replace(NULL, layers=kept, copies=left, copied_files=(("e", "a"),))
    own = own.by_rule("between_classes")
    write_null(tmp_path / "n.npz", own, "digest")
    again, _ = read_null(tmp_path / "n.npz")
    assert (again.rule, again.copies, again.copied_files) == (own.rule, left, (("e", "a"),))
    assert again.digest == own.digest and again.limit("conv1_2") == 0.2
    others = [dataclasses.replace(own, copies=()), dataclasses.replace(own, copied_files=())]
    assert len({own.digest, *(other.digest for other in others)}) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"rule": np.array("other")},
        {"rule": np.array(1.0)},
        {"copies": np.array([["a", "b", "c"]])},
        {"likeness": np.array([0.5])},
        {"copied_files": np.array(["a"])},
        {"conv1_2/same_class_pairs": np.array(-1)},
        {"conv1_2/same_class_largest": np.array([0.1, 0.2])},
        {"conv1_2/different_class_largest": np.array([2.0])},
    ],
)
def test_rules_and_copies_of_another_kind_are_refused(tmp_path, changed):
    write_null(tmp_path / "n.npz", NULL, "digest")
    write_arrays(tmp_path / "n.npz", {**read_arrays(tmp_path / "n.npz"), **changed})
    with pytest.raises(InputError, match="no null distribution of this program"):
        read_null(tmp_path / "n.npz")
