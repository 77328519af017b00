"""Model metamers: signals that a network cannot tell from a natural one.

A reproduction of Feather, Durango, Gonzalez & McDermott (NeurIPS 2019).
"""

from model_metamers.criteria import Measurement, Verdict, check, spearman
from model_metamers.errors import InputError
from model_metamers.frontends.cochleagram import CochleagramConfig, cochleagram
from model_metamers.networks.catalog import load_network, networks
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.networks.keras_network import from_keras
from model_metamers.networks.network import Network, SignalSpec, Stage
from model_metamers.null_distribution import NullDistribution, null_distribution
from model_metamers.recognition import recognize
from model_metamers.results import load, save
from model_metamers.search import SynthesisConfig
from model_metamers.stimuli.images import load_image
from model_metamers.stimuli.sounds import load_sound
from model_metamers.synthesis import Metamer, synthesize

__all__ = [
    "CochleagramConfig",
    "InputError",
    "Measurement",
    "Metamer",
    "Network",
    "NullDistribution",
    "SignalSpec",
    "Stage",
    "SynthesisConfig",
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
    "recognize",
    "save",
    "spearman",
    "synthesize",
]
