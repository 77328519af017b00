"""Null distributions in folders: the binary, shards, kills, TFRecords; and inclusion."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.errors import InUseError
from model_metamers.runs import inclusion, null_planning, null_runs
from model_metamers.runs.folder import find_metamers
from model_metamers.runs.record import read_record
from model_metamers.signals import collection
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays
from tests.builders import binaries
from tests.builders.holders import holding
from tests.conftest import make_tiny_vgg


class Images(collection.Stimuli):
    """Random smooth images that are there without files."""

    def __init__(self, count: int):
        names = [f"image_{i}" for i in range(count)]
        super().__init__(names, names, f"digest of {count}")

    def __getitem__(self, index: int) -> np.ndarray:
        coarse = np.random.RandomState(index).rand(4, 4, 3).astype(np.float32)
        return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)


def null_run(network, out: Path, **changes) -> null_runs.NullRun:
    run = null_runs.NullRun(network, ("conv1_2", "fc7"), Images(60), out, pairs=500, block_size=12)
    return dataclasses.replace(run, **changes)


def test_shards_stops_and_starts_give_the_same_file(tmp_path, tiny_vgg, monkeypatch):
    whole = null_runs.measure(null_run(tiny_vgg, tmp_path / "whole"), progress=False)
    assert whole.layers["fc7"].pairs == 8 * 66
    for shard in (1, 0, 2):
        sharded = null_runs.measure(null_run(tiny_vgg, tmp_path / "shards"), shard, 3, progress=False)
        assert (sharded is None) == (shard != 2)
    write, written = null_runs.write_arrays, []

    def failing(path, rho):
        if len(written) in (2, 4, 5):
            written.append("cut")
            raise RuntimeError("power cut")
        written.append(path)
        write(path, rho)

    monkeypatch.setattr(null_runs, "write_arrays", failing)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="power cut"):
            null_runs.measure(null_run(tiny_vgg, tmp_path / "broken"), progress=False)
        with pytest.raises(InputError, match="not all blocks are measured yet"):
            null_runs.read(tmp_path / "broken")
    null_runs.measure(null_run(tiny_vgg, tmp_path / "broken"), progress=False)
    assert len([w for w in written if w != "cut"]) == 8  # no block was measured twice
    contents = {(tmp_path / name / "null.npz").read_bytes() for name in ("whole", "shards", "broken")}
    assert len(contents) == 1
    assert sorted(p.name for p in (tmp_path / "broken").iterdir()) == [
        "null.json",
        "null.npz",
        "settings.json",
    ]
    again = null_runs.read(tmp_path / "whole")
    assert again.maximum("fc7") == whole.maximum("fc7") and again.design == "blocks"
    assert json.loads((tmp_path / "whole" / "null.json").read_text())["layers"]["fc7"]["pairs"] == 528


@pytest.mark.parametrize("left", ["blocks", "no blocks", "no summary", "half of the blocks"])
def test_what_a_killed_run_left_beside_the_null_is_put_right(tmp_path, tiny_vgg, left):
    run = null_run(tiny_vgg, tmp_path)
    null_runs.measure(run, 0, 2, progress=False)
    blocks = {path.name: path.read_bytes() for path in (tmp_path / "blocks").iterdir()}
    null_runs.measure(run, 1, 2, progress=False)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if left == "no summary":
        (tmp_path / "null.json").unlink()
    else:
        (tmp_path / "blocks").mkdir()
        for name in list(blocks)[: {"blocks": 4, "no blocks": 0, "half of the blocks": 2}[left]]:
            (tmp_path / "blocks" / name).write_bytes(blocks[name])
    (tmp_path / ".run.lock").write_text("")
    (tmp_path / ".shard-1-of-3.lock").write_text("")
    assert null_runs.read(tmp_path).design == "blocks"
    null_runs.measure(run, progress=False)
    there = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".shard-1-of-3.lock"}
    assert there == whole


def test_a_killed_shard_does_not_hold_off_and_leaves_no_lock(tmp_path, tiny_vgg):
    (tmp_path / ".shard-0-of-1.lock").write_text("")
    (tmp_path / ".shard-1-of-3.lock").write_text("")
    null_runs.measure(null_run(tiny_vgg, tmp_path), progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null.json", "null.npz", "settings.json"]


@pytest.mark.parametrize(
    ("there", "ours", "refused"),
    [
        ((0, 1), (0, 1), True),
        ((1, 4), (1, 4), True),
        ((1, 4), (2, 4), False),
        ((0, 1), (3, 4), True),
        ((1, 2), (3, 4), True),
        ((1, 2), (2, 4), False),
        ((0, 2), (0, 3), True),
    ],
)
def test_shards_with_blocks_in_common_are_not_measured_at_once(tmp_path, tiny_vgg, there, ours, refused):
    run = null_run(tiny_vgg, tmp_path)
    with holding(tmp_path, "shard-{}-of-{}".format(*there)) as process:
        if refused:
            with pytest.raises(InUseError, match=f"is written to by process {process.pid} of"):
                null_runs.measure(run, *ours, progress=False)
        else:
            null_runs.measure(run, *ours, progress=False)
            assert (tmp_path / "blocks").is_dir()


def edit_null(folder: Path) -> None:
    arrays = read_arrays(folder / "null.npz")
    write_arrays(folder / "null.npz", {**arrays, "fc7/maximum": np.array(0.01)})


def edit_summary(folder: Path) -> None:
    path = folder / "null.json"
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0'))


@pytest.mark.parametrize("change", [edit_null, edit_summary, lambda f: (f / "null.npz").write_bytes(b"PK")])
def test_a_null_that_was_changed_is_refused_and_measured_again(tmp_path, tiny_vgg, change, caplog):
    caplog.set_level("INFO", "model_metamers")
    run = null_run(tiny_vgg, tmp_path, pairs=40)
    null_runs.measure(run, progress=False)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    change(tmp_path)
    with pytest.raises(InputError, match=r"null\.npz: (was changed after it was written|missing, truncated)"):
        null_runs.read(tmp_path)
    null_runs.measure(run, progress=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before
    assert "measured again" in caplog.text


def test_a_null_of_an_older_version_has_no_digest_until_it_is_asked_for_again(tmp_path, tiny_vgg):
    run = null_run(tiny_vgg, tmp_path, pairs=40)
    null = null_runs.measure(run, progress=False)
    values = json.loads((tmp_path / "null.json").read_text())
    assert values.pop("sha256") == null.digest
    for content in (json.dumps(values), "[1]", "{"):
        (tmp_path / "null.json").write_text(content)
        assert null_runs.read(tmp_path).digest == null_runs.read(tmp_path / "null.npz").digest == null.digest
        null_runs.measure(run, progress=False)
        assert json.loads((tmp_path / "null.json").read_text())["sha256"] == null.digest


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"])
def test_a_damaged_block_is_measured_again(tmp_path, tiny_vgg, content):
    whole = null_runs.measure(null_run(tiny_vgg, tmp_path / "whole", pairs=100), progress=False)
    run = null_run(tiny_vgg, tmp_path / "broken", pairs=100)
    assert null_runs.measure(run, 0, 2, progress=False) is None
    (tmp_path / "broken" / "blocks" / "block_000000.npz").write_bytes(content)
    assert null_runs.measure(run, 1, 2, progress=False) is None  # shard 0 lacks a block again
    assert null_runs.measure(run, 0, 2, progress=False).digest == whole.digest


def test_folder_of_other_settings_is_refused(tmp_path, tiny_vgg):
    null_runs.measure(null_run(tiny_vgg, tmp_path), progress=False)
    for change in ({"seed": 1}, {"pairs": 100}, {"stimuli": Images(61)}, {"network": make_tiny_vgg(1)}):
        with pytest.raises(InputError, match="other settings"):
            null_runs.measure(dataclasses.replace(null_run(tiny_vgg, tmp_path), **change), progress=False)


def write_records(path: Path, examples: list[dict[str, tf.train.Feature]]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(tf.train.Example(features=tf.train.Features(feature=example)).SerializeToString())
    return path


def test_image_records_are_read_by_place(tmp_path, tiny_vgg):
    images = [(Images(5)[i] * 255).astype(np.uint8) for i in range(5)]
    encoded = [tf.io.encode_png(image).numpy() for image in images]
    features = [
        {"image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))}
        for content in encoded
    ]
    path = write_records(tmp_path / "train-00000-of-00001.tfrecord", features)
    stimuli = collection.find_stimuli([path], tiny_vgg.signal)
    assert len(stimuli) == 5
    np.testing.assert_allclose(stimuli[3], images[3] / 255, atol=1e-6)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged or no TFRecord file"):
        collection.find_stimuli([path], tiny_vgg.signal)
    (tmp_path / "text.tfrecord").write_text("this is no record at all, is it?")
    with pytest.raises(InputError, match="damaged or no TFRecord file"):
        collection.find_stimuli([tmp_path / "text.tfrecord"], tiny_vgg.signal)


def test_sound_records_are_read_and_resampled(tmp_path, small_sounds, tiny_word_cnn):
    def record(values):
        return {"/stimuli/signal": tf.train.Feature(float_list=tf.train.FloatList(value=values))}

    path = write_records(tmp_path / "words.tfrecord", [record(s) for s in small_sounds])
    stimuli = collection.find_stimuli([path], tiny_word_cnn.signal)
    np.testing.assert_allclose(stimuli[1], small_sounds[1] - small_sounds[1].mean(), rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match="is too short"):
        collection.find_stimuli([path], tiny_word_cnn.signal, record_rate=8000)[0]
    with pytest.raises(InputError, match="no 'other', only /stimuli/signal"):
        collection.find_stimuli([path], tiny_word_cnn.signal, sound_key="other")[0]


def test_recordings_come_from_names(tmp_path, tiny_word_cnn, small_sounds):
    for i, sound in enumerate(small_sounds):
        soundfile.write(str(tmp_path / f"speaker{i // 2}_clip{i}.wav"), sound, 4000)
    stimuli = collection.find_stimuli([tmp_path], tiny_word_cnn.signal, r"^(\w+)_clip")
    assert stimuli.recordings == ["speaker0", "speaker0", "speaker1", "speaker1"]
    with pytest.raises(InputError, match="finds no group"):
        collection.find_stimuli([tmp_path], tiny_word_cnn.signal, r"(voice\d)")


@pytest.fixture(scope="module")
def metamers(tmp_path_factory, tiny_vgg, small_images) -> Path:
    """Metamers of two layers, and their null distribution in `null/`."""
    folder = tmp_path_factory.mktemp("run")
    stimuli = {"one": small_images[0], "two": small_images[1]}
    config = mm.SynthesisConfig(iterations=40)
    run = runs.Run(tiny_vgg, ("conv1_2", "fc7"), stimuli, {}, folder / "metamers", config)
    runs.prepare(run)
    list(runs.make(run, None, progress=False))
    null_runs.measure(null_run(tiny_vgg, folder / "null"), progress=False)
    return folder


def test_metamers_are_judged_and_counted(metamers, tiny_vgg):
    null = null_runs.read(metamers / "null")
    checked, problems = inclusion.check_folders(find_metamers(metamers), [null])
    assert not problems and len(checked) == 4
    for item in checked:
        assert item.verdict == mm.check(mm.load(item.folder), null)
    table = inclusion.table(checked, tiny_vgg.layers)
    assert [row["layer"] for row in table] == ["conv1_2", "fc7"]
    for row in table:
        items = [item for item in checked if item.layer == row["layer"]]
        assert row["made"] == 2 and row["included"] == sum(i.verdict.passes for i in items)
        assert row["rho_mean"] == pytest.approx(np.mean([i.verdict.rho for i in items]))
        assert row["null_max"] == null.maximum(row["layer"])


def test_networks_of_one_name_are_counted_by_their_weights(metamers, tiny_vgg):
    null = null_runs.read(metamers / "null")
    checked, _ = inclusion.check_folders(find_metamers(metamers), [null])
    others = [dataclasses.replace(item, weights="random:7") for item in checked]
    table = inclusion.table([*checked, *others], tiny_vgg.layers)
    made = [(row["weights"], row["layer"], row["made"]) for row in table]
    known = checked[0].weights
    assert sorted(made) == sorted((w, layer, 2) for w in (known, "random:7") for layer in ("conv1_2", "fc7"))


def test_what_cannot_be_judged_is_named_and_the_rest_done(metamers, tmp_path, tiny_vgg):
    folder = tmp_path / "metamers"
    shutil.copytree(metamers / "metamers", folder)
    one, two = folder / "vgg_tiny" / "conv1_2" / "one", folder / "vgg_tiny" / "conv1_2" / "two"
    (one / "metamer.npz").unlink()
    (two / "metamer.json").write_text('{"some": "other program\'s"}')
    (folder / "vgg_tiny" / "fc7" / "two" / "metamer.png").unlink()
    null = null_runs.read(metamers / "null")
    checked, problems = inclusion.check_folders(find_metamers(folder), [null])
    assert [(c.layer, c.stimulus) for c in checked] == [("fc7", "one")]
    messages = sorted(map(str, problems))
    assert any(str(one) in m and "missing" in m for m in messages)
    assert any(str(two) in m and "not a metamer of this program" in m for m in messages)
    assert any("metamer.png: missing" in m for m in messages)

    other_layer = dataclasses.replace(null, layers={"conv1_2": null.layers["conv1_2"]})
    with pytest.raises(InputError, match="no layer 'fc7'"):
        inclusion.check_folder(folder / "vgg_tiny" / "fc7" / "one", [other_layer])
    other_network = dataclasses.replace(null, checkpoint="random:9")
    with pytest.raises(InputError, match="the null distributions of vgg_tiny \\(random:9\\)"):
        inclusion.check_folder(folder / "vgg_tiny" / "fc7" / "one", [other_network])
    with pytest.raises(InputError, match="holds no metamers"):
        find_metamers(metamers / "null")


def test_run_takes_a_measured_null_of_its_own_network(metamers, tiny_vgg, small_images):
    null = null_runs.read(metamers / "null")
    run = runs.Run(
        tiny_vgg, ("fc7",), {"one": small_images[0]}, {}, metamers, mm.SynthesisConfig(iterations=1)
    )
    run = dataclasses.replace(run, null=null)
    runs.check(run)
    assert runs.measure_null(run) is null
    with pytest.raises(InputError, match="no layer 'conv2_2'"):
        runs.check(dataclasses.replace(run, layers=("conv2_2",)))
    with pytest.raises(InputError, match="measure one for it"):
        runs.check(dataclasses.replace(run, network=make_tiny_vgg(1)))


def run_binary(name: str, *flags: str):
    return binaries.run(name, *flags)


def test_binaries_write_verdicts_tables_and_figures(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(8):
        Image.fromarray((Images(8)[i] * 255).astype(np.uint8)).save(photos / f"{i}.png")
    made = run_binary(
        "make_metamers",
        "--network=vgg_19_small",
        "--layers=conv1_2",
        f"--inputs={photos}/0.png,{photos}/1.png",
        "--iterations=10",
        f"--out={tmp_path}/m",
        "--noprogress",
    )
    assert made.returncode == 0, made.stderr
    measured = run_binary(
        "make_null_distribution",
        "--network=vgg_19_small",
        f"--inputs={photos}",
        "--layers=conv1_2",
        f"--out={tmp_path}/null",
        "--noprogress",
    )
    assert measured.returncode == 0, measured.stderr
    assert measured.stdout.splitlines()[2].split()[:2] == ["conv1_2", "28"]
    (tmp_path / "m" / "vgg_19_small" / "conv1_2" / "1" / "metamer.npz").unlink()
    checked = run_binary(
        "check_metamers", f"--metamers={tmp_path}/m", f"--null={tmp_path}/null", f"--out={tmp_path}/verdicts"
    )
    assert checked.returncode == 1 and "conv1_2/1/metamer.npz" in checked.stderr
    assert sorted(p.name for p in (tmp_path / "verdicts").iterdir()) == [
        "table.csv",
        "verdicts.csv",
        "verdicts.json",
        "vgg_19_small_spearman.pdf",
        "vgg_19_small_spearman.png",
    ]
    rows = list(csv.DictReader((tmp_path / "verdicts" / "verdicts.csv").open()))
    record = read_record(tmp_path / "m" / "vgg_19_small" / "conv1_2" / "0")
    assert len(rows) == 1 and float(rows[0]["rho"]) == record.floats.measurement.spearman["conv1_2"]
    refused = run_binary(
        "make_null_distribution",
        "--network=vgg_19_small",
        f"--inputs={photos}",
        f"--out={tmp_path}/x",
        "--shard=4/4",
    )
    assert refused.returncode == 2 and "expected i/n with i from 0 to n - 1" in refused.stderr


def test_what_is_left_to_measure_is_planned_and_nothing_is_written(tmp_path, tiny_vgg):
    run = null_run(tiny_vgg, tmp_path / "out")
    plan = null_planning.plan(run)
    assert plan.all_blocks == len(run.blocks()) == len(plan.blocks) and not list(tmp_path.iterdir())
    assert plan.blocks[0] == (0, 12, 66) and plan.disk == 2 * 8 * 66 * plan.all_blocks
    assert plan.stimulus > 0 and plan.pair > 0 and plan.end > 0 and plan.seconds(2) < plan.seconds()
    assert null_runs.measure(run, 1, 3, progress=False) is None
    left = [place for place in range(plan.all_blocks) if place % 3 != 1]
    assert [block[0] for block in null_planning.plan(run).blocks] == left
    for shard in (0, 2):
        null_runs.measure(run, shard, 3, progress=False)
    assert null_planning.plan(run).blocks == []
