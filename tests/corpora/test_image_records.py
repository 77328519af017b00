"""Images as TFRecords: what the binary writes, and what the package reads."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from model_metamers import InputError, SignalSpec, load_image
from model_metamers.corpora import image_dataset, records
from model_metamers.signals import collection
from tests.builders import binaries


def examples(path) -> list:
    found = tf.data.TFRecordDataset([str(p) for p in path] if isinstance(path, list) else [str(path)])
    return [tf.train.Example.FromString(record.numpy()).features.feature for record in found]


def run(binary, *flags):
    return binaries.run(binary, "--noprogress", *flags)


@pytest.fixture
def pictures(tmp_path):
    random = np.random.RandomState(0)
    for name in ("cat", "dog"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i, suffix in enumerate(("jpg", "png", "JPEG")):
            pixels = random.randint(0, 256, [24, 32, 3]).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / name / f"{i}.{suffix}")
    return tmp_path / "in"


def test_image_records_through_the_binary(pictures, tmp_path):
    (tmp_path / "order.txt").write_text("dog a dog\ncat a cat\n")
    out = tmp_path / "out"
    result = run(
        "build_image_records",
        f"--images={pictures}",
        "--shards=2",
        f"--out={out}",
        f"--labels={tmp_path / 'order.txt'}",
    )
    assert result.returncode == 0, result.stderr
    paths = sorted(out.glob("train-*"))
    assert [p.name for p in paths] == [f"train-0000{i}-of-00002.tfrecord" for i in range(2)]
    assert (out / "labels.txt").read_text() == "0:dog\n1:cat\n"
    read = examples(paths)
    assert len(read) == 6
    for feature in read:
        name = feature["image/class/text"].bytes_list.value[0].decode()
        file = feature["image/filename"].bytes_list.value[0].decode()
        assert feature["image/encoded"].bytes_list.value[0] == (pictures / name / file).read_bytes()
        assert feature["image/class/label"].int64_list.value[0] == ["dog", "cat"].index(name)
        expected = b"png" if file.endswith("png") else b"jpeg"
        assert feature["image/format"].bytes_list.value[0] == expected
        size = [feature[f"image/{side}"].int64_list.value[0] for side in ("height", "width")]
        assert size == [24, 32]
    spec = SignalSpec("image", (24, 24, 3), 0.0, 1.0)
    assert len(collection.find_stimuli(paths, spec)) == 6


def test_image_records_are_read_by_the_package(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "in" / "a" / "1.png")
    found, labels = image_dataset.find_images(tmp_path / "in")
    image_dataset.write_records(found, labels, tmp_path / "out", progress=False)
    images, classes = records.read_image_records(
        [tmp_path / "out" / "train-00000-of-00001.tfrecord"], 32, progress=False
    )
    assert (images[0, :, :, 0] == 255).all() and classes.tolist() == [0]


def test_records_hold_images_as_viewers_show_them(tmp_path):
    """TensorFlow decodes a record to what `load_image` makes of the file."""
    folder = tmp_path / "in" / "a"
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    picture = Image.fromarray(random.randint(0, 256, [32, 32, 4]).astype(np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.convert("RGB").save(folder / "turned.jpg", exif=turned)
    picture.convert("RGB").save(folder / "turned.png", exif=turned)
    picture.save(folder / "transparent.png")
    picture.convert("LA").save(folder / "grey.png")
    picture.convert("RGB").save(folder / "plain.bmp")
    picture.save(folder / "photo.webp", lossless=True)
    (folder / "._plain.png").write_bytes(b"AppleDouble")
    found, labels = image_dataset.find_images(tmp_path / "in")
    assert [path.name for path, _ in found] == sorted(
        path.name for path in folder.iterdir() if path.name[0] != "."
    )
    kinds = image_dataset.write_records(found, labels, tmp_path / "out", progress=False)
    assert kinds["PNG RGBA as PNG"] == kinds["BMP RGB as PNG"] == kinds["JPEG RGB as PNG"] == 1
    paths = [tmp_path / "out" / "train-00000-of-00001.tfrecord"]
    decoded, _ = records.read_image_records(paths, 32, progress=False)
    names = [feature["image/filename"].bytes_list.value[0].decode() for feature in examples(paths)]
    spec = SignalSpec("image", (32, 32, 3), 0.0, 255.0)
    for name, pixels in zip(names, decoded, strict=True):
        np.testing.assert_array_equal(load_image(folder / name, spec), pixels, err_msg=name)


def test_cifar10_as_published(tmp_path):
    # A byte of class, then 1024 of red, green and blue each, row by row.
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    planes = np.zeros([2, 3, 32, 32], np.uint8)
    planes[0, 1, 3, 5] = 200  # green, row 3, column 5
    content = b"\1" + planes[0].tobytes() + b"\0" + planes[1].tobytes()
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        (tmp_path / name).write_bytes(content)
    out = tmp_path / "out"
    result = run("build_image_records", f"--images={tmp_path}", "--layout=cifar10", f"--out={out}")
    assert result.returncode == 0, result.stderr
    assert (out / "labels.txt").read_text() == "0:airplane\n1:automobile\n"
    paths = [out / "train-00000-of-00001.tfrecord"]
    images, classes = records.read_image_records(paths, 32, progress=False)
    assert sorted(classes.tolist()) == [0] * 5 + [1] * 5
    lit = np.zeros([32, 32, 3])
    lit[3, 5, 1] = 200
    assert all((image == (lit if label else 0)).all() for image, label in zip(images, classes, strict=True))
    assert len(image_dataset.read_cifar10(tmp_path, "test")[0]) == 2
    (tmp_path / "test_batch.bin").write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"test_batch\.bin: 6145 bytes are no whole number"):
        image_dataset.read_cifar10(tmp_path, "test")
    (tmp_path / "test_batch.bin").write_bytes(b"\2" + content[1:])
    with pytest.raises(InputError, match="image 0 is of class 2, of 2"):
        image_dataset.read_cifar10(tmp_path, "test")
    with pytest.raises(InputError, match="splits train and test, not 'validation'"):
        image_dataset.read_cifar10(tmp_path, "validation")


def test_spoilt_images_leave_no_folder(pictures, tmp_path):
    (pictures / "cat" / "3.jpg").write_bytes((pictures / "cat" / "0.jpg").read_bytes()[:300])
    found, labels = image_dataset.find_images(pictures)
    with pytest.raises(InputError, match=r"3\.jpg: no readable image file"):
        image_dataset.write_records(found, labels, tmp_path / "out", progress=False)
    Image.fromarray(np.full([8, 8], 40000, np.uint16)).save(pictures / "cat" / "3.jpg", "PNG")
    with pytest.raises(InputError, match=r"3\.jpg: .*expected 8 bits a channel"):
        image_dataset.write_records(found, labels, tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    with pytest.raises(InputError, match=r"\['dog'\] not among the labels"):
        image_dataset.find_images(pictures, ["cat"])


def test_tiny_imagenet_as_published(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    pixels = np.random.RandomState(0).randint(0, 256, [64, 64, 3]).astype(np.uint8)
    for number in ("n01", "n02", "n03"):
        (root / "train" / number / "images").mkdir(parents=True)
        for i in range(2):
            Image.fromarray(pixels).save(root / "train" / number / "images" / f"{number}_{i}.JPEG", "JPEG")
    (root / "val" / "images").mkdir(parents=True)
    for i in range(3):
        Image.fromarray(pixels).save(root / "val" / "images" / f"val_{i}.JPEG", "JPEG")
    (root / "val" / "val_annotations.txt").write_text(
        "val_0.JPEG\tn03\t0\t0\t63\t63\nval_1.JPEG\tn02\t0\t0\t63\t63\nval_2.JPEG\tn01\t0\t0\t63\t63\n"
    )
    (tmp_path / "classes.txt").write_text("n03 a third\nn01 a first\n")
    out = tmp_path / "out"
    result = run(
        "build_image_records",
        f"--images={root}",
        "--layout=tiny_imagenet",
        f"--labels={tmp_path / 'classes.txt'}",
        f"--out={out}",
    )
    assert result.returncode == 0, result.stderr
    assert (out / "labels.txt").read_text() == "0:a third\n1:a first\n"
    features = examples(out / "train-00000-of-00001.tfrecord")
    classes = {f["image/filename"].bytes_list.value[0].decode(): f for f in features}
    assert len(classes) == 4 and not any("n02" in name for name in classes)

    chosen = ["n03 a third", "n01 a first"]
    held_out, names = image_dataset.find_tiny_imagenet(root, "validation", chosen)
    assert [(path.name, place) for path, place in held_out] == [("val_0.JPEG", 0), ("val_2.JPEG", 1)]
    assert names == ["a third", "a first"]
    with pytest.raises(InputError, match="no images of n09"):
        image_dataset.find_tiny_imagenet(root, "train", ["n01 a first", "n09 a ninth"])
    with pytest.raises(InputError, match="no classes are asked for"):
        image_dataset.find_tiny_imagenet(root, "train", [])
    with pytest.raises(InputError, match="splits train and validation, not 'test'"):
        image_dataset.find_tiny_imagenet(root, "test", chosen)
