"""The same search over VGG-19 in PyTorch, and by plenoptic's `Metamer`. Needs torch."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping

import numpy as np
import torch

_LAST_CONVS = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4")
_CONVS = tuple(
    f"conv{block}_{i}" for block, count in enumerate((2, 2, 4, 4, 4), start=1) for i in range(1, count + 1)
)


class VGG19(torch.nn.Module):
    """VGG-19's activations at a layer, of images [batch, 3, height, width] in [0, 1].

    Channels come last in memory, which is faster on processors. fc6 to fc8 are matrix products.

    Args:
      values: of TF-slim's variables by name.
      layer: where the network ends; its ReLU passes every gradient.
      pixel_std: what pixels are divided by after the mean is subtracted.
    """

    _mean: torch.Tensor

    def __init__(self, values: Mapping[str, np.ndarray], layer: str, pixel_std: float = 1.0):
        super().__init__()
        names = [*_CONVS, "fc6", "fc7", "fc8"]
        self._names, self._pixel_std = names[: names.index(layer) + 1], pixel_std
        self.register_buffer("_mean", torch.tensor([123.68, 116.779, 103.939]).reshape(1, 3, 1, 1))
        for name in self._names:
            kernel, bias = (torch.from_numpy(values[f"vgg_19/{_slim(name)}/{part}"]) for part in _PARTS)
            if name in _CONVS:
                kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
            else:
                kernel = kernel.reshape(-1, kernel.shape[-1]).T.contiguous()
            self.register_buffer(f"{name}_weights", kernel)
            self.register_buffer(f"{name}_biases", bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = (images.contiguous(memory_format=torch.channels_last) * 255.0 - self._mean) / self._pixel_std
        for name in self._names:
            kernel, bias = (getattr(self, f"{name}_{part}") for part in _PARTS)
            if name in _CONVS:
                x = torch.nn.functional.conv2d(x, kernel, bias, padding="same")
            else:
                x = x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x
                x = torch.nn.functional.linear(x, kernel, bias)
            if name == self._names[-1]:
                return x if name == "fc8" else _PassingReLU.apply(x)
            x = torch.nn.functional.relu(x)
            if name in _LAST_CONVS:
                x = torch.nn.functional.max_pool2d(x, 2)
        raise AssertionError("the last name returns")


class TorchSearch:
    """A search by PyTorch's own Adam, with the released code's rate and bounds.

    Args:
      model: of images [batch, 3, height, width].
      target, start: [batch, height, width, 3].
    """

    def __init__(self, model: torch.nn.Module, target: np.ndarray, start: np.ndarray):
        self._model = model
        with torch.no_grad():
            self._wanted = model(channels_first(target))
        self._images = channels_first(start).clone().requires_grad_()
        self._adam = torch.optim.Adam([self._images], lr=0.001, eps=1e-8)
        self._schedule = torch.optim.lr_scheduler.ExponentialLR(self._adam, 0.95 ** (1 / 1000))

    def step(self) -> float:
        """Takes a step; returns the loss before it, summed over the batch."""
        loss = self._backward()
        self._adam.step()
        self._schedule.step()
        with torch.no_grad():
            self._images.clamp_(0.0, 1.0)
        return loss.item()

    def gradient(self) -> np.ndarray:
        """The loss's gradient to the images where the search is, [batch, height, width, 3]."""
        self._backward()
        gradient = self._images.grad
        assert gradient is not None
        return gradient.permute(0, 2, 3, 1).numpy()

    def _backward(self) -> torch.Tensor:
        self._adam.zero_grad()
        loss = _half_squares(self._model(self._images), self._wanted)
        loss.backward()
        return loss


def plenoptic_metamer(model: torch.nn.Module, target: np.ndarray, start: np.ndarray):
    """f(iterations) -> the losses before each, going on with a search by plenoptic's `Metamer` with Adam.

    Needs plenoptic. Bounds are its own: a penalty on what leaves them.
    """
    import plenoptic

    metamer = plenoptic.Metamer(channels_first(target), model.eval(), loss_function=_half_squares)
    metamer.setup(channels_first(start), torch.optim.Adam, {"lr": 0.001})

    def search(iterations: int) -> np.ndarray:
        # It draws a bar, and warns where the loss has hardly changed.
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            metamer.synthesize(iterations, stop_criterion=0.0)
        return metamer.losses[-iterations - 1 : -1].detach().numpy()

    return search


def channels_first(images: np.ndarray) -> torch.Tensor:
    """[batch, 3, height, width] of [batch, height, width, 3], as it lies in memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


_PARTS = ("weights", "biases")


def _slim(name: str) -> str:
    return f"{name.split('_')[0]}/{name}" if name in _CONVS else name


def _half_squares(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return 0.5 * ((found - wanted) ** 2).sum()


class _PassingReLU(torch.autograd.Function):
    """A ReLU whose gradient is 1 everywhere."""

    @staticmethod
    def forward(context, x: torch.Tensor) -> torch.Tensor:
        del context
        return torch.nn.functional.relu(x)

    @staticmethod
    def backward(context, dy: torch.Tensor) -> torch.Tensor:
        del context
        return dy
