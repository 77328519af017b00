"""A metamer in a line of text, and in a notebook: picture or player beside the target's."""

from __future__ import annotations

import base64
import html
import io
import math
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from PIL import Image

from model_metamers.criteria import class_text
from model_metamers.signals import images

if TYPE_CHECKING:
    from model_metamers.signals.spec import SignalSpec
    from model_metamers.synthesis.metamer import Metamer

_SMALLEST = 160  # pixels, to which smaller images are enlarged by whole factors


def line(metamer: Metamer) -> str:
    """What is known of a metamer in at most 300 characters."""
    whose = f" of {_short(metamer.stimulus)}" if metamer.stimulus else ""
    rho = metamer.spearman.get(metamer.layer, math.nan)
    named = ""
    if metamer.target_class is not None:
        named = f", {_short(class_text(metamer.target_class))} -> {_short(class_text(metamer.metamer_class))}"
    losses = f", loss {metamer.loss[0]:.4g} -> {metamer.loss[-1]:.4g}" if len(metamer.loss) else ""
    return (
        f"Metamer{whose} at {_short(metamer.layer)} in {_short(metamer.network)}: rho {rho:.4f}{named}, "
        f"{metamer.spec.kind} {list(metamer.signal.shape)}, {metamer.iterations} iterations{losses}"
    )


def page(metamer: Metamer) -> str:
    """HTML of a notebook's cell: target and metamer side by side, with what is known of them."""
    cells = [
        ("target", metamer.target, metamer.target_class),
        ("metamer", metamer.signal, metamer.metamer_class),
    ]
    shown = "".join(
        f"<div style='min-width:0'><b>{title}</b><br>{_shown(signal, metamer.spec)}<br>"
        f"{'' if name is None else html.escape(class_text(name))}</div>"
        for title, signal, name in cells
    )
    beside = "display:flex;flex-wrap:wrap;gap:8px 16px"  # one above the other where it is narrow
    return f"<div style='{beside}'>{shown}</div><div>{html.escape(line(metamer))}</div>"


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shown(signal: np.ndarray, spec: SignalSpec) -> str:
    """A picture or a player that holds its own data."""
    if spec.kind == "sound":
        file = io.BytesIO()
        soundfile.write(file, np.clip(signal, -1.0, 1.0), spec.rate_hz, format="WAV", subtype="PCM_16")
        return f"<audio controls style='max-width:100%' src='{_data(file, 'audio/wav')}'></audio>"
    file = io.BytesIO()
    picture = _picture(signal, spec)
    factor = max(1, _SMALLEST // picture.width) if spec.kind == "image" else 1
    larger = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    larger.save(file, "PNG")
    return f"<img style='max-width:100%' src='{_data(file, 'image/png')}'>"


def _picture(signal: np.ndarray, spec: SignalSpec) -> Image.Image:
    if spec.kind == "image":
        return Image.fromarray(images.to_uint8(signal, spec))
    levels = signal[::-1, :, 0] / max(float(signal.max()), 1e-12)  # low frequencies at the bottom
    return Image.fromarray(np.uint8(255 * np.clip(levels, 0.0, 1.0)))


def _data(file: io.BytesIO, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
