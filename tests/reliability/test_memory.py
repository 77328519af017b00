"""Memory stays flat, however many searches one process does."""

import subprocess
import sys

import pytest

# A process of its own: others' tests leave memory behind that this one would be charged for.
PROGRAM = """
import sys
import numpy as np
import model_metamers as mm

name, layer, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
network, random = mm.load_network(name), np.random.RandomState(0)
low, high = (-0.1, 0.1) if network.signal.kind == "sound" else (network.signal.low, network.signal.high)
for call in range(calls):
    target = random.uniform(low, high, network.signal.shape).astype(np.float32)
    config = mm.SynthesisConfig(iterations=3, seed=call, learning_rate=0.001 * (1 + call))
    mm.synthesize(network, layer, target, config, progress=False)
    status = open("/proc/self/status", encoding="ascii").read()
    print(int(status.split("VmRSS:")[1].split()[0]) / 1024)
"""
# One search of many steps, and some at one layer after another.
LONG = """
import skimage.data
import sys
import numpy as np
import model_metamers as mm
from model_metamers.signals import images
from model_metamers.synthesis.search import Search

def tell(*_):
    status = open("/proc/self/status", encoding="ascii").read()
    print(int(status.split("VmRSS:")[1].split()[0]) / 1024, flush=True)

optimizer, iterations, layers = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
network = mm.load_network("vgg_19_small")
target = images.from_uint8(skimage.data.chelsea()[:256:8, :256:8], network.signal)[None]
config = mm.SynthesisConfig(iterations=iterations, save_every=max(1, iterations // 5), optimizer=optimizer)
for layer in layers:
    save = tell if len(layers) == 1 else None
    Search(network, layer, config).run(target, save=save, progress=False)
    if not save:
        tell()
"""
LAYERS = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc7")
CALLS = 200
BEFORE = 20  # calls that memory may grow over, until TensorFlow's pools are filled


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vgg_19_small", "conv5_4"),
        ("inception_v3_small", "Mixed_6e"),
        ("word_reduced_aliasing_small", "conv_3"),
    ],
)
def test_memory_is_flat_over_searches(name, layer):
    command = [sys.executable, "-c", PROGRAM, name, layer, str(CALLS)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    megabytes = [float(line) for line in output.split()]
    assert len(megabytes) == CALLS
    assert megabytes[-1] - megabytes[BEFORE] < 0.1 * (CALLS - BEFORE), megabytes[::20]


def memory_of(*arguments: str) -> list[float]:
    """What LONG prints: megabytes."""
    command = [sys.executable, "-c", LONG, *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    print(*arguments[:2], output.split())
    return [float(line) for line in output.split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("optimizer", "iterations"), [("adam", 15000), ("lbfgs", 5000)])
def test_memory_is_flat_over_the_steps_of_a_search(optimizer, iterations):
    megabytes = memory_of(optimizer, str(iterations), "conv4_4")
    assert len(megabytes) == 5 and max(megabytes) - megabytes[0] < 10


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_memory_is_flat_over_thirty_searches_at_several_layers(optimizer):
    """What is compiled for a layer is kept, so that it grows until every layer had its turn."""
    megabytes = memory_of(optimizer, "100", *LAYERS * 5)
    assert len(megabytes) == 30 and max(megabytes) - megabytes[2 * len(LAYERS) - 1] < 10
