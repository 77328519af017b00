"""Those of the paper's claims that need no people, in our words, and the rule that decides each.

The margins are set here, before anything is measured. The paper states none.
"""

from __future__ import annotations

import dataclasses

ALPHA = 0.05  # of all tests of a claim together that it holds, and of all that it does not
NEAR_ONE = 0.9  # the median rho that counts as near one
# "No better than chance", of rho: a metamer exceeds at most this share of unrelated pairs in the mean. Chance
# is 0.5; 0.64 is half a standard deviation above a normal distribution's mean, a medium effect (Cohen 1988).
AMONG_UNRELATED = 0.64
FEWEST = 5  # a layer with fewer stimuli is no "latest layer": 2 ** -5 is the first probability below 0.05
MARGIN = 0.1  # a smaller difference between shares does not count as an effect
# "No better than chance", of shares. People recognised metamers of the paper's latest layers in at most 0.108
# of trials, 0.046 above chance (Figure 4), and the paper calls these unrecognisable; this is twice that.
ABOVE_CHANCE = 0.1
# "Nearly as well" as another, "recognisable" as natural signals are: at most this much less. Where all of the
# mini scale's sixteen sounds give the same answer on both sides the bound is 0.17; less could not be shown.
NEARLY = 0.2
POORLY = 0.5  # less than this part of the way from chance to what natural signals reach is "poorly"


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


_DEEPER = (
    "the earliest matched layer minus the latest one at which metamers of at least "
    f"{FEWEST} stimuli count, of the same stimuli"
)
_LATE = "at the layers of the later half of the matched ones, of the same stimuli at the same layers"
_CHANCE = f"less than {ABOVE_CHANCE:g} above chance"
_POORLY = f"less than {POORLY:.0%} of the way from chance to natural signals"
_NEARLY = f"at most {NEARLY:g} less"
STATEMENTS = {
    1: Statement(
        "Metamers match the original at their own and at later layers with rho near one, and at earlier "
        "layers no better than chance (3.1, Figure 2a).",
        f"A median rho above {NEAR_ONE} at the matched layer, and over all later ones. At the earliest "
        f"layer, the latest layer's metamers exceed in the mean less than {AMONG_UNRELATED:.0%} of the pairs "
        "of unrelated signals (chance: 50%). Rho is of the files; all metamers count.",
        ("spearman",),
        every=True,
    ),
    2: Statement(
        "Passing every gradient through the ReLU of the matched layer improves the match at some layers "
        "(3.1, Figure 2b, 2c).",
        "Rho at the matched layer with the linear minus that with the ordinary gradient, from the same "
        "noise, stimulus by stimulus, at every matched layer that ends in a ReLU. A loss counts against it. "
        "Rho is of the files; all metamers count.",
        ("figure_2",),
    ),
    3: Statement(
        "Networks of other architectures recognise metamers the less, the later the matched layer (4.4, "
        "Figure 5).",
        f"Share recognised by networks of other architectures: {_DEEPER}.",
        ("figure_5",),
    ),
    4: Statement(
        "So does the same architecture trained from another initialisation (4.4, Figure 5).",
        f"Share recognised by the other seed: {_DEEPER}.",
        ("figure_5",),
    ),
    5: Statement(
        "Metamers of an untrained network are poorly recognised by the word network (4.5, Figure 6).",
        f"Share recognised by the word networks {_LATE}: another seed's metamers minus the untrained one's; "
        f'and "poorly", which is {_POORLY}.',
        ("figure_6",),
        every=True,
    ),
    6: Statement(
        "Metamers of the network trained on backgrounds do not transfer to the word network; those of the "
        "network trained on both tasks do nearly as well as another seed's (4.5, Figure 6).",
        f"Share recognised by the word networks {_LATE}: the background task's is below another seed's, and "
        f"{_CHANCE}; both tasks' is \"nearly\" another seed's, {_NEARLY}.",
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
        f"Share recognised by the word network of another seed, {_LATE}. Both searches are to have one "
        "learning rate.",
        ("figure_s9",),
    ),
    9: Statement(
        "Metamers of an untrained network stay recognisable through all convolutions and are not at the top "
        "(4.3, Figure 4; there to people, who cannot be asked here).",
        "Share recognised by the word networks, in the place of people: of each matched layer up to the last "
        f"convolution, {_NEARLY} than of the natural signals; of the first fully connected one, {_POORLY}.",
        ("figure_6",),
        every=True,
    ),
    10: Statement(
        "Metamers of the network trained on backgrounds become unrecognisable sooner than those of one "
        "trained on words (4.3, Figure 4; there to people, who cannot be asked here).",
        "Share recognised by the word networks, in the place of people, over all matched convolutions, of "
        "the same stimuli at the same layers: another seed's minus the background task's.",
        ("figure_6",),
    ),
    11: Statement(
        "Networks of other architectures hardly recognise metamers of late layers (4.4, Figure 5).",
        "Share recognised by networks of other architectures, of the latest matched layer at which metamers "
        f"of at least {FEWEST} stimuli count: {_CHANCE}.",
        ("figure_5",),
    ),
}
