"""A run of many metamers: files, resuming, refusals, the page."""

import dataclasses
import re

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.errors import InUseError
from model_metamers.runs import executed, report, results, verdict_table
from model_metamers.storage import whole
from model_metamers.storage.reading import read_json
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import read_state
from tests.builders.holders import holding
from tests.conftest import make_tiny_vgg


def make_run(network, signals, out, **changes) -> runs.Run:
    run = runs.Run(
        network=network,
        layers=("conv1_2", "fc7") if network.signal.kind == "image" else ("conv_2", "fc_intermediate"),
        stimuli={"one": signals[0], "two": signals[1], "three": signals[2]},
        null_stimuli={"four": signals[3]},
        out=out,
        config=mm.SynthesisConfig(iterations=20, save_every=10),
        batch_size=2,
    )
    return dataclasses.replace(run, **changes)


def perform(run: runs.Run) -> list:
    runs.prepare(run)
    return list(runs.make(run, runs.measure_null(run, progress=False), progress=False))


def files_below(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_run_writes_exactly_these_files(tmp_path, tiny_vgg, small_images):
    records = perform(make_run(tiny_vgg, small_images, tmp_path))
    assert [(layer, name) for layer, name, _ in records] == [
        (layer, name) for layer in ("conv1_2", "fc7") for name in ("one", "two", "three")
    ]
    of_one = ["metamer.json", "metamer.npz", "metamer.png", "target.png"]
    expected = {"vgg_tiny/null.npz", "vgg_tiny/null.json", "vgg_tiny/settings.json"}
    expected |= {f"vgg_tiny/{layer}/{name}/{file}" for layer, name, _ in records for file in of_one}
    assert files_below(tmp_path).keys() == expected


def test_null_takes_all_distinct_signals(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path)
    doubled = dataclasses.replace(run, null_stimuli={"four": small_images[3], "again": small_images[0]})
    runs.prepare(doubled)
    null = runs.measure_null(doubled, progress=False)
    assert null.layers["fc7"].pairs == 6  # pairs of four
    alone = dataclasses.replace(run, stimuli={"one": small_images[0]}, null_stimuli={}, out=tmp_path / "b")
    runs.prepare(alone)
    assert runs.measure_null(alone, progress=False) is None


def test_another_rule_judges_anew_and_is_named(tmp_path, tiny_vgg, small_images):
    classes = {"one": "a", "two": "b", "three": "a", "four": "b"}
    run = make_run(tiny_vgg, small_images, tmp_path, layers=("conv1_2",), classes=classes)
    paper = {made.stimulus: made.record.floats.verdict for made in perform(run)}
    assert {verdict.null_rule for verdict in paper.values()} == {"maximum"}
    assert "noted" not in read_json(tmp_path / "vgg_tiny" / "settings.json")
    between = dataclasses.replace(run, null_rule="between_classes")
    made = perform(between)
    null = runs.measure_null(between, progress=False)
    told = read_json(tmp_path / "vgg_tiny" / "null.json")
    assert told["null_rule"] == "between_classes" and told["sha256"] == null.digest
    of_layer = told["layers"]["conv1_2"]
    assert of_layer["same_class_pairs"] == 2 and of_layer["different_class_pairs"] == 4
    assert of_layer["limit"] == of_layer["different_class_maximum"] == null.limit("conv1_2")
    for one in made:
        verdict = one.record.floats.verdict
        assert (verdict.null_rule, verdict.limit) == ("between_classes", null.limit("conv1_2"))
        assert verdict.null_max == paper[one.stimulus].null_max
        assert one.record.null_sha256 == null.digest
    assert read_json(tmp_path / "vgg_tiny" / "settings.json")["noted"] == {"null_rule": "between_classes"}
    assert {m.stimulus: m.record.floats.verdict for m in perform(run)} == paper  # and back again
    with pytest.raises(InputError, match="needs signals of at least two known classes"):
        runs.check(dataclasses.replace(between, classes={}))


def test_copies_among_the_signals_are_named_beside_the_null(tmp_path, tiny_vgg, small_images):
    further = {"four": small_images[3], "again": small_images[0], "paler": 0.5 + 0.5 * small_images[1]}
    run = make_run(tiny_vgg, small_images, tmp_path, null_stimuli=further)
    runs.prepare(run)
    null = runs.measure_null(run, progress=False)
    told = read_json(tmp_path / "vgg_tiny" / "null.json")["copies"]
    assert told["files"] == [["again", "one"]]
    assert [pair[:2] for pair in told["pairs"]] == [["two", "paler"]]
    assert null.at("fc7").pairs == 9 and null.at("fc7").undefined == 1


@pytest.mark.parametrize("stop_at", [3, 10, 17, 25])
def test_interrupted_run_ends_with_the_same_bytes(tmp_path, tiny_vgg, small_images, monkeypatch, stop_at):
    perform(make_run(tiny_vgg, small_images, tmp_path / "whole"))
    run = make_run(tiny_vgg, small_images, tmp_path / "broken")
    advance, steps = Search._advance, []

    def failing(search, state, wanted, length):
        steps.append(length)
        if sum(steps) >= stop_at:
            raise RuntimeError("power cut")  # as a kill: nothing more is saved
        return advance(search, state, wanted, length)

    monkeypatch.setattr(Search, "_advance", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        perform(run)
    monkeypatch.setattr(Search, "_advance", advance)
    perform(run)
    assert files_below(tmp_path / "whole") == files_below(tmp_path / "broken")


def test_kill_between_the_files_of_a_batch_loses_nothing(tmp_path, tiny_vgg, small_images, monkeypatch):
    perform(make_run(tiny_vgg, small_images, tmp_path / "whole"))
    run = make_run(tiny_vgg, small_images, tmp_path / "broken")
    save, saved = results.save, []

    def failing(metamer, *args):
        if len(saved) == 1:
            raise RuntimeError("power cut")
        saved.append(metamer.stimulus)
        return save(metamer, *args)

    monkeypatch.setattr(results, "save", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        perform(run)
    monkeypatch.setattr(results, "save", save)
    perform(run)
    assert files_below(tmp_path / "whole") == files_below(tmp_path / "broken")


def test_finished_metamers_are_not_searched_again(tmp_path, tiny_vgg, small_images, monkeypatch):
    run = make_run(tiny_vgg, small_images, tmp_path)
    first = perform(run)
    monkeypatch.setattr(Search, "run", lambda *_, **__: pytest.fail("searched again"))
    assert perform(run) == first


def test_added_stimuli_are_searched_alone(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path)
    perform(run)
    before = files_below(tmp_path / "vgg_tiny" / "fc7" / "one")
    perform(dataclasses.replace(run, stimuli={**run.stimuli, "four": small_images[3]}, null_stimuli={}))
    assert (tmp_path / "vgg_tiny" / "fc7" / "four" / "metamer.npz").exists()
    assert files_below(tmp_path / "vgg_tiny" / "fc7" / "one") == before


def test_ctrl_c_leaves_a_state_to_continue_from(tmp_path, tiny_vgg, small_images, monkeypatch):
    run = make_run(tiny_vgg, small_images, tmp_path)
    advance = Search._advance

    def interrupted(search, state, wanted, length):
        if state.step >= 5:
            raise KeyboardInterrupt
        return advance(search, state, wanted, length)

    monkeypatch.setattr(Search, "_advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        perform(run)
    states = list((tmp_path / "vgg_tiny" / "conv1_2").glob(".search-*.npz"))
    assert len(states) == 1 and read_state(states[0]).step >= 5


def test_states_that_nobody_needs_any_more_are_removed(tmp_path, tiny_vgg, small_images, monkeypatch):
    run = make_run(tiny_vgg, small_images, tmp_path, layers=("fc7",))
    stimuli = {**run.stimuli, "four": small_images[3]}
    advance, stop_at = Search._advance, 5

    def interrupted(search, state, wanted, length):
        if state.step >= stop_at:
            raise KeyboardInterrupt
        return advance(search, state, wanted, length)

    def stop(**changes):
        with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
            stopped.setattr(Search, "_advance", interrupted)
            perform(dataclasses.replace(run, **changes))

    def states():
        return len(list((tmp_path / "vgg_tiny" / "fc7").glob(".search-*.npz")))

    stop()  # of one and two
    stop(stimuli={"four": small_images[3]})
    assert states() == 2
    perform(dataclasses.replace(run, stimuli={"one": small_images[0]}))
    assert states() == 2  # two and four are still to be made
    perform(dataclasses.replace(run, batch_size=1))
    assert states() == 1
    state = next((tmp_path / "vgg_tiny" / "fc7").glob(".search-*.npz"))
    kept = state.read_bytes()
    perform(dataclasses.replace(run, stimuli=stimuli))
    assert states() == 0
    state.write_bytes(kept)  # as one that was killed between the last metamer and the state's end
    (state.parent / ".search-0123.npz").write_bytes(b"another program's")
    perform(dataclasses.replace(run, stimuli=stimuli))
    assert not state.exists() and states() == 1


def test_a_run_in_a_folder_that_is_written_to_is_refused_before_work(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path)
    with holding(run.folder.path) as process:
        with pytest.raises(InUseError, match=f"vgg_tiny: is written to by process {process.pid} of"):
            runs.execute([run], ["--a=1"], progress=False)
        assert files_below(tmp_path).keys() == {"vgg_tiny/.run.lock"}
        other = dataclasses.replace(run, out=tmp_path / "other")
        with pytest.raises(InUseError), holding(other.folder.path):
            runs.execute([run, other], progress=False)
    assert files_below(tmp_path) == {}
    left = tmp_path / "vgg_tiny" / "fc7" / "one" / f".x-{whole.machine()}-{process.pid}-00000000.partial"
    runs.execute([run], progress=False)
    left.write_text("half")
    (tmp_path / "vgg_tiny" / ".run.lock").write_text("")
    runs.execute([run], progress=False)
    assert not left.exists() and not list(tmp_path.rglob(".*"))


def test_diverging_layer_is_named_and_the_rest_is_done(tmp_path, tiny_vgg, small_images, monkeypatch):
    run = make_run(tiny_vgg, small_images, tmp_path)
    advance = Search._advance

    def diverging(search, state, wanted, length):
        if search.layer == "conv1_2":
            raise InputError("the loss is no longer a number")
        return advance(search, state, wanted, length)

    monkeypatch.setattr(Search, "_advance", diverging)
    records = perform(run)
    assert [isinstance(r, InputError) for _, _, r in records] == [True] * 3 + [False] * 3
    assert "not made: the loss" in verdict_table.verdict_rows(records)[1][6]


def test_other_settings_weights_or_targets_are_refused(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path)
    perform(run)
    other = dataclasses.replace(run, config=dataclasses.replace(run.config, seed=1))
    with pytest.raises(InputError, match=r"other settings.*seed=0 there, 1 now"):
        runs.prepare(other)
    with pytest.raises(InputError, match=r"other settings.*checkpoint=random:0 there, random:1 now"):
        runs.prepare(dataclasses.replace(run, network=make_tiny_vgg(1)))
    with pytest.raises(InputError, match="another target of that name"):
        runs.prepare(dataclasses.replace(run, stimuli={"one": small_images[3]}))
    with pytest.raises(InputError, match="holds a run already"):
        runs.prepare(run, resume=False)
    runs.prepare(dataclasses.replace(run, config=dataclasses.replace(run.config, save_every=3)))


def test_folder_that_cannot_be_written_is_refused(tmp_path, tiny_vgg, small_images):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="a file stands where a folder should"):
        runs.prepare(make_run(tiny_vgg, small_images, tmp_path / "file"))


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_report_names_only_files_that_are_there(tmp_path, request, kind):
    network = request.getfixturevalue("tiny_vgg" if kind == "image" else "tiny_word_cnn")
    signals = request.getfixturevalue("small_images" if kind == "image" else "small_sounds")
    run = make_run(network, signals, tmp_path)
    perform(run)
    null = runs.measure_null(run, progress=False)
    page = report.write_report(tmp_path, [report.network_results(run, null)], "A <title>", "a command")
    text = page.read_text()
    assert text.count("% of the original's values are zero, ") == 6
    assert "A &lt;title&gt;" in text and text.count("<audio") == (0 if kind == "image" else 9)
    sources = re.findall(r'src="([^"]+)"', text)
    assert len(set(sources)) >= 2 * 3 * 2 + 2
    for source in sources:
        assert (tmp_path / source).stat().st_size > 0, source
    for layer in run.layers:
        assert text.count(f"<h4>{layer}</h4>") == 3


def test_report_without_null_says_so(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path, stimuli={"one": small_images[0]}, null_stimuli={})
    records = perform(run)
    page = report.write_report(tmp_path, [report.network_results(run, None)], "t", "c")
    assert "no null" in page.read_text()
    assert verdict_table.verdict_rows(records)[1][6] == "no null"
    assert np.isfinite(float(verdict_table.verdict_rows(records)[1][2]))


def test_report_of_layers_that_are_not_the_networks_own(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path, layers=("conv1_1", "conv2_1"))
    assert not set(run.layers) & set(tiny_vgg.layers)
    perform(run)
    null = runs.measure_null(run, progress=False)
    text = report.write_report(tmp_path, [report.network_results(run, null)], "t", "c").read_text()
    assert text.count("<h4>conv2_1</h4>") == 3


def order_of_work(monkeypatch) -> list[str]:
    """Names of the steps of `execute`, as they are taken."""
    steps = []
    for name in ("check", "claim", "write_lines", "measure_null", "make"):
        whole = getattr(executed, name)

        def told(*args, name=name, whole=whole):
            steps.append(name)
            return whole(*args)

        monkeypatch.setattr(executed, name, told)
    return steps


def test_everything_is_checked_and_claimed_before_anything_is_computed(
    tmp_path, tiny_vgg, small_images, monkeypatch
):
    steps = order_of_work(monkeypatch)
    linear = make_run(tiny_vgg, small_images, tmp_path / "linear", layers=("fc7",))
    config = dataclasses.replace(linear.config, relu_gradient="plain")
    plain = dataclasses.replace(linear, out=tmp_path / "plain", config=config)
    seen = []
    done = runs.execute(
        [linear, plain],
        ["--a=1"],
        tmp_path / "all_flags.txt",
        progress=False,
        each=lambda run, made: seen.append((run.config.relu_gradient, made.stimulus)),
    )
    first = ["check", "check", "check", "claim", "check", "claim"]  # again once the folders are held
    assert steps == [*first, "write_lines", "measure_null", "make", "make"]
    assert (tmp_path / "all_flags.txt").read_text() == "--a=1\n"
    assert seen == [(gradient, name) for gradient in ("linear", "plain") for name in ("one", "two", "three")]
    assert [len(of_run) for of_run in done.by_run] == [3, 3] and len(done.made) == 6
    assert done.complete and done.page is None
    assert done.nulls[0] is done.nulls[1]  # shared, and kept with the first
    assert linear.folder.null.exists() and not plain.folder.null.exists()


def test_a_run_that_cannot_be_made_keeps_the_others_from_beginning(tmp_path, tiny_vgg, small_images):
    good = make_run(tiny_vgg, small_images, tmp_path / "good")
    for bad, message in (
        (dataclasses.replace(good, layers=("conv9",)), "no layer 'conv9'"),
        (dataclasses.replace(good, stimuli={}), "there are no stimuli"),
        (
            dataclasses.replace(good, stimuli={"a/b": small_images[0], "a_b": small_images[1]}),
            "share a folder",
        ),
    ):
        with pytest.raises(InputError, match=message):
            runs.execute([good, bad], ["--a=1"], progress=False)
    assert not list(tmp_path.iterdir())


def test_execute_leaves_flags_and_page_where_the_manual_says(tmp_path, tiny_vgg, small_images):
    run = make_run(tiny_vgg, small_images, tmp_path, layers=("fc7",), null_stimuli={})
    done = runs.execute([run], ["--layers=fc7"], page=runs.Page("A title", "a command"), progress=False)
    assert done.page == tmp_path / "report.html" and "A title" in done.page.read_text()
    assert (tmp_path / "flags.txt").read_text() == "--layers=fc7\n"
    again = runs.execute([run], progress=False)
    assert again.made == done.made and again.page is None
