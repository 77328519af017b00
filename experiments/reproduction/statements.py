"""Those of the paper's claims that need no people, in our words, and the rule that decides each."""

from __future__ import annotations

import dataclasses

NEAR_ONE = 0.9  # the least mean rho that counts as a match
AT_CHANCE = 0.05  # the largest share of metamers above all unrelated pairs that counts as chance
FEWEST = 5  # with fewer stimuli nothing is said
MARGIN = 0.1  # a smaller difference between shares does not count as an effect


@dataclasses.dataclass(frozen=True)
class Statement:
    """A claim.

    Attributes:
      paper: what the paper says, and where.
      rule: what is compared here, and how that decides the claim.
      figures: words in the names of the files of figures that show it.
      every: whether the claim needs every comparison to hold, rather than some.
    """

    paper: str
    rule: str
    figures: tuple[str, ...]
    every: bool = False


_DEEPER = f"the earliest matched layer minus the latest one at which at least {FEWEST} metamers count"
_LATE = (
    f"in late layers: the mean over those of the later half of the matched ones at which at least {FEWEST} "
    "metamers of every network count"
)
STATEMENTS = {
    1: Statement(
        "Metamers match the original at their own and at later layers with rho near one, and at earlier "
        "layers no better than chance (3.1, Figure 2a).",
        f"Mean rho of at least {NEAR_ONE} at the matched layer, and over all later ones; of the metamers of "
        f"the latest layer, at most {AT_CHANCE:.0%} lie above every unrelated pair at the earliest layer (it "
        "does not hold where two standard errors do not explain more). All metamers count.",
        ("spearman",),
        every=True,
    ),
    2: Statement(
        "Passing every gradient through the ReLU of the matched layer improves the match at some layers "
        "(3.1, Figure 2b, 2c).",
        "Rho at the matched layer with the linear minus that with the ordinary gradient, from the same "
        "noise, stimulus by stimulus, at every matched layer that ends in a ReLU. A loss beyond two standard "
        "errors counts against it. All metamers count.",
        ("figure_2",),
    ),
    3: Statement(
        "Networks of other architectures recognise metamers the less, the later the matched layer (4.4, "
        "Figure 5; in the paper hardly any of late layers).",
        f"Share recognised by networks of other architectures: {_DEEPER}.",
        ("figure_5",),
    ),
    4: Statement(
        "So does the same architecture trained from another initialisation (4.4, Figure 5; in the paper "
        "mostly hardly any of late layers either).",
        f"Share recognised by the other seed: {_DEEPER}.",
        ("figure_5",),
    ),
    5: Statement(
        "Metamers of an untrained network are poorly recognised by the word network (4.5, Figure 6).",
        f"Share recognised by the word network {_LATE}: metamers of another seed minus the untrained one's.",
        ("figure_6",),
    ),
    6: Statement(
        "Metamers of the network trained on backgrounds do not transfer to the word network; those of the "
        "network trained on both tasks do nearly as well as another seed's (4.5, Figure 6).",
        f'Share recognised by the word network {_LATE}. "Nearly as well" is nearer to another seed\'s than '
        "to the background task's.",
        ("figure_6",),
        every=True,
    ),
    7: Statement(
        "Less aliasing makes metamers more recognisable (4.3, Figure 4; there to people, who cannot be asked "
        "here).",
        f"Share of each architecture's metamers that the other architecture recognises, {_LATE}.",
        (),
    ),
    8: Statement(
        "Optimising the cochleagram instead of the waveform makes metamers that a network of another seed "
        "recognises less (5, Figure S9).",
        f"Share recognised by the word network of another seed, {_LATE}.",
        ("figure_s9",),
    ),
}
