"""What a notebook's cell printed as one text, wherever the kernel cut it into pieces.

myst-nb ends every piece with a line break, also in the middle of a line.
"""

from collections.abc import Iterable


def joined(outputs: Iterable[dict]) -> list[dict]:
    """Outputs of a cell with the pieces of each stream in the place of its first.

    >>> pieces = [{"output_type": "stream", "name": "stdout", "text": text} for text in ("on", "e\\n")]
    >>> joined(pieces)
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'one\\n'}]
    """
    kept: list[dict] = []
    streams: dict[str, dict] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            kept.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output.copy()
            kept.append(streams[output["name"]])
    return kept


def setup(app) -> dict:
    import myst_nb.core.render

    if not hasattr(myst_nb.core.render, "coalesce_streams"):
        raise RuntimeError(
            "this myst-nb joins the pieces of a stream elsewhere; see docs/_extensions/streams.py"
        )
    myst_nb.core.render.coalesce_streams = joined
    return {"parallel_read_safe": True}
