"""The recipes of the paper's networks; optimisers against TensorFlow 1's."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.catalog.names import CATALOG
from model_metamers.training import optimizers
from model_metamers.training.image_preprocessing import PREPROCESSING
from model_metamers.training.recipes import RECIPES, choose

_GRADIENTS = np.random.RandomState(0).randn(30, 5).astype(np.float32)
_EPOCH = 5004  # steps of 256 ImageNet images


def _keras_steps(optimizer: tf.keras.optimizers.Optimizer) -> np.ndarray:
    """The variable after each step, from zero."""
    variable = tf.Variable(tf.zeros([5]))
    optimizer.build([variable])
    rows = []
    for gradient in _GRADIENTS:
        optimizer.apply([tf.constant(gradient)])
        rows.append(variable.numpy())
    return np.stack(rows)


def _tensorflow_1_steps(optimizer) -> np.ndarray:
    variable = tf.Variable(tf.zeros([5]))
    rows = []
    for gradient in _GRADIENTS:
        optimizer.apply_gradients([(tf.constant(gradient), variable)])
        rows.append(variable.numpy())
    return np.stack(rows)


@pytest.mark.parametrize("name", ["inception_v3", "slim"])
def test_slims_rmsprop_is_tensorflow_1s(name):
    recipe = RECIPES[name]
    expected = tf.compat.v1.train.RMSPropOptimizer(recipe.learning_rate, decay=0.9, momentum=0.9, epsilon=1.0)
    np.testing.assert_allclose(_keras_steps(recipe.optimizer()), _tensorflow_1_steps(expected), rtol=1e-4)


def test_keras_own_rmsprop_takes_longer_first_steps():
    settings = {"rho": 0.9, "momentum": 0.9, "epsilon": 1.0}
    variable = tf.Variable([0.0])
    moved = []
    for kind in (tf.keras.optimizers.RMSprop, optimizers.RMSprop):
        variable.assign([0.0])
        optimizer = kind(1.0, **settings)
        optimizer.build([variable])
        optimizer.apply([tf.constant([1e-3])])
        moved.append(float(variable[0]))
    assert moved[0] / moved[1] == pytest.approx(1.9**0.5, rel=1e-4)


def test_rmsprop_goes_on_from_a_checkpoint(tmp_path):
    def fresh():
        variable, optimizer = tf.Variable(tf.zeros([5])), RECIPES["slim"].optimizer()
        optimizer.build([variable])
        return variable, optimizer, tf.train.Checkpoint(variable=variable, optimizer=optimizer)

    variable, optimizer, checkpoint = fresh()
    for gradient in _GRADIENTS[:10]:
        optimizer.apply([tf.constant(gradient)])
    path = checkpoint.save(str(tmp_path / "state"))
    other_variable, other_optimizer, other_checkpoint = fresh()
    other_checkpoint.restore(path).assert_existing_objects_matched()
    for gradient in _GRADIENTS[10:]:
        optimizer.apply([tf.constant(gradient)])
        other_optimizer.apply([tf.constant(gradient)])
    np.testing.assert_array_equal(other_variable.numpy(), variable.numpy())


def test_auditory_adam_is_tensorflow_1s_with_its_epsilon():
    expected = tf.compat.v1.train.AdamOptimizer(1e-4, epsilon=1e-4)
    steps = _keras_steps(RECIPES["auditory"].optimizer())
    np.testing.assert_allclose(steps, _tensorflow_1_steps(expected), rtol=1e-4, atol=1e-8)


def test_momentum_is_tensorflow_1s_at_one_rate():
    expected = tf.compat.v1.train.MomentumOptimizer(0.1, momentum=0.9)
    steps = _keras_steps(RECIPES["resnet_v2"].optimizer())
    np.testing.assert_allclose(steps, _tensorflow_1_steps(expected), rtol=1e-4, atol=1e-6)


def test_inceptions_rate_falls_every_second_epoch():
    rate = RECIPES["inception_v3"].schedule(_EPOCH)
    assert rate(2 * _EPOCH - 1) == 0.045
    assert rate(2 * _EPOCH) == pytest.approx(0.045 * 0.94)
    assert rate(100 * _EPOCH - 1) == pytest.approx(0.045 * 0.94**49)


def test_resnets_rate_falls_at_30_60_90_epochs():
    rate = RECIPES["resnet_v2"].schedule(_EPOCH)
    steps = [30 * _EPOCH - 1, 30 * _EPOCH, 60 * _EPOCH, 90 * _EPOCH]
    assert [rate(s) for s in steps] == pytest.approx([0.1, 0.01, 0.001, 0.0001])


@pytest.mark.parametrize("epochs", [74, 7])
def test_vggs_rate_falls_three_times(epochs):
    rate = dataclasses.replace(RECIPES["vgg"], num_epochs=epochs).schedule(_EPOCH)
    rates = sorted({rate(s) for s in range(epochs * _EPOCH)}, reverse=True)
    assert rates == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])


def test_vggs_rate_falls_after_each_quarter():
    rate = dataclasses.replace(RECIPES["vgg"], num_epochs=8).schedule(100)
    assert [rate(s) for s in (199, 200, 399, 400, 600)] == pytest.approx([1e-2, 1e-3, 1e-3, 1e-4, 1e-5])


def test_auditory_rates():
    assert RECIPES["auditory"].schedule(_EPOCH)(10**7) == 1e-4
    rate = RECIPES["auditory_staircase"].schedule(_EPOCH)
    first = 697_272 // 64
    assert [rate(first - 1), rate(first)] == pytest.approx([1e-4, 0.96e-4])


@pytest.mark.parametrize(
    ("name", "epochs", "batch", "rate", "decay", "auxiliary", "clip"),
    [
        ("vgg", 74, 256, 0.01, 5e-4, 0.0, None),
        ("inception_v3", 100, 32, 0.045, 4e-5, 0.4, 2.0),
        ("resnet_v2", 100, 256, 0.1, 1e-4, 0.0, None),
        ("slim", 100, 32, 0.01, 4e-5, 0.4, None),
        ("auditory", 100, 64, 1e-4, 0.0, 0.0, None),
        ("auditory_staircase", 100, 64, 1e-4, 0.0, 0.0, None),
    ],
)
def test_numbers_of_the_papers_recipes(name, epochs, batch, rate, decay, auxiliary, clip):
    """Simonyan & Zisserman 3.1; Szegedy et al. 8; He et al. 3.4; slim's defaults; docs/sources.md 1d."""
    recipe = RECIPES[name]
    found = (recipe.num_epochs, recipe.batch_size, recipe.learning_rate, recipe.weight_decay)
    assert (*found, recipe.aux_weight, recipe.clip_norm) == (epochs, batch, rate, decay, auxiliary, clip)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_followed(name):
    recipe = RECIPES[name]
    assert recipe.preprocessing in (*PREPROCESSING, "sound", "small")
    rates = [recipe.schedule(100)(step) for step in range(100 * recipe.num_epochs)]
    assert recipe.source and max(rates) == pytest.approx(recipe.learning_rate) and min(rates) > 0
    assert float(recipe.optimizer().learning_rate) == pytest.approx(recipe.learning_rate)
    assert type(recipe.changed(learning_rate=1e-3).optimizer()) is type(recipe.optimizer())


@pytest.mark.parametrize(
    ("network", "recipe"),
    [
        ("vgg_19", "vgg"),
        ("vgg_19_small", "small_vgg"),
        ("inception_v3", "inception_v3"),
        ("inception_v3_small", "small_inception"),
        ("resnet_v2_101", "resnet_v2"),
        ("mobilenet_v1_025", "slim"),
        ("word_aliased", "auditory"),
        ("audioset_reduced_aliasing", "auditory"),
        ("environmental_reduced_aliasing_small", "small_sounds"),
    ],
)
def test_a_networks_own_recipe(network, recipe):
    assert choose(network) is RECIPES[recipe]


def test_every_trainable_network_has_a_recipe():
    for name in CATALOG:
        if name in ("vggish", "vggish_linear", "deepspeech", "efficientnet_lite0"):
            with pytest.raises(InputError, match=f"no recipe for {name}"):
                choose(name)
        else:
            choose(name)


def test_a_recipe_can_be_named():
    assert choose("vgg_19", "slim") is RECIPES["slim"]
    with pytest.raises(InputError, match="no recipe 'best'; name one of vgg"):
        choose("vgg_19", "best")
