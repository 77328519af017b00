"""The page of a run: links to every name, and pictures of own networks' sounds."""

import base64
import html
import re
import urllib.parse
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.runs import live_page, report
from tests.conftest import make_tiny_vgg

NAMES = (
    "#1 photo",
    "what?",
    "50%25 off",
    "cost $5 and $6",
    'it\'s "quoted" <b>&amp;',
    "a..b",
    "a/b",
    ".hidden",
    "Café 日本語",
    "x" * 250,
    "javascript:alert(1)",
    "data:text,html",
    '"><script>alert(1)<',
    "<img src=x onerror=alert(1)>",
    "//host",
    "{{ 7 * 7 }}",
    "=HYPERLINK(1)",
)


def perform(run: runs.Run) -> str:
    """Runs everything; the page's text."""
    runs.prepare(run)
    null = runs.measure_null(run, progress=False)
    records = list(runs.make(run, null, progress=False))
    assert all(isinstance(made.record, runs.Record) for made in records)
    page = report.write_report(run.out, [report.network_results(run, null)], "title", "command")
    return page.read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    """Where a browser looks for what the page shows."""
    found = [urllib.parse.urlsplit(html.unescape(link)) for link in re.findall(r'src="([^"]*)"', text)]
    assert not any(link.query or link.fragment or link.scheme for link in found)
    return [urllib.parse.unquote(link.path) for link in found]


def test_every_name_has_its_files_linked(tmp_path, small_images):
    network = make_tiny_vgg()
    network._label = "javascript:lab/net #2 100%"
    stimuli = {name: small_images[i % 4] for i, name in enumerate(NAMES)}
    run = runs.Run(
        network, ["conv1_2"], stimuli, {}, tmp_path / "a b#c", mm.SynthesisConfig(iterations=1), len(stimuli)
    )
    text = perform(run)
    assert text.count("<script") == 1 and "<img src=x" not in text and ">49<" not in text
    there = links(text)
    assert len(there) == 3 * len(NAMES) + 1  # target, metamer and loss of each; the histogram
    for link in there:
        assert (run.out / link).is_file(), link
    shown = {html.unescape(name) for name in re.findall(r"<h3>(.*?)</h3>", text)}
    assert {name for name in NAMES if "/" not in name and name[0] != "."} <= shown
    assert [p.name for p in run.out.iterdir() if p.is_dir()] == ["javascript:lab_net #2 100%"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x" * 256], "cannot be a folder's name"),
        (["é" * 128], "cannot be a folder's name"),
        (["\udce9"], "cannot be a folder's name"),
        (["a/b", "a_b"], "would share a folder"),
    ],
)
def test_names_that_no_folder_can_bear_are_refused_before_the_search(tmp_path, small_images, names, message):
    run = runs.Run(
        make_tiny_vgg(),
        ["conv1_2"],
        {name: small_images[0] for name in names},
        {},
        tmp_path,
        mm.SynthesisConfig(iterations=1),
    )
    with pytest.raises(InputError, match=message):
        runs.prepare(run)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rate", "num_samples", "rms"),
    [(4000, 4000, 0.1), (11025, 5511, 0.1), (44100, 8820, None), (8000, 400, 0.1)],
)
def test_own_sound_networks_of_any_rate_get_their_page(tmp_path, rate, num_samples, rms):
    keras.utils.set_random_seed(0)
    given = keras.Input((num_samples, 1))
    found = keras.layers.Conv1D(3, 16, 4, activation="relu", name="conv")(given)
    out = keras.layers.Dense(3, name="out")(keras.layers.GlobalAveragePooling1D()(found))
    network = mm.from_keras(
        keras.Model(given, out, name=f"own_{rate}"),
        ["conv", "out"],
        mm.SignalSpec("sound", (num_samples,), -1.0, 1.0, sample_rate=rate, rms=rms),
        preprocess=lambda sounds: tf.expand_dims(sounds, -1),
    )
    stimuli = {str(i): 0.1 * np.random.RandomState(i).randn(num_samples) for i in range(2)}
    run = runs.Run(network, ["conv"], stimuli, {}, tmp_path, mm.SynthesisConfig(iterations=1))
    there = links(perform(run))
    assert sum(link.endswith("_cochleagram.png") for link in there) == 4
    assert all((tmp_path / link).stat().st_size for link in there)


@pytest.mark.parametrize(
    ("size", "style"), [(32, ""), (159, ""), (160, "--picture: 160px"), (224, "--picture: 224px")]
)
def test_large_images_are_shown_at_their_own_size(size, style):
    shown = report.own_width(mm.SignalSpec("image", (size, size, 3), 0.0, 1.0))
    assert (f"--picture: {shown}px" if shown else "") == style


def test_sounds_have_no_width_of_their_own():
    assert report.own_width(mm.SignalSpec("sound", (8000,), -1.0, 1.0, 8000)) is None


def finished(
    tmp_path, network, images, layers=("conv1_2", "conv2_1"), **page
) -> tuple[runs.Run, runs.Executed]:
    stimuli = {f"image {i}": images[i] for i in range(4)}
    run = runs.Run(network, layers, stimuli, {}, tmp_path / "out", mm.SynthesisConfig(iterations=3), 2)
    return run, runs.execute([run], page=runs.Page("title", "command", **page), progress=False)


def test_a_table_on_top_counts_what_the_records_say(tmp_path, tiny_vgg, small_images):
    run, done = finished(tmp_path, tiny_vgg, small_images)
    text = done.page.read_text(encoding="utf-8")
    table = re.search(r'<table class="summary">(.*?)</table>', text, re.S)[1]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.S)[1:]]
    for row, layer in zip(rows, run.layers, strict=True):
        records = [one.record for one in done.made if one.layer == layer]
        verdicts = [record.floats.verdict for record in records]
        rho = np.mean([verdict.rho for verdict in verdicts])
        passed = str(sum(verdict.passes for verdict in verdicts))
        assert row == [layer, "4", passed, f"{rho:.4f}", f"{verdicts[0].null_max:.4f}", "6"]
    assert text.count("(6 pairs)</span>") == 8 and "make_null_distribution" in text
    assert text.count('loading="lazy"') == text.count("<img") and "The run goes on" not in text


def test_a_page_in_one_file_holds_every_picture_and_sound(tmp_path, tiny_word_cnn, small_sounds):
    layers = tiny_word_cnn.layers[:1]
    run, done = finished(tmp_path, tiny_word_cnn, small_sounds, layers, single_file=True)
    linked, own = (path.read_text(encoding="utf-8") for path in (done.page, run.folder.single_page))
    files = re.findall(r'src="([^"]*)"', own)
    assert len(files) == len(links(linked)) and all(file.startswith("data:") for file in files)
    for file, link in zip(files, links(linked), strict=True):
        kind, _, content = file.removeprefix("data:").partition(";base64,")
        assert kind in ("image/png", "audio/wav", "audio/x-wav")
        if not link.endswith("spearman.png"):  # drawn again
            assert base64.b64decode(content) == (run.out / link).read_bytes()
    assert re.sub(r'src="[^"]*"', "", own) == re.sub(r'src="[^"]*"', "", linked)


def test_the_page_is_there_while_the_run_goes_on(tmp_path, tiny_vgg, small_images, monkeypatch):
    monkeypatch.setattr(live_page, "_SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(live_page, "_SECONDS_BETWEEN_PAGES", 0.0)
    monkeypatch.setattr(live_page, "_MOST_OF_THE_TIME", 1e9)
    seen = []
    write = report.write_report

    def noting(*args, **how):
        path = write(*args, **how)
        seen.append(re.findall(r"(\d+) of (\d+) metamers were there", path.read_text(encoding="utf-8")))
        return path

    monkeypatch.setattr(report, "write_report", noting)
    finished(tmp_path, tiny_vgg, small_images)
    assert len(seen) >= 2 and seen[-1] == []
    counts = [int(found[0][0]) for found in seen[:-1]]
    assert counts == sorted(counts) and 0 < counts[0] < 8 and all(found[0][1] == "8" for found in seen[:-1])


def test_pages_of_a_run_that_goes_on_leave_most_of_the_time_to_the_search(monkeypatch, tmp_path):
    now, written, there = [0.0], [], []
    run = SimpleNamespace(layers=["a"], folder=SimpleNamespace(metamers=lambda layers: there))
    monkeypatch.setattr(live_page.time, "monotonic", lambda: now[0])
    page = live_page.LivePage([run], [None], runs.Page("title", "command"))

    def write(page, count):
        now[0] += 10.0
        written.append(now[0])

    monkeypatch.setattr(page, "_write", write)
    for second in range(1000):  # a page takes ten seconds to write
        now[0] = max(now[0], float(second))
        there.append(second)
        page.look()
    assert written[0] < 20 and np.all(np.diff(written) >= 200.0) and len(written) >= 4


def test_rho_at_every_layer_stands_in_columns(tmp_path, tiny_vgg, small_images):
    _, done = finished(tmp_path, tiny_vgg, small_images)
    text = done.page.read_text(encoding="utf-8")
    blocks = re.findall(r"<pre>(.*?)</pre>", text, re.S)
    assert len(blocks) == 4
    for number, block in enumerate(blocks):
        records = [one.record for one in done.made if one.stimulus == f"image {number}"]
        lines = re.sub(r"</?b>", "", block).splitlines()
        assert len({len(line) for line in lines}) == 1
        for record, own in zip(records, re.findall(r"<b>([\d.]+)", block), strict=True):
            assert own == f"{record.floats.measurement.spearman[record.layer]:.3f}"
