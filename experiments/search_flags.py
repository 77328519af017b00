"""Flags of how metamers are searched for, and the search that they ask for."""

from __future__ import annotations

from absl import flags

import model_metamers as mm

_ITERATIONS = flags.DEFINE_integer("iterations", 15000, "Steps of the search.")
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", None, "At the start. Without it, the network's own (0.001 for most)."
)
_PRESET = flags.DEFINE_enum(
    "preset",
    "released",
    ["released", "paper"],
    "released: as the authors' code, the rate falls by 0.95 every 1000 steps and image noise lies above the "
    "centre. paper: as the main text, constant rate and centred noise.",
)
_DECAY = flags.DEFINE_float("learning_rate_decay", None, "Factor per 1000 steps, instead of the preset's.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the noise that every search begins from.")
_RELU_GRADIENT = flags.DEFINE_enum(
    "relu_gradient",
    "linear",
    ["linear", "plain"],
    "Through the ReLU of the matched layer: linear passes every gradient, plain is ordinary.",
)
_OPTIMIZER = flags.DEFINE_enum(
    "optimizer",
    "adam",
    ["adam", "lbfgs"],
    "adam: as the paper. lbfgs: a quasi-Newton search, which for images mostly comes as near in 100 to 1500 "
    "iterations as adam in 15,000, and for sounds in 1500 as adam in 3000 to 12,000; an iteration is one "
    "evaluation of the network in both.",
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "What the network computes in during the first nine tenths of the iterations. bfloat16 is meant for "
    "hardware that computes faster in it; where it is slower, a line tells. It suits adam; lbfgs, which "
    "needs exact values, came less near with it. The last tenth, rho and the verdict are always float32.",
)
_FRONTEND = flags.DEFINE_enum(
    "frontend",
    "exact",
    ["exact", "fast"],
    "How the cochleagram is computed during the first nine tenths of the iterations: fast is approximate. "
    "The last tenth, rho and the verdict are always exact.",
)
_STOP_WHEN = flags.DEFINE_enum(
    "stop_when",
    None,
    ["verdict", "converged"],
    "Ends the search of a metamer early, and says where. verdict: when rho was above the null maximum, with "
    "the target's class, at two checks in a row, every 250 steps of adam and every 50 of lbfgs. converged: "
    "when besides the least loss has fallen by less than 10 % over the last tenth of --iterations. A step "
    "costs the same until all of a batch have ended; rho may be just above the limit then. The null "
    "distribution must stay the same. Without it, all steps are taken.",
)
_BATCH_NORM = flags.DEFINE_enum(
    "batch_norm",
    "separate",
    ["separate", "folded"],
    "folded: batch normalisation is made part of the kernels before it, which is the same function but for "
    "rounding, and the faster the smaller the kernels are (most in MobileNet). Not in rho and the verdict.",
)
_HIDDEN_RELU = flags.DEFINE_enum(
    "hidden_relu",
    "exact",
    ["exact", "leaky", "rounded"],
    "Easier functions for lbfgs to begin with. leaky: for the first tenth of the iterations, at most 100, "
    "ReLUs before the layer have a slope of 0.1 where they are flat, so that the large first steps leave no "
    "unit without a gradient. rounded: besides, their bends are rounded off for the first half, at most 500, "
    "so that what is learnt of the curvature lasts: at most layers images end at half the loss or less, "
    "sounds no lower. Losses of these iterations are of those functions; rho and the verdict are exact. "
    "At the one middle layer where that was tried, other networks recognised more of its metamers than of "
    "Adam's: take exact where recognition is compared.",
)
_CONVOLUTIONS = flags.DEFINE_enum(
    "convolutions",
    "direct",
    ["direct", "winograd"],
    "winograd: those of 3 x 3 at stride 1 with many channels by Winograd's algorithm, which is the same "
    "function but for rounding. On a CPU, steps of VGG-19 are 1.8 times as fast, those of small networks "
    "hardly. It compiles first, and keeps kernels of four times the size. Not in rho and the verdict.",
)
_STARTS = flags.DEFINE_integer(
    "starts",
    1,
    "Noises that a metamer may be searched from. Beyond 1, those that do not meet the conditions when their "
    "search is over are searched again from noise of another seed, up to that many in all. The first that "
    "meets them is kept; if none does, that of the lowest loss. metamer.json tells of every start. The null "
    "distribution must stay the same.",
)
_SAVE_EVERY = flags.DEFINE_integer("save_every", 1000, "Steps between saved states of a search.")
_SAVE_MINUTES = flags.DEFINE_float(
    "save_minutes", 5.0, "After so many minutes a state is saved even so.", 0.1
)


def config() -> mm.SynthesisConfig:
    """The search that the flags ask for."""
    return mm.SynthesisConfig(
        iterations=_ITERATIONS.value,
        learning_rate=_LEARNING_RATE.value,
        preset=_PRESET.value,
        learning_rate_decay=_DECAY.value,
        seed=_SEED.value,
        relu_gradient=_RELU_GRADIENT.value,
        save_every=_SAVE_EVERY.value,
        save_minutes=_SAVE_MINUTES.value,
        optimizer=_OPTIMIZER.value,
        precision=_PRECISION.value,
        frontend=_FRONTEND.value,
        batch_norm=_BATCH_NORM.value,
        convolutions=_CONVOLUTIONS.value,
        stop_when=_STOP_WHEN.value,
        starts=_STARTS.value,
        hidden_relu=_HIDDEN_RELU.value,
    )
