"""Options of study 4's experiment. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from experiments.engine.config import COUNT, Axis, Between, CosineConfig, Distinct, SoftTargetConfig
from experiments.engine.errors import UsageError
from experiments.engine.trial import Precision

Regime = Literal["hierarchical", "direct", "through S1"]
COUNTS = (1, 2, 4, 8)
SMOKE = {
    "seeds": (0,),
    "train_size": 60,
    "validation_size": 40,
    "test_size": 40,
    "teacher_epochs": 1,
    "epochs": 1,
    "fine_tune_epochs": 1,
    "counts": (1, 2),
    "regimes": ("hierarchical",),
    "future_work": False,
}
FULL = {
    "train_size": 2000,
    "validation_size": 500,
    "test_size": 2500,
    "epochs": 8,
    "fine_tune_epochs": 2,
    "one_teacher": True,
}


@dataclass(frozen=True)
class AssistantsConfig(SoftTargetConfig, CosineConfig):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""
    counts: Annotated[tuple[int, ...], Distinct(), Axis()] = COUNTS
    """Numbers of students that share the teacher's features: some of 1, 2, 4, 8."""
    regimes: Annotated[tuple[Regime, ...], Distinct(), Axis()] = ("hierarchical", "direct", "through S1")
    """Whom students learn from."""
    future_work: Annotated[bool, Axis()] = True
    """Also train networks that learn logits through assistants or densely guided, and residual distillation."""
    one_teacher: bool = False
    """Let all seeds learn from one teacher and one S1, as in the paper, instead of training them for each seed."""
    teacher_epochs: Annotated[int, COUNT] = 10
    """Epochs of the teacher."""
    epochs: Annotated[int, COUNT] = 60
    """Epochs of each student."""
    fine_tune_epochs: Annotated[int, COUNT] = 10
    """Epochs of each ensemble on labels, at a tenth of the learning rate."""
    drop_rate: Annotated[float, Between(0, 1, below=True)] = 0.25
    """Chance of each teacher to be dropped in a batch, of densely guided networks."""
    precision: Precision = "float32"
    """Numbers that the layers compute with; bfloat16 is faster on some processors."""

    PROFILES: ClassVar = {
        "smoke": SMOKE,
        "quick": FULL | {"seeds": (0,), "future_work": False},
        "full": FULL,
        "paper": {},
    }

    def check(self) -> None:
        super().check()
        if not set(self.counts) <= set(COUNTS):
            raise UsageError(f"counts {self.counts}: expected some of 1, 2, 4, 8")
