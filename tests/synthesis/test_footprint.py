"""What a search is expected to take of memory, beside what it takes."""

import subprocess
import sys

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.synthesis.footprint import bytes_per_signal
from tests.builders.logarithm import SHAPE, Logarithm

ADAM, LBFGS = mm.SynthesisConfig(), mm.SynthesisConfig(optimizer="lbfgs")
# A process of its own, as memory that was taken once is not given back.
PROGRAM = """
import sys
import numpy as np
import model_metamers as mm
from model_metamers.synthesis.search import Search

name, layer, optimizer, batch, convolutions = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5]
network, random = mm.load_network(name), np.random.RandomState(0)
low, high = (-0.1, 0.1) if network.signal.kind == "sound" else (network.signal.low, network.signal.high)
targets = random.uniform(low, high, [batch, *network.signal.shape]).astype(np.float32)
config = mm.SynthesisConfig(iterations=6, optimizer=optimizer, convolutions=convolutions)
Search(network, layer, config).run(targets, progress=False)
print(int(open("/proc/self/status", encoding="ascii").read().split("VmHWM:")[1].split()[0]) * 1024)
"""


def test_what_lies_deeper_takes_more(tiny_vgg):
    by_layer = [
        bytes_per_signal(tiny_vgg, layer, ADAM) for layer in ("conv1_1", "conv1_2", "conv2_2", "conv5_4")
    ]
    assert by_layer == sorted(by_layer) and by_layer[0] < by_layer[-1]


def test_lbfgs_takes_its_memory_of_twenty_steps_more(tiny_vgg):
    vectors = 2 * 20 * np.prod(tiny_vgg.signal.shape) * 4
    more = bytes_per_signal(tiny_vgg, "conv2_2", LBFGS) - bytes_per_signal(tiny_vgg, "conv2_2", ADAM)
    assert 3 * vectors < more < 12 * vectors


@pytest.mark.parametrize("config", [ADAM, LBFGS])
def test_no_search_takes_less_than_its_state(config):
    signal = np.prod(SHAPE) * 4
    vectors = 3 if config is ADAM else 47
    assert bytes_per_signal(Logarithm(), "log", config) > vectors * signal


def test_weights_are_not_counted():
    """A layer of many weights and few units takes what its units take."""

    def network(width: int) -> mm.Network:
        from model_metamers.networks.vgg import VGG

        return VGG("wide", ["a"], image_size=32, widths=(1, 1, 1, 1, 1), fc_width=width)

    narrow, wide = (bytes_per_signal(network(width), "fc7", ADAM) for width in (8, 512))
    assert wide - narrow < 512 * 4 * 20 < 512 * 512 * 4


def test_an_unknown_layer_is_refused(tiny_vgg):
    with pytest.raises(mm.InputError, match="no layer 'conv9'"):
        bytes_per_signal(tiny_vgg, "conv9", ADAM)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("name", "layer", "optimizer", "convolutions", "batches"),
    [
        ("vgg_19_small", "conv5_4", "adam", "direct", (64, 320)),
        ("vgg_19_small", "conv5_4", "lbfgs", "direct", (32, 128)),
        ("vgg_19_small", "conv5_4", "adam", "winograd", (64, 320)),
        ("inception_v3_small", "Mixed_6e", "adam", "direct", (64, 192)),
        ("resnet_v2_small", "block3", "lbfgs", "direct", (32, 96)),
        ("word_reduced_aliasing_small", "conv_3", "adam", "direct", (8, 24)),
        ("word_aliased_small", "conv_3", "lbfgs", "direct", (8, 24)),
    ],
)
def test_the_estimate_is_within_a_factor_of_two(name, layer, optimizer, convolutions, batches):
    peaks = []
    for batch in batches:
        command = [sys.executable, "-c", PROGRAM, name, layer, optimizer, str(batch), convolutions]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    taken = (peaks[1] - peaks[0]) / (batches[1] - batches[0])
    config = mm.SynthesisConfig(optimizer=optimizer, convolutions=convolutions)
    expected = bytes_per_signal(mm.load_network(name), layer, config)
    what = " ".join((name, layer, optimizer, convolutions))
    print(f"{what}: {expected / 1e6:.2f} MB expected, {taken / 1e6:.2f} taken")
    assert 0.45 < expected / taken < 2.2
