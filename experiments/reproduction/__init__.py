"""The paper in one command: which networks are run on which stimuli, and what follows for its claims."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "answers",
        "cast",
        "claims",
        "depth_claims",
        "judging",
        "own_stimuli",
        "page",
        "rho_claims",
        "scales",
        "statements",
        "steps",
        "stimuli",
        "work",
    ],
)
