"""How study 2's networks are trained: Hinton's protocol, and that of the reproduction. Imports no TensorFlow."""

from dataclasses import dataclass, replace
from typing import Literal

Protocol = Literal["original", "reproduction"]
TEACHER_UNITS, STUDENT_UNITS = (1200, 1200), (800, 800)


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        epochs: passes over the data.
        batch_size: images a step.
        optimizer, schedule: keys of `engine.optimizers`.
        learning_rate: at the start.
        dropout: share of pixels and of hidden units dropped.
        max_norm: bound of each hidden unit's incoming weights, or None.
        weight_decay: coupled, on all weights.
        jitter: largest shift in pixels (horizontal, vertical), or None.
    """

    epochs: int
    batch_size: int = 100
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    dropout: tuple[float, float] = (0.0, 0.0)
    max_norm: float | None = None
    weight_decay: float = 0.0
    jitter: tuple[int, int] | None = None


@dataclass(frozen=True)
class Recipes:
    """A protocol: recipes of the teacher, of a student on labels alone, and of a distilled student; λ and T."""

    teacher: Recipe
    plain: Recipe
    distilled: Recipe
    lambda_: float
    temperature: float


_SGD = Recipe(
    epochs=25,
    optimizer="sgd",
    learning_rate=0.01,
    schedule="steps",
    weight_decay=1e-5,
    jitter=(2, 0),
)
PROTOCOLS = {
    "reproduction": Recipes(
        teacher=replace(_SGD, epochs=100), plain=_SGD, distilled=_SGD, lambda_=0.7, temperature=20.0
    ),
    "original": Recipes(
        # Chosen on validation, errors of 5,000 after 40 epochs: 41; dropout (0.2, 0.5), as its authors had in 2012, 57;
        # (0.1, 0.4) 54; (0.1, 0.2) 45; (0, 0.3) 42; SGD 0.5 with dropout (0.2, 0.5) and max-norm 2, 82. Max-norm 2
        # reaches in 100 epochs what 3.5 does in 150 (37, mean over shifts of up to a pixel); 1.5 does no better.
        teacher=Recipe(epochs=200, batch_size=512, learning_rate=2e-3, dropout=(0.1, 0.3), max_norm=2.0, jitter=(2, 2)),
        plain=Recipe(epochs=30),
        distilled=Recipe(epochs=80, jitter=(2, 2)),
        lambda_=0.9,
        temperature=20.0,
    ),
}


def ablations(recipe: Recipe) -> dict[str, Recipe]:
    """What made the difference to the published figures, one at a time: words → the changed recipe."""
    return {
        "without views": replace(recipe, jitter=None),
        "SGD 0.01": replace(recipe, optimizer="sgd", learning_rate=0.01, schedule="constant"),
        "a third of the epochs": replace(recipe, epochs=-(-recipe.epochs // 3)),
    }
