"""Data sets as training reads them: order, resumption, and what is refused."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from model_metamers import InputError, catalog
from model_metamers.catalog import small_signals
from model_metamers.corpora import record_writer
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.training import mixtures, records, sound_input, sound_validation
from model_metamers_experiments import training_binary
from tests.builders import training_data

_CONFIG = mixtures.MixtureConfig(sample_rate=8000, max_shift_s=0.1, null_words=0.2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return training_data.write_speech(root / "speech"), training_data.write_backgrounds(root / "backgrounds")


@pytest.fixture(scope="module")
def network():
    network = catalog.build_network("both_tasks_reduced_aliasing_small")
    network.initialize(0)
    # So that no class is always the largest: every logit's mean over noises is taken off.
    noise = 0.1 * np.random.RandomState(0).randn(4, 8000).astype(np.float32)
    for stage, _ in network.tasks.values():
        bias = network.weights[f"brain_network/{stage}/bias"]
        bias.assign_sub(network.activations(noise, [stage])[stage].numpy().mean(axis=0))
    return network


@pytest.fixture(scope="module")
def data(network, folders):
    return sound_input.open_data(network, *folders, [WORD_TASK, AUDIOSET_TASK])


def _all(dataset) -> list:
    return [(signals.numpy(), {k: v.numpy() for k, v in labels.items()}) for signals, labels in dataset]


@pytest.mark.parametrize("pace", ["words", "backgrounds"])
def test_an_epoch_goes_on_from_any_batch_with_the_same_examples(data, pace):
    whole = _all(data["train"].batches(2, 0, 4, 7, _CONFIG, pace=pace))
    assert len(whole) == {"words": 26, "backgrounds": 14}[pace] // 4
    rest = _all(data["train"].batches(2, 2, 4, 7, _CONFIG, pace=pace))
    assert len(rest) == len(whole) - 2
    for (signals, labels), (expected, expected_labels) in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(signals, expected)
        for task, values in labels.items():
            np.testing.assert_array_equal(values, expected_labels[task])


def test_epochs_and_seeds_differ_and_each_clip_is_met_once(data):
    plain = mixtures.MixtureConfig(sample_rate=8000, null_backgrounds=1.0, max_shift_s=0.0)
    epochs = {
        key: _all(data["train"].batches(key[0], 0, 13, key[1], plain)) for key in ((0, 1), (1, 1), (0, 2))
    }
    labels = {key: np.concatenate([own[WORD_TASK] for _, own in batches]) for key, batches in epochs.items()}
    assert all(sorted(found) == sorted(1 + np.arange(26) % 20) for found in labels.values())
    assert not np.array_equal(labels[0, 1], labels[1, 1]) and not np.array_equal(labels[0, 1], labels[0, 2])


def test_held_out_mixtures_do_not_depend_on_the_seed_of_the_weights(data):
    def mixture(seed):
        training_binary.build("word_aliased_small", seed)  # as the binaries do
        signals, _ = next(iter(data["validation"].batches(0, 0, 4, 1, _CONFIG)))
        return signals.numpy()

    np.testing.assert_array_equal(mixture(0), mixture(1))


def test_validation_scores_are_sklearns_of_the_same_mixtures_at_every_look(network, data):
    """Accuracy of words over backgrounds and alone; areas under the curve of each class, and of all pairs."""
    metrics = sound_validation.Validation(
        network, data["validation"], [WORD_TASK, AUDIOSET_TASK], _CONFIG, 4, 2
    ).metrics()
    still = mixtures.MixtureConfig(sample_rate=8000, max_shift_s=0.0)
    quiet = mixtures.MixtureConfig(sample_rate=8000, max_shift_s=0.0, null_backgrounds=1.0)

    def read(draws, config):
        """Logits of words and backgrounds, and the labels of both; the seed is the same for all networks."""
        batches = [
            batch
            for draw in range(draws)
            for batch in data["validation"].batches(draw, 0, 4, 20191208, config, drop_remainder=False)
        ]
        stages = [network.tasks[task][0] for task in (WORD_TASK, AUDIOSET_TASK)]
        outputs = [network.activations(sounds, stages) for sounds, _ in batches]
        logits = [np.concatenate([output[stage].numpy() for output in outputs]) for stage in stages]
        labels = [np.concatenate([own[t].numpy() for _, own in batches]) for t in (WORD_TASK, AUDIOSET_TASK)]
        return logits, labels

    (words, backgrounds), (labels, there) = read(2, still)
    (quiet_words, _), (quiet_labels, _) = read(1, quiet)
    assert len(labels) == 20 and len(quiet_labels) == 10
    expected = {
        "word_accuracy": sklearn.metrics.accuracy_score(labels, words.argmax(axis=1)),
        "word_accuracy_quiet": sklearn.metrics.accuracy_score(quiet_labels, quiet_words.argmax(axis=1)),
        # Class 0 is the null class, which no background is of.
        "mean_auc": np.mean(
            [sklearn.metrics.roc_auc_score(there[:, i], backgrounds[:, i]) for i in range(1, 11)]
        ),
        "pooled_auc": sklearn.metrics.roc_auc_score(there[:, 1:].ravel(), backgrounds[:, 1:].ravel()),
    }
    assert metrics == pytest.approx(expected, abs=1e-6)
    assert abs(expected["mean_auc"] - expected["pooled_auc"]) > 0.01
    assert expected["word_accuracy"] != expected["word_accuracy_quiet"]


def test_confusions_count_every_held_out_clip(network, data, tmp_path):
    sound_validation.Validation(
        network, data["validation"], [WORD_TASK, AUDIOSET_TASK], _CONFIG, 4, 2
    ).write_confusions(tmp_path)
    counts = {
        path.name: np.loadtxt(path, int, delimiter=",", skiprows=1, usecols=range(1, 1 + n))
        for path, n in (
            (tmp_path / "confusions_words_noise.csv", 21),
            (tmp_path / "confusions_words_quiet.csv", 21),
            (tmp_path / "confusions_backgrounds.csv", 11),
        )
    }
    assert [table.sum() for table in counts.values()] == [20, 10, 20]
    assert (counts["confusions_words_quiet.csv"].sum(axis=1)[1:11] == 1).all()  # ten words, once each


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": ["__nullSignal__", "a", "b"]}, "3 classes, but both_tasks_reduced_aliasing_small has 21"),
        (
            {"words": ["__nullSignal__", *map(str, range(20))]},
            "class 1 is '0' there and 'down' in both_tasks",
        ),
        ({"rate": 16000}, "8000 samples at 16000 Hz, but the network takes 8000 at 8000 Hz"),
        ({"samples": 16000}, "--sample_rate=8000 --seconds=1"),
    ],
)
def test_speech_of_another_kind_is_refused(network, folders, tmp_path, changes, message):
    speech = training_data.write_speech(tmp_path / "speech", **changes)
    with pytest.raises(InputError, match=message):
        sound_input.open_data(network, speech, folders[1], [WORD_TASK])


def test_backgrounds_of_another_kind_are_refused_where_they_are_trained_on(network, folders, tmp_path):
    other = training_data.write_backgrounds(tmp_path / "b", labels=["__nullSignal__", "dog"])
    with pytest.raises(InputError, match="2 classes, but both_tasks_reduced_aliasing_small has 11"):
        sound_input.open_data(network, folders[0], other, [WORD_TASK, AUDIOSET_TASK])
    data = sound_input.open_data(network, folders[0], other, [WORD_TASK])
    assert data["train"].num_labels == 2  # they are noise to a word network, whatever they are


def test_audiosets_numbered_classes_fit_any_names(tmp_path):
    network = catalog.build_network("audioset_reduced_aliasing")
    names = ["__nullSignal__", *(f"sound {i}" for i in range(516))]
    records.check_classes(network, 517, names, tmp_path / "labels.txt", network.classes)
    with pytest.raises(InputError, match="516 classes"):
        records.check_classes(network, 517, names[:-1], tmp_path / "labels.txt", network.classes)


@pytest.mark.parametrize("spoil", ["summary", "split", "cut"])
def test_spoilt_data_sets_are_refused(network, folders, tmp_path, spoil):
    speech = training_data.write_speech(tmp_path / "speech")
    if spoil == "summary":
        (speech / "summary.json").write_text("{}")
    elif spoil == "split":
        for path in speech.glob("validation-*"):
            path.unlink()
    else:
        path = next(speech.glob("train-*"))
        path.write_bytes(path.read_bytes()[:-5])
    message = {
        "summary": "no readable summary",
        "split": "holds no validation-",
        "cut": "damaged",
    }[spoil]
    with pytest.raises(InputError, match=message):
        sound_input.open_data(network, speech, folders[1], [WORD_TASK])


def test_the_damaged_file_is_found(tmp_path):
    speech = training_data.write_speech(tmp_path / "speech")
    split = records.find_records(speech, "train")
    assert records.find_damage(split.paths) is None
    path = training_data.damage(speech, "train")
    assert f"{path}: damaged or no TFRecord file, at byte" in records.find_damage(split.paths)


def test_shuffling_reads_every_record_once(tmp_path):
    speech = training_data.write_speech(tmp_path / "speech", counts=(50, 5))
    split = records.find_records(speech, "train")
    plain, mixed, again, other = (
        list(split.read(seed, 8).as_numpy_iterator()) for seed in (None, [1, 0], [1, 0], [1, 1])
    )
    assert split.count == 50 and sorted(mixed) == sorted(plain) and mixed == again
    assert mixed != other and mixed != plain


def test_any_stretch_of_a_shard_is_a_mixture(tmp_path):
    with record_writer.ShardWriter(tmp_path, "train", 2, 0) as writer:
        for i in range(2000):
            writer.write({"place": i})
    split = records.find_records(tmp_path, "train")

    def places(dataset):
        return [
            tf.train.Example.FromString(r).features.feature["place"].int64_list.value[0]
            for r in dataset.as_numpy_iterator()
        ]

    for read in (split.read(), split.read([0, 0], 10)):
        order = places(read)
        assert sorted(order) == list(range(2000))
        parts = np.reshape(order, [10, 200])
        assert np.abs(parts.mean(axis=1) - 1000).max() < 5 * 577 / np.sqrt(200)  # of a uniform draw
    again = tmp_path / "again"
    again.mkdir()
    with record_writer.ShardWriter(again, "train", 2, 0) as writer:
        for i in range(2000):
            writer.write({"place": i})
    for path in split.paths:
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_a_part_of_many_backgrounds_is_another_in_every_epoch(tmp_path):
    with record_writer.ShardWriter(tmp_path, "train", 8, 0) as writer:
        for i in range(800):
            writer.write({"place": i})
    split = records.find_records(tmp_path, "train")
    heard = set()
    for epoch in range(20):
        taken = list(split.read([0, epoch], 50, wanted=100).take(100).as_numpy_iterator())
        assert len(set(taken)) == 100
        heard |= set(taken)
    assert len(heard) > 700


def test_a_network_knows_the_classes_of_its_tasks(network):
    assert network.classes_of(WORD_TASK) == network.classes == small_signals.WORDS
    assert network.classes_of(AUDIOSET_TASK) == small_signals.ENVIRONMENTAL_CLASSES
    assert catalog.build_network("both_tasks_reduced_aliasing_small").classes_of("other") == ()
