"""Networks at paper size without a download: random weights that keep values near 1 through all layers."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from benchmarks import signals
from model_metamers import catalog
from model_metamers.networks.network import Network
from model_metamers.networks.slim import SlimNetwork


def load(name: str) -> Network:
    """A network of the catalog with weights of seed 0.

    Batch normalisation has the statistics of a photograph. With those it begins with, a deep network's
    gradients would vanish below what float32 can hold.
    """
    network = catalog.load_network(name, "random:0")
    if isinstance(network, SlimNetwork):
        own = network._norm
        network._norm = dataclasses.replace(own, decay=0.0)  # one batch replaces all that was
        try:
            network.forward(tf.constant(signals.target_and_start(network.signal, 1)[0]), training=True)
        finally:
            network._norm = own
    return network
