"""Figures 3b and 3d: people's recognition of metamers of image networks, and of word networks.

They read the results of `analyze_human_experiment` and run no network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from model_metamers import plots
from model_metamers_experiments.figures import choosing, people_curves

# Of networks for words, the one that Figure 3d shows.
_ALIASED = "word_aliased"


def draw(
    recognition: Sequence[str | Path],
    task: str = "images",
    generators: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draws a panel for each network: people's proportion correct over its layers.

    Args:
      recognition: `recognition.csv` files of analyze_human_experiment, or folders that hold one.
      task: "images" (3b) or "words" (3d).
      generators: networks whose metamers are shown, in this order, "NAME" or "NAME=WEIGHTS"; None for
        all, of words only the network with aliasing where it is there.
      judges: whose answers are drawn; None where the results hold one study's.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: the files are no such results, a network is not in them, nobody judged such metamers,
        or people of several studies did.
    """
    people, own = people_curves.read(recognition, task, judges)
    shown = choosing.networks((p.generator for p in people), generators, "generating network")
    if task == "words" and not generators:
        shown = [who for who in shown if who.name.startswith(_ALIASED) and not who.untrained] or shown
    people, own = (people_curves.with_shared_cochleagram(points, shown) for points in (people, own))
    called = choosing.labels(shown, names)
    panels = [
        people_curves.Panel(
            called[who],
            [people_curves.line(people[0].judge.name, plots.line_style(0), who, people, own)],
        )
        for who in shown
    ]
    return people_curves.draw(panels)
