"""The paper's stimuli drawn: counts, the rule, the same seed and the same files, refusals, what follows."""

import csv
import dataclasses
import io
from importlib import resources

import numpy as np
import pytest
import soundfile
from PIL import Image

from model_metamers import InputError
from model_metamers.corpora import drawing, drawn_images, drawn_words, speech_corpus, speech_dataset
from model_metamers.corpora.clip_format import PAPER_FORMAT
from model_metamers.corpora.speech_records import write_dataset
from model_metamers.people.choices import words_587
from model_metamers.recognition import labels, sixteen
from tests.builders import binaries
from tests.builders.holders import holding

CATEGORIES = sixteen.sixteen_categories()
WNIDS = sixteen.imagenet_wnids()
CLASSES = drawn_images.image_classes(WNIDS, CATEGORIES)


def encoded(size=(224, 224), mode="RGB", kind="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


def imagenet(root, per_category: int, others: tuple[str, ...] = (WNIDS[0],)):
    """Class folders like ImageNet's: equal pixels but different bytes, spread over the classes."""
    picture = encoded()
    for indices in CATEGORIES.values():
        for i in range(per_category):
            folder = root / WNIDS[indices[i % len(indices)]]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{folder.name}_{i}.png").write_bytes(picture + f"{folder.name}{i}".encode())
    for wnid in others:
        (root / wnid).mkdir(parents=True)
        (root / wnid / "other.png").write_bytes(picture)
    return root


def files(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def draw_to(out, root, per_category, seed=0, table=None) -> dict[str, bytes]:
    pictures = drawn_images.find_pictures(root, CLASSES, table)
    drawn = drawn_images.draw(pictures, CATEGORIES, per_category, seed, progress=False)
    drawn_images.write_pictures(drawn, root, out)
    return files(out)


def test_the_classes_are_those_of_imagenet():
    assert len(WNIDS) == len(set(WNIDS)) == 1000 and list(WNIDS) == sorted(WNIDS)
    by_index = {one.index: one for one in CLASSES}
    assert by_index[404] == drawn_images.ImageClass("n02690373", 404, "airplane")  # airliner
    assert by_index[281].category == "cat" and by_index[0].category is None
    assert sum(one.category is not None for one in CLASSES) == 207


def test_the_paper_s_36_of_each_of_16_categories(tmp_path):
    root = imagenet(tmp_path / "in", 40)
    written = draw_to(tmp_path / "a", root, drawn_images.PAPER_PER_CATEGORY)
    listed = rows(tmp_path / "a" / "stimuli.csv")
    assert len(listed) == 576 == len([name for name in written if name.startswith("stimuli/")])
    counts = rows(tmp_path / "a" / "counts.csv")
    assert [(row["category"], row["files"], row["drawn"]) for row in counts] == [
        (name, "40", "36") for name in CATEGORIES
    ]
    for row in listed:
        of = CLASSES[int(row["imagenet_index"])]
        assert (of.wnid, of.category) == (row["wnid"], row["category"])
        assert written[f"stimuli/{row['file']}"] == (root / row["source"]).read_bytes()
    assert len({row["source"] for row in listed}) == 576


def test_the_same_seed_gives_the_same_files_wherever_they_lie(tmp_path):
    first = draw_to(tmp_path / "a", imagenet(tmp_path / "in", 8), 3)
    assert draw_to(tmp_path / "b", imagenet(tmp_path / "elsewhere" / "in", 8), 3) == first
    assert draw_to(tmp_path / "c", tmp_path / "in", 3, seed=1) != first
    more = tmp_path / "in" / WNIDS[CATEGORIES["cat"][0]]
    for i in range(50):
        (more / f"z{i}.png").write_bytes(encoded() + str(i).encode())
    other = draw_to(tmp_path / "d", tmp_path / "in", 3)
    changed = {
        name.split("_")[0] for name in first if name.startswith("stimuli/") and first[name] != other[name]
    }
    assert changed == {"stimuli/cat"}


def test_every_picture_is_equally_likely(tmp_path):
    """Of 12 pictures 3 are drawn 400 times; each is expected 100 times, with a standard deviation of 8.7."""
    counts = np.zeros(12)
    for seed in range(400):
        counts[drawing.order(12, seed, "cat")[:3]] += 1
    assert counts.sum() == 1200 and abs(counts - 100).max() < 4 * 8.7


def test_what_is_grey_small_or_a_copy_is_left_out(tmp_path):
    root = imagenet(tmp_path / "in", 2)
    folder = root / WNIDS[CATEGORIES["knife"][0]]
    for name, content in {
        "grey.png": encoded(mode="L"),
        "palette.png": encoded(mode="P"),
        "low.jpeg": encoded((500, 223), kind="JPEG"),
        "copy.png": (folder / f"{folder.name}_0.png").read_bytes(),
    }.items():
        (folder / name).write_bytes(content)
    pictures = drawn_images.find_pictures(root, CLASSES)
    drawn = drawn_images.draw(pictures, CATEGORIES, 2, progress=False)
    assert all(
        "_0" in p.path.name or "_1" in p.path.name or p.path.name == "copy.png"
        for p in drawn.pictures["knife"]
    )
    message = (
        r"too few images of 16 categories: .*knife 2 of 6.*RGB, the shorter side at least 224.*3 are wanted"
    )
    with pytest.raises(InputError, match=message):
        drawn_images.draw(pictures, CATEGORIES, 3, progress=False)
    with pytest.raises(InputError, match="too few images of 15 categories"):
        (folder / "third.png").write_bytes(encoded() + b"third")
        drawn_images.draw(drawn_images.find_pictures(root, CLASSES), CATEGORIES, 3, progress=False)


def test_pictures_of_a_table(tmp_path):
    root = imagenet(tmp_path / "in", 2)
    for wnid in [path.name for path in root.iterdir()]:
        for path in list((root / wnid).iterdir()):
            path.rename(root / f"{wnid}-{path.name}")
        (root / wnid).rmdir()
    found = sorted(path.name for path in root.iterdir())
    index = {wnid: i for i, wnid in enumerate(WNIDS)}
    for name, column, of in (("by.csv", "wnid", str), ("by.tsv", "imagenet_index", lambda wnid: index[wnid])):
        between = "\t" if name.endswith("tsv") else ","
        lines = [f"file{between}{column}", *(f"{file}{between}{of(file.split('-')[0])}" for file in found)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    written = draw_to(tmp_path / "a", root, 1, table=tmp_path / "by.csv")
    assert draw_to(tmp_path / "b", root, 1, table=tmp_path / "by.tsv") == written
    assert len(rows(tmp_path / "a" / "stimuli.csv")) == 16
    for text, message in {
        "file,wnid\nnone.png,n01440764\n": r"by\.csv:2: no such file .*none\.png",
        f"file,wnid\n{found[0]},n99999999\n": r"by\.csv:2: wnid 'n99999999' is no class of ImageNet's",
        f"file,wnid\n{found[0]},n01440764\n{found[0]},n01440764\n": r"by\.csv:3: .* stands twice",
        f"file,class\n{found[0]},tench\n": r"expected file, and wnid or imagenet_index",
    }.items():
        (tmp_path / "by.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            drawn_images.find_pictures(root, CLASSES, tmp_path / "by.csv")


def test_images_through_the_binary_serve_as_inputs_and_labels(tmp_path):
    root = imagenet(tmp_path / "in", 3)
    flags = (f"--images={root}", "--per_category=2", "--seed=7", "--noprogress")
    first, second = (binaries.run("draw_stimuli", *flags, f"--out={tmp_path / name}") for name in "ab")
    assert first.returncode == second.returncode == 0, first.stderr
    a, b = files(tmp_path / "a"), files(tmp_path / "b")
    assert {k: v for k, v in a.items() if k != "flags.txt"} == {
        k: v for k, v in b.items() if k != "flags.txt"
    }
    assert "32 images of 16 categories" in first.stdout
    truth = labels.read_labels(tmp_path / "a" / "stimuli.csv", "category")
    assert truth["knife_01"] == "knife" and len(truth) == 32
    assert labels.read_labels(tmp_path / "a" / "stimuli.csv")["knife_02"] == "cleaver"


def test_bad_input_is_refused_before_anything_is_written(tmp_path):
    root = imagenet(tmp_path / "in", 1)
    (tmp_path / "words" / "about").mkdir(parents=True)
    soundfile.write(tmp_path / "words" / "about" / "a.wav", np.ones(100) / 2, 8000)
    speech = f"--speech={tmp_path / 'words'}"
    before = sorted(path.name for path in tmp_path.iterdir())
    for flags, message in (
        ([], "give either --images or --speech"),
        ([f"--images={root}", speech], "give either --images or --speech"),
        ([f"--images={root}"], "too few images of 16 categories"),
        ([f"--images={tmp_path / 'words'}"], "about: holds no images"),
        ([f"--images={tmp_path / 'none'}"], "none: no such folder"),
        ([speech], "1 of the 295 words have a clip, 295 are wanted"),
        ([speech, "--words=296"], "--words=296: there are 295 words to draw from"),
        ([speech, "--splits=test"], "--splits=test: expected train or validation"),
        ([speech, "--labels=a.csv"], "--labels goes with --images"),
        ([f"--speech={root}"], "neither a data set of build_speech_dataset"),
    ):
        result = binaries.run("draw_stimuli", *flags, f"--out={tmp_path / 'out'}", "--noprogress")
        assert result.returncode == 2 and message in result.stderr, (flags, result.stderr)
        assert result.stderr.count("draw_stimuli:") == 1 and not result.stdout
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    with holding(tmp_path / "out", "place") as process:
        result = binaries.run("draw_stimuli", speech, "--words=1", f"--out={tmp_path / 'out'}")
        assert result.returncode == 2 and f"written to by process {process.pid}" in result.stderr


def test_an_unknown_wnid_is_refused(tmp_path):
    root = imagenet(tmp_path / "in", 1, others=("n00000001",))
    with pytest.raises(
        InputError, match=r"n00000001: 1 of .* folders bear no wnid of ImageNet's 1000 classes"
    ):
        drawn_images.find_pictures(root, CLASSES)


def exemplars() -> list[str]:
    classes = (resources.files("model_metamers") / "data" / "words_794.txt").read_text(encoding="utf-8")
    return drawn_words.exemplar_words(words_587(), classes.split())


def spoken(root, words, clips: int = 2):
    """Folders called by words, as Speech Commands has them: short clicks, each another."""
    for number, word in enumerate(words):
        (root / word).mkdir(parents=True)
        for clip in range(clips):
            waveform = np.zeros(400)
            waveform[200:] = 0.1 + 0.001 * number + 0.01 * clip
            soundfile.write(root / word / f"anna{clip}_nohash_0.wav", waveform, 2000)
    return root


def test_the_exemplars_are_295_of_the_587():
    found = exemplars()
    assert len(found) == len(set(found)) == 295 and set(found) < set(words_587())
    assert "about" in found and "__nullSignal__" not in found


def test_295_words_of_folders(tmp_path):
    root = spoken(tmp_path / "in", [*exemplars(), "zebra"])
    result = binaries.run("draw_stimuli", f"--speech={root}", f"--out={tmp_path / 'a'}")
    assert result.returncode == 0, result.stderr
    written = files(tmp_path / "a")
    listed = rows(tmp_path / "a" / "stimuli.csv")
    assert [row["word"] for row in listed] == exemplars() and "295 words of 587 choices" in result.stdout
    for row in listed:
        assert written[f"stimuli/{row['file']}"] == (root / row["word"] / row["source"]).read_bytes()
    counts = rows(tmp_path / "a" / "counts.csv")
    assert {(row["clips"], row["drawn"]) for row in counts} == {("2", "1")} and len(counts) == 295
    assert {row["source"] for row in listed} == {"anna0_nohash_0.wav", "anna1_nohash_0.wav"}
    assert (tmp_path / "a" / "choices.txt").read_text().split() == list(words_587())
    assert labels.read_labels(tmp_path / "a" / "stimuli.csv")["about"] == "about"

    drawn, counts = drawn_words.draw(drawn_words.find_clips(root), exemplars())
    drawn_words.write_words(drawn, counts, root, words_587(), tmp_path / "b")
    again = files(tmp_path / "b")
    del written["flags.txt"], again["flags.txt"]
    assert written == again
    other, _ = drawn_words.draw(drawn_words.find_clips(root), exemplars(), seed=1)
    assert [clip.word for clip in other] == exemplars() and other != drawn
    fewer, _ = drawn_words.draw(drawn_words.find_clips(root), exemplars(), count=20)
    assert len({clip.word for clip in fewer}) == 20 and {clip.word for clip in fewer} < set(exemplars())


def test_words_of_a_data_set(tmp_path):
    """The clips of a split, from its records, as they were cut."""
    words = exemplars()[:5]
    root = spoken(tmp_path / "in", words, clips=6)
    clips, _ = speech_corpus.read_corpora([speech_corpus.Corpus(root, "speech_commands")])
    form = dataclasses.replace(PAPER_FORMAT, sample_rate=2000, num_samples=400)
    rules = speech_dataset.Selection(validation_share=0.5, clip_format=form)
    selected = speech_dataset.select(clips, rules)
    assert 5 < len(selected.clips["validation"]) < 30
    write_dataset(selected, tmp_path / "set", shards=2, progress=False)
    flags = (f"--speech={tmp_path / 'set'}", "--words=5", f"--out={tmp_path / 'out'}")
    result = binaries.run("draw_stimuli", *flags)
    assert result.returncode == 0, result.stderr
    listed = rows(tmp_path / "out" / "stimuli.csv")
    table = rows(tmp_path / "set" / "clips.csv")
    assert [row["word"] for row in listed] == words
    for row in listed:
        of = table[int(row["row"])]
        assert (of["split"], of["word"], of["path"]) == ("validation", row["word"], row["source"])
        expected, _ = soundfile.read(row["source"])
        heard, rate = soundfile.read(tmp_path / "out" / "stimuli" / row["file"])
        assert rate == 2000
        np.testing.assert_allclose(heard, expected, atol=2**-15)
    everything = drawn_words.find_clips(tmp_path / "set", ["train", "validation"])
    assert len(everything) == 30
    for path in (tmp_path / "set").glob("validation*"):
        path.unlink()
    drawn, _ = drawn_words.draw(drawn_words.find_clips(tmp_path / "set"), words, 5)
    with pytest.raises(InputError, match=r"5 clips of clips\.csv are in no TFRecord"):
        drawn_words.read_contents(tmp_path / "set", drawn)
