"""True classes from tables, folders and TFRecords."""

import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.recognition import labels as label_files


def test_labels_from_tables_folders_and_records(tmp_path):
    (tmp_path / "a.csv").write_text("stimulus,label\nx.y,left\nz.wav,right\n")
    assert label_files.read_labels(tmp_path / "a.csv") == {"x.y": "left", "z": "right"}
    (tmp_path / "b.tsv").write_text("file\timagenet_index\tcategory\nphotos/a.JPEG\t134\tbird\n")
    assert label_files.read_labels(tmp_path / "b.tsv") == {"a": "crane (134)"}
    assert label_files.read_labels(tmp_path / "b.tsv", "category") == {"a": "bird"}
    for name in ("left/a.wav", "right/b.wav", "right/notes.txt"):
        (tmp_path / "words" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "words" / name).write_text("")
    assert label_files.read_labels(tmp_path / "words") == {"a": "left", "b": "right"}
    feature = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in {"image/filename": b"cat_1.jpg", "image/class/text": b"cat"}.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(tmp_path / "c.tfrecord")) as writer:
        writer.write(example.SerializeToString())
    assert label_files.read_labels(tmp_path / "c.tfrecord") == {"cat_1": "cat"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("stimulus,label\na,x\na.png,y\n", "'a' is both 'x' and 'y'"),
        ("stimulus,label\n", "holds no labels"),
        ("stimulus,truth\na,x\n", "its columns are stimulus, truth"),
        ("stimulus,label\na,\n", "a row lacks"),
        ("file,imagenet_index\na,1000\n", "'1000': expected 0 to 999"),
    ],
)
def test_unusable_labels_are_refused(tmp_path, content, message):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        label_files.read_labels(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="no such file"):
        label_files.read_labels(tmp_path / "nowhere.csv")
