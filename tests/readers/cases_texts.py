"""Cases of text: alignments, lists, tables, manifests and settings."""

import json
import math
import random
from pathlib import Path

from model_metamers.corpora import alignments, labelled_sounds
from model_metamers.networks.deepspeech import read_alphabet
from model_metamers.recognition.labels import read_labels
from model_metamers.signals.described import read_description
from model_metamers.storage import reading
from model_metamers.storage.claims import claim_folder
from model_metamers.training import records
from model_metamers.weights import manifest
from tests.builders.reshaping import json_values
from tests.readers.case import Case, text

TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"
xmin = 0
xmax = 3
tiers? <exists>
size = 2
item []:
  item [1]:
    class = "IntervalTier"
    name = "words"
    xmin = 0
    xmax = 3
    intervals: size = 2
      intervals [1]: xmin = 0 xmax = 1 text = ""
      intervals [2]: xmin = 1 xmax = 1.5 text = "word"
  item [2]:
    class = "TextTier"
    name = "points"
    xmin = 0 xmax = 3
    points: size = 1
      points [1]: number = 0.5 mark = "x"
"""
SWC = """<?xml version="1.0" encoding="utf-8"?>
<article><meta><prop key="reader.name" value="Anna" group="audio"/></meta>
<d><p><s><t>In<n pronunciation="in" start="100" end="250"/></t></s></p></d></article>
"""
SHIPPED = {"prefix": "a.ckpt", "network": "a", "files": [{"name": "a.index", "sha256": "0" * 64, "bytes": 3}]}
DOWNLOAD = {
    **{"url": "https://x.org/a.tgz", "bytes": None, "sha256": None, "licence": "MIT"},
    "networks": {"a": {"checkpoint": "a.ckpt"}},
}
FETCHED = {"sha256": "0" * 64, "networks": {"a": {"checkpoint": "a/a"}}, "files": SHIPPED["files"]}


def as_json(values):
    return text(json.dumps(values, indent=1))


def xml(content: bytes, chance: random.Random) -> bytes:
    """XML with declarations of entities, in great depth, or of another encoding."""
    doing = chance.randrange(4)
    if doing == 0:
        bomb = b"".join(b'<!ENTITY e%d "%s">' % (i + 1, b"&e%d;" % i * 10) for i in range(12))
        return content.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY e0 "x">' + bomb + b"]>").replace(
            b"In", b"&e12;"
        )
    if doing == 1:
        depth = chance.choice((10, 1000, 100_000))
        return content.replace(b"<d>", b"<d>" + b"<d>" * depth).replace(b"</d>", b"</d>" * depth + b"</d>")
    if doing == 2:
        return content.replace(b"utf-8", chance.choice((b"utf-7", b"utf-16", b"nothing", b"idna", b"hex")))
    value = chance.choice((b"1e999", b"-1", b"9" * 400, b"", "²".encode(), b"nan", b"0x10", b" 1"))
    return content.replace(b'"100"', b'"' + value + b'"')


def check_words(words):
    for word in words:
        assert math.isfinite(word.start_s) and math.isfinite(word.end_s) and word.start_s <= word.end_s
        assert isinstance(word.text, str)


def of_recordings(read):
    return lambda path: [check_words(words) for words in read(path).values()]


def check_manifest(path: Path):
    for entry in manifest.read_manifest(path.parent).values():
        assert all(isinstance(file["sha256"], str) for file in entry["files"])
    for download in manifest.read_downloads(path.parent).values():
        assert (isinstance(download.file_name, str) and not download.is_archive) or download.url


def check_fetched(path: Path):
    manifest.read_record(path.parent)
    download = manifest.Download("a", "https://x.org/a.tgz", None, None, "MIT", DOWNLOAD["networks"])
    manifest.fetched_files(download, "a", path.parent)


def check_description(path: Path):
    told = read_description(path)
    assert told.signal.shape and all(math.isfinite(n) for n in (*told.mean, *told.std, told.signal.low))


def esc50(path: Path):
    (path.parent / "audio").mkdir(exist_ok=True)
    (path.parent / "meta").mkdir(exist_ok=True)
    (path.parent / "audio" / "1-1-A-0.wav").touch()
    path.write_text("filename,fold,target,category,src_file\n1-1-A-0.wav,1,0,dog,1\n")


def read_esc50(path: Path):
    (path.parent / "meta" / "esc50.csv").write_bytes(path.read_bytes())
    for sound_file in labelled_sounds.read_esc50(path.parent):
        assert sound_file.path.is_file() and sound_file.fold >= 1


def audioset(name: str):
    def read(path: Path):
        (path.parent / "ABCDEFGHIJK.wav").touch()
        given = {"segments.csv": 'ABCDEFGHIJK, 0, 10, "/m/1,/m/2"\n', "ontology.json": ONTOLOGY}
        paths = {}
        for other, content in given.items():
            paths[other] = path if other == name else path.with_name(f"whole_{other}")
            if other != name:
                paths[other].write_text(content)
        found, _ = labelled_sounds.read_audioset(path.parent, paths["segments.csv"], paths["ontology.json"])
        assert all(isinstance(label, str) for s in found for label in s.labels)

    return read


ONTOLOGY = json.dumps([{"id": "/m/1", "name": "Speech"}, {"id": "/m/2", "name": "Bark"}])


DESCRIBED = {
    **{"kind": "image", "shape": [8, 8, 3], "low": 0, "high": 1, "mean": [0.1, 0.2, 0.3], "std": 2},
    **{
        "channels": "bgr",
        "classes": ["cat", "dog"],
        "layers": ["conv"],
        "name": "mine",
        "learning_rate": 0.01,
    },
}


def _json(kind: str, file: str, values, read, **about) -> Case:
    return Case(kind, file, as_json(values), read, json_values, **about)


CASES = {
    "TextGrid": Case(
        "alignments", "a.TextGrid", text(TEXTGRID), lambda p: check_words(alignments.read_textgrid(p))
    ),
    "TextGrid in UTF-16": Case(
        "alignments",
        "a.TextGrid",
        text(TEXTGRID, "utf-16"),
        lambda p: check_words(alignments.read_textgrid(p)),
    ),
    "CTM": Case(
        "alignments",
        "a.ctm",
        text("a 1 0.5 0.25 word 0.9\na 1 1 .5 other\n"),
        of_recordings(alignments.read_ctm),
    ),
    "CSV of words": Case(
        "alignments",
        "a.csv",
        text('file,word,start,end,speaker\na,"word",0.5,1,anna\nb,other,0,1.5\n'),
        of_recordings(alignments.read_csv),
    ),
    "SWC": Case("alignments", "aligned.swc", text(SWC), lambda p: check_words(alignments.read_swc(p)), xml),
    "list": Case("lists", "words.txt", text("__nullSignal__\nwörd\nother\n"), reading.read_lines),
    "alphabet": Case("lists", "alphabet.txt", text("# comment\na\nb\n\\#\n"), read_alphabet),
    "labels": Case("lists", "labels.csv", text('stimulus,label\na.png,"x, y"\nb,z\n'), read_labels),
    "labels by index": Case("lists", "labels.tsv", text("file\timagenet_index\na.png\t134\n"), read_labels),
    "ESC-50": Case("lists", "esc50.csv", esc50, read_esc50),
    "AudioSet's segments": Case(
        "lists", "segments.csv", text('# YTID\nABCDEFGHIJK, 0, 10, "/m/1,/m/2"\n'), audioset("segments.csv")
    ),
    "AudioSet's ontology": Case(
        "lists", "ontology.json", text(ONTOLOGY), audioset("ontology.json"), json_values
    ),
    "manifest": _json("manifests", "manifest.json", {"a.ckpt": SHIPPED, "b": DOWNLOAD}, check_manifest),
    "signal description": _json("manifests", "signal.json", DESCRIBED, check_description),
    "downloads": _json("manifests", "downloads.json", {"a": FETCHED}, check_fetched, may_refuse=True),
    "settings": _json(
        "manifests", "settings.json", {"a": 1, "b": "c"}, lambda p: claim_folder(p.parent, {"a": 1, "b": "c"})
    ),
    "summary": _json(
        "manifests",
        "summary.json",
        {"sample_rate": 8000, "num_samples": 400},
        lambda p: records.check_format(p.parent, 8000, 400),
    ),
}
