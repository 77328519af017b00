"""docs/weights_from_pytorch.md does what it says: its code against PyTorch's layers written in NumPy."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from PIL import Image

from tests.builders import torch_files

_PAGE = Path(__file__).parents[1] / "docs" / "weights_from_pytorch.md"
_ELSEWHERE = "# where PyTorch is"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _blocks() -> list[str]:
    found = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in found if not block.startswith(_ELSEWHERE)]


def _state() -> dict[str, np.ndarray]:
    random = np.random.RandomState(0)
    shapes = {
        "conv1.weight": (16, 3, 3, 3),
        **{f"bn1.{part}": (16,) for part in ("weight", "bias", "running_mean", "running_var")},
        "depthwise.weight": (16, 1, 3, 3),
        "depthwise.bias": (16,),
        "fc.weight": (10, 1024),
        "fc.bias": (10,),
    }
    state = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    state["bn1.running_var"] = np.float32(random.uniform(1e-4, 1e-3, 16))  # so that the epsilon shows
    return {**state, "bn1.num_batches_tracked": np.array(5, np.int64)}


def _correlated(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum over maps [in, h, w] of their correlations with [in, 3, 3], zeros around the maps."""
    return sum(
        scipy.signal.correlate2d(np.pad(one, 1), k, "valid") for one, k in zip(maps, kernel, strict=True)
    )


def _as_pytorch(state: dict[str, np.ndarray], image: np.ndarray) -> dict[str, np.ndarray]:
    """What the page's model makes of an image [h, w, 3] in [0, 1]; maps [channels, h, w]."""
    s = {name: value.astype(np.float64) for name, value in state.items()}
    x = ((image - _MEAN) / _STD).transpose(2, 0, 1)
    x = np.stack([_correlated(x, kernel)[::2, ::2] for kernel in s["conv1.weight"]])
    scale, shift, mean, variance = (
        s[f"bn1.{part}"][:, np.newaxis, np.newaxis]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    relu1 = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)
    kernels = zip(relu1, s["depthwise.weight"], s["depthwise.bias"], strict=True)
    relu2 = np.maximum(np.stack([_correlated([one], kernel) + b for one, kernel, b in kernels]), 0)
    pooled = relu2.reshape(16, 8, 2, 8, 2).max(axis=(2, 4))
    return {"relu1": relu1, "relu2": relu2, "fc": s["fc.weight"] @ pooled.reshape(-1) + s["fc.bias"]}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_the_pages_code_gives_what_pytorch_gives(tmp_path, monkeypatch, capsys, old):
    monkeypatch.chdir(tmp_path)
    random = np.random.RandomState(1)
    state, image = _state(), random.uniform(size=[32, 32, 3])
    expected = _as_pytorch(state, image.astype(np.float32).astype(np.float64))
    torch_files.write_state(tmp_path / "mine.pth", state, old)
    np.savez("reference.npz", image=np.float32(image)[None], relu1=expected["relu1"].transpose(1, 2, 0)[None])
    Image.fromarray(random.randint(0, 256, [40, 50, 3], dtype=np.uint8)).save("cat.jpg")

    blocks, names = _blocks(), {}
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, _PAGE.name, "exec"), names)

    told = capsys.readouterr().out
    assert "unused: bn1.num_batches_tracked\n" in told
    assert float(re.search(r"relu1: (\S+) of the maximum", told)[1]) <= 1e-6
    found = names["net"].activations(np.float32(image)[None], ["relu2", "fc"])
    np.testing.assert_allclose(found["fc"][0], expected["fc"], atol=1e-5 * np.abs(expected["fc"]).max())
    relu2 = expected["relu2"].transpose(1, 2, 0)
    np.testing.assert_allclose(found["relu2"][0], relu2, atol=1e-5 * relu2.max())
    loss = names["metamer"].loss
    assert loss[-1] < loss[0]
    assert (tmp_path / "cat_relu2").is_dir()
