"""Options of study 4's experiment. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from experiments.engine.config import COUNT, Axis, Between, CosineConfig, Distinct, SoftTargetConfig
from experiments.engine.errors import UsageError

Regime = Literal["hierarchical", "direct", "through S1"]
Size = Literal["vgg16", "s1", "of_2", "of_4", "of_8"]
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
    "bfloat16": ("s1",),
}
QUICK = {
    "train_size": 1500,
    "validation_size": 500,
    "test_size": 2500,
    "counts": (4,),
    "regimes": ("hierarchical", "direct"),
    "future_work": False,
    "one_teacher": True,
    "teacher_epochs": 5,
    "epochs": 8,
    "fine_tune_epochs": 2,
}
# The teacher has a third of its students' epochs; in the paper it has a sixth, and a sixth is for fine-tuning.
FULL = {
    "train_size": 5000,
    "validation_size": 500,
    "test_size": 5000,
    "future_work": False,
    "teacher_epochs": 7,
    "epochs": 21,
    "fine_tune_epochs": 4,
    "bfloat16": ("vgg16", "s1", "of_2"),
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
    bfloat16: tuple[Size, ...] = ()
    """Sizes of networks that compute in bfloat16: with AMX the three largest take 0.7 of the time, the others more."""

    PROFILES: ClassVar = {"smoke": SMOKE, "quick": QUICK, "full": FULL, "paper": {}}

    def check(self) -> None:
        super().check()
        if not set(self.counts) <= set(COUNTS):
            raise UsageError(f"counts {self.counts}: expected some of 1, 2, 4, 8")
