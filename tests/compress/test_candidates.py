import keras
import numpy as np
import pytest

from kdsuite import prune
from kdsuite.compress.candidates import Recipe, cut, recipes
from kdsuite.compress.costs import ModelCosts, aimed_share, costs_of, milliseconds, search_goal, wanted_share, widths
from kdsuite.compress.endings import as_logits
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.goals import Goal
from kdsuite.compress.proofs import masked
from kdsuite.compress.scoring import Scores
from kdsuite.prune import PruneError
from tests.compress.conftest import SIZE, untrained
from tests.prune.zeroing import zeroed_output

MACS = Goal("macs", 0.5)


@pytest.fixture
def teacher():
    return as_logits(untrained())[0]


@pytest.fixture
def scores():
    random = np.random.default_rng(0)
    return Scores([(random.uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32), random.integers(0, 2, 8))])


@pytest.mark.parametrize("recipe", recipes(MACS, 0.5)[:-1], ids=str)
def test_candidates_cost_at_most_their_share_and_surgery_is_exact(teacher, scores, recipe):
    whole = costs_of(teacher)
    made = cut(teacher, recipe, MACS, whole, scores)
    assert 0.3 < prune.macs(made.model) / whole.macs <= 0.5
    assert made.proof.holds and made.proof.allowed is not None
    assert bool(made.removed) == bool(recipe.units)


def test_units_that_are_enough_by_themselves_are_enough(scores):
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    inner = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(inner)])
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    whole = costs_of(model)
    made = cut(model, Recipe(0.5, "taylor", units=0.5), MACS, whole, scores)
    assert made.removed and not made.channels
    assert prune.macs(made.model) / whole.macs < 0.3


@pytest.mark.parametrize("share", [0.6, 0.25])
def test_widths_are_multiples_of_eight_where_layers_are_wide(scores, share):
    layers = [keras.layers.Conv2D(64, 3, strides=2, activation="relu", name=f"conv_{number}") for number in (1, 2)]
    end = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = as_logits(keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers, *end]))[0]
    made = cut(model, Recipe(share, "taylor", weighed=True), MACS, costs_of(model), scores)
    assert [made.model.get_layer(layer.name).filters % 8 for layer in layers] == [0, 0]


def test_what_no_criterion_scored_goes_last(scores):
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Reshape((36, 48))(layers.Conv2D(48, 4, strides=4, name="patches")(inputs))
    x = layers.Dense(64, activation="relu", name="wide")(layers.MultiHeadAttention(16, 4, name="attention")(x, x))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    made = cut(model, Recipe(0.6, "taylor", "layer"), Goal("params", 0.6), costs_of(model), scores)
    assert "wide" in made.channels and "attention/heads" not in made.channels
    asked = {"keep": 0.6, "tolerance": 1}
    by_prune = prune.channels_to_delete(model, scores.data, criterion="taylor", scope="layer", **asked)
    assert prune.channels_to_delete(model, criterion=scores.by("taylor", model, "layer"), **asked) == by_prune


def test_a_criterion_that_scores_nothing_is_refused(scores):
    layers = [keras.layers.Conv2D(8, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = as_logits(keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers]))[0]
    with pytest.raises(PruneError, match="criterion 'bn_scale' cannot score any channel"):
        scores.by("bn_scale", model)


def test_attention_that_gives_its_scores_too_has_the_width_of_its_first_output():
    inputs = keras.Input((5, 12))
    x, _ = keras.layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs, return_attention_scores=True)
    model = keras.Model(inputs, keras.layers.Dense(2, name="answer")(x))
    assert widths(model) == {"attention": 12, "answer": 2}


def test_removing_all_the_way_by_units_alone_is_refused_where_too_few_can_go(teacher, scores):
    with pytest.raises(PruneError, match="removing units alone"):
        cut(teacher, Recipe(0.02, None, units=1.0), Goal("macs", 0.02), costs_of(teacher), scores)


def test_a_goal_in_milliseconds_or_bytes_becomes_a_share(teacher):
    whole = costs_of(teacher, (teacher, milliseconds(teacher)))
    assert wanted_share(Goal("ms", whole.ms / 4), whole) == pytest.approx(0.25)
    assert wanted_share(Goal("bytes", whole.bytes / 2), whole) == pytest.approx(0.5)
    assert wanted_share(Goal("bytes", 0.3), whole) == 0.3
    assert aimed_share(Goal("ms", whole.ms / 4), whole) == pytest.approx(0.97 * 0.25)
    assert aimed_share(Goal("macs", 0.25), whole) == 0.25
    assert aimed_share(Goal(max_drop=0.01), whole) is None
    assert wanted_share(Goal(max_drop=0.01), whole) is None


def test_a_busy_machine_slows_both_of_two_networks(teacher, monkeypatch):
    """Seconds that are three times the usual ones for both tell that the second takes half of the first."""
    monkeypatch.setattr("kdsuite.compress.costs.prune.latency", lambda models: [0.030, 0.015])
    assert costs_of(teacher, (teacher, 10.0)).ms == pytest.approx(5.0)


def test_a_share_of_the_file_leaves_room_for_what_describes_the_layers(teacher):
    whole = costs_of(teacher)
    file_bytes = 4 * whole.params + 1000
    found = search_goal(Goal("bytes", 0.5), whole, file_bytes)
    assert 4 * found.value * whole.params + 1000 == pytest.approx(0.5 * file_bytes)
    with pytest.raises(CompressionError, match="the description of the layers alone takes"):
        search_goal(Goal("bytes", 1e-3), whole, file_bytes)


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (Goal("ms", 2.0), "at most 2 ms an image: the model reaches it already, with about 1.5 milliseconds"),
        (Goal("bytes", 9000), "at most 9,000 bytes: the model reaches it already, with about 9,000 bytes in int8"),
    ],
)
def test_a_goal_that_the_model_reaches_already_is_refused(goal, message):
    with pytest.raises(CompressionError, match=message):
        search_goal(goal, ModelCosts(2000, 100_000, 9000, 1.5), 20_000)


def test_the_masked_original_is_what_zeroing_gives(teacher, scores):
    images, _ = scores.data[0]
    channels = {"wide_1": [0, 3, 5], "stem": [1, 2]}
    deleted = {name: list(gone) for name, gone in prune.deletion_report(teacher, channels).deleted.items()}
    (expected,) = zeroed_output(teacher, images, deleted)
    given = np.asarray(masked(teacher, deleted)(images))
    np.testing.assert_allclose(given, expected, atol=1e-5)
    assert np.abs(given - np.asarray(teacher(images))).max() > 1e-4
