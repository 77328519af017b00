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
