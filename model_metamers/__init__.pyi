from . import plot as plot
from .catalog.names import networks as networks
from .catalog.registered import register_network
from .catalog.registry import load_network
from .criteria.null import NullDistribution
from .criteria.null_distribution import null_distribution
from .criteria.verdict import Measurement, Verdict, check, spearman
from .errors import (
    DamagedFileError,
    DivergedError,
    InputError,
    NoWeightsError,
    OtherSettingsError,
    Stopped,
    StorageError,
    UnknownLayerError,
    UnknownNetworkError,
)
from .frontends.cochleagram import cochleagram
from .networks.cochleagram_view import cochleagram_view
from .networks.keras_network import from_keras
from .networks.network import Network
from .networks.stage import Stage
from .plots.playing import play
from .recognition.network_judge import recognize
from .runs.results import load, save
from .signals.cochleagram_config import CochleagramConfig
from .signals.images import load_image
from .signals.sounds import load_sound
from .signals.spec import SignalSpec
from .synthesis.config import SynthesisConfig
from .synthesis.making import synthesize
from .synthesis.metamer import Metamer

__all__ = [
    "CochleagramConfig",
    "DamagedFileError",
    "DivergedError",
    "InputError",
    "Measurement",
    "Metamer",
    "Network",
    "NoWeightsError",
    "NullDistribution",
    "OtherSettingsError",
    "SignalSpec",
    "Stage",
    "Stopped",
    "StorageError",
    "SynthesisConfig",
    "UnknownLayerError",
    "UnknownNetworkError",
    "Verdict",
    "check",
    "cochleagram",
    "cochleagram_view",
    "from_keras",
    "load",
    "load_image",
    "load_network",
    "load_sound",
    "networks",
    "null_distribution",
    "play",
    "plot",
    "recognize",
    "register_network",
    "save",
    "spearman",
    "synthesize",
]
