"""A run's folder in one plot."""

import shutil

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_vgg, small_images):
    out = tmp_path_factory.mktemp("run")
    stimuli = {f"image {i}": small_images[i] for i in range(3)}
    config = mm.SynthesisConfig(iterations=1)
    run = runs.Run(tiny_vgg, ["conv2_1", "conv1_2"], stimuli, {}, out, config)
    runs.execute([run], progress=False)
    return run


def test_every_metamer_is_a_point_and_every_null_maximum_a_line(made):
    drawn = mm.plot.run(made.out)
    records = [runs.read_record(place.path) for place in made.folder.metamers()]
    points = [round(float(y), 6) for c in drawn.collections[:-1] for y in c.get_offsets()[:, 1]]
    assert sorted(points) == sorted(round(r.floats.measurement.spearman[r.layer], 6) for r in records)
    limits = [segment[0][1] for segment in drawn.collections[-1].get_segments()]
    assert limits == [null.maximum for null in null_layers(made)]
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == ["conv1_2", "conv2_1"]
    assert "null maximum (3 pairs)" in [t.get_text() for t in drawn.get_legend().get_texts()]


def null_layers(made):
    null = runs.measure_null(made, progress=False)
    return [null.layers[layer] for layer in ("conv1_2", "conv2_1")]


def test_a_damaged_metamer_is_left_out(made, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(made.out, out)
    (out / made.network.name / "conv1_2" / "image 0" / "metamer.json").write_text("{")
    drawn = mm.plot.run(out / made.network.name)
    assert sum(len(c.get_offsets()) for c in drawn.collections[:-1]) == 5
    assert np.isfinite(drawn.get_xlim()).all()


def test_one_of_several_networks_must_be_named(made, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(made.folder.path, tmp_path / name)
    with pytest.raises(InputError, match=r"several networks \(a, b\); name the folder"):
        mm.plot.run(tmp_path)
