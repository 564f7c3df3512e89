"""What the paper of study 1 claims of students that lost layers, on Dogs vs. Cats.

Figures 6 and 8 are judged where few of MobileNet's 27 units go (1 or 2) and where many do (6 or more), and by the slope
over all counts. Claims that two groups differ, whichever is better, are written as the larger distance from the median.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from kdsuite.report.claims import OURS, Claim, Matters
from kdsuite.report.comparisons import Difference, Level
from kdsuite.report.conditions import Seeds, at_least, teacher_at_least
from kdsuite.report.groups import Group, above, between, shared, where
from kdsuite.report.measures import Measure
from kdsuite.report.published import published
from kdsuite.report.samples import ALIKE, DIFFERENT
from kdsuite.report.slopes import SlopeDifference

LAYERS = "catdog-mobilenet"
TEACHER_BOUND = published("1", "MobileNet teacher on Dogs vs. Cats (5000 test)")
TRAIN_SIZE = int(published("1", "students on Dogs vs. Cats", "train images"))
TEST_SIZE = int(published("1", "students on Dogs vs. Cats", "test images"))
EPOCHS = int(published("1", "students on Dogs vs. Cats", "epochs"))

FEW, MANY = between(1, 2), between(6, 27)
MILLION = 1e6


def cut(label: str = "", **conditions) -> Group:
    """Students of Figures 5, 6 and 8: piped weights, the usual epochs and λ."""
    return where(label, role="student", sweep="layers", **conditions)


def deviation(rows: pd.DataFrame) -> pd.Series:
    """How far each network's test accuracy is from the median of those that lost as many layers the same way."""
    like = rows.groupby(["units_removed", "method"]).test_accuracy
    return (rows.test_accuracy - like.transform("median")).abs()


def recalibration(rows: pd.DataFrame) -> pd.Series:
    """What recalibrated batch-norm statistics add to test accuracy."""
    return rows.test_accuracy - rows.test_accuracy_stale_batch_norm


DEVIATION = Measure(deviation, "distance from the median test accuracy", "points", "points", 100)
RECALIBRATION = Measure(recalibration, "test accuracy gained", "points", "points", 100)
TEACHER = shared("teacher", role="teacher")
STUDENTS = where("students", role="student")
EVERY_EPOCH = {"role": "student", "sweep": "epochs"}
ZERO_DENSITY, RANDOM = {"prune_method": "zero_density"}, {"prune_method": "random"}
DISTILLED, PLAIN = {"method": "kd"}, {"method": "plain"}

TRAINED_AS_IN_THE_PAPER = (
    at_least("train_size", TRAIN_SIZE, STUDENTS),
    at_least("test_size", TEST_SIZE),
    at_least("epochs", EPOCHS, STUDENTS),
)
AS_IN_THE_PAPER = (*TRAINED_AS_IN_THE_PAPER, teacher_at_least(TEACHER_BOUND))
COMMON: dict[str, Any] = {"experiment": LAYERS, "judged_when": AS_IN_THE_PAPER, "given": "this teacher"}

HELPS = {
    "says": "knowledge distillation appeared to work exceptionally well, compared to standard pruning, when the number "
    "of layers removed was decreased by only a small number amount",
    "where": "§5, fourth paragraph",
    "paper": "higher",
}
HURTS = {
    "says": "it seemed to have detrimental effects when the proportion of layers removed from the teacher increased to "
    "a significant fraction of the overall size of the network",
    "where": "§5, fourth paragraph",
    "paper": "lower",
}
FALLS = {
    "says": "the student using knowledge distillation also experienced appreciable drops in accuracy at a much faster "
    "pace than the student not using it as the number of layers removed began to increase",
    "where": "§5, fifth paragraph",
    "paper": "faster",
    "matters": Matters(0.0025, "a quarter point a layer is 2 points over the 8 layers of Figure 8"),
}


def few_and_many(way: str, conditions: dict) -> tuple[Claim, ...]:
    """The claims on Figures 6 and 8, for one way to choose layers."""
    return (
        Claim(
            tests=f"distillation helps when few layers go ({way}, 1 or 2)",
            compares=Difference(
                "test_accuracy",
                cut("distilled", **conditions, **DISTILLED, units_removed=FEW),
                cut("labels alone", **conditions, **PLAIN, units_removed=FEW),
            ),
            **HELPS,
            **COMMON,
        ),
        Claim(
            tests=f"distillation hurts when many layers go ({way}, 6 or more)",
            compares=Difference(
                "test_accuracy",
                cut("labels alone", **conditions, **PLAIN, units_removed=MANY),
                cut("distilled", **conditions, **DISTILLED, units_removed=MANY),
            ),
            **HURTS,
            **COMMON,
        ),
        Claim(
            tests=f"distilled students lose accuracy faster with each layer that goes ({way})",
            compares=SlopeDifference(
                "test_accuracy",
                "units_removed",
                cut("labels alone", **conditions, **PLAIN),
                cut("distilled", **conditions, **DISTILLED),
                per_text="layer",
            ),
            **FALLS,
            **COMMON,
        ),
    )


def first_epoch() -> Claim:
    """The claim on Figure 7: distilled students are ahead after the first epoch."""
    return Claim(
        tests="distilled students converge faster (8 layers by zero density): recalibrated validation accuracy after "
        "the first epoch",
        says="in general, knowledge distillation seemed to cause the student using it to converge at a much faster "
        "rate than its counterpart",
        where="§5, fifth paragraph, and Figure 7",
        compares=Difference(
            "validation_accuracy",
            where("distilled", epoch=1, units_removed=8, **EVERY_EPOCH, **DISTILLED),
            where("labels alone", epoch=1, units_removed=8, **EVERY_EPOCH, **PLAIN),
            table="epochs",
        ),
        paper="faster",
        **COMMON,
    )


AGAINST_CHANCE = Difference(
    "test_accuracy",
    cut("zero density", **ZERO_DENSITY),
    cut("at random", **RANDOM),
    match=("units_removed", "method"),
)

CATDOG_CLAIMS = (
    Claim(
        tests="the MobileNet teacher's accuracy is over 95%",
        says="This allowed the teacher to achieve upwards of 95% accuracy on the 5000 examples in the test set",
        where="§4, last paragraph",
        experiment=LAYERS,
        compares=Level("test_accuracy", where("teacher", role="teacher"), above=TEACHER_BOUND),
        judged_when=(at_least("train_size", 5000, TEACHER), at_least("test_size", TEST_SIZE)),
        note="Its head alone is trained, on 7,000 of our 10,000 pictures; the paper had 20,000 of 25,000.",
    ),
    *few_and_many("zero density", ZERO_DENSITY),
    *few_and_many("at random", RANDOM),
    Claim(
        tests="distilled students gain more from each parameter (Figure 5)",
        says="the student network utilizing knowledge distillation saw a much more appreciable increase in accuracy "
        "with the increase of the number of parameters in the network than its counterpart",
        where="§5, fourth paragraph, and Figure 5",
        compares=SlopeDifference(
            "test_accuracy",
            "params",
            cut("distilled", **RANDOM, **DISTILLED),
            cut("labels alone", **RANDOM, **PLAIN),
            match=("units_removed", "cut_number"),
            per=MILLION,
            per_text="million parameters",
        ),
        paper="steeper",
        matters=Matters(0.01, "a point over a million parameters, more than half of the teacher's 1.8 million"),
        **COMMON,
    ),
    Claim(
        tests="distilled students are more accurate at equal parameters (layers removed at random)",
        says="it functioned at a much higher accuracy than the student not using knowledge distillation when both "
        "models possessed the same number of parameters",
        where="§5, fourth paragraph, and Figure 5",
        compares=Difference(
            "test_accuracy", cut("distilled", **RANDOM, **DISTILLED), cut("labels alone", **RANDOM, **PLAIN)
        ),
        paper="higher",
        **COMMON,
    ),
    first_epoch(),
    Claim(
        tests="distillation pays after far more than 3 epochs where many layers are gone (12 epochs)",
        says="it requires far more than 3 epochs of training to observe the lambda loss imparting a net benefit to the "
        "student",
        where="§5, fourth paragraph",
        compares=Difference(
            "test_accuracy",
            where("distilled", **EVERY_EPOCH, **DISTILLED, units_removed=MANY),
            where("labels alone", **EVERY_EPOCH, **PLAIN, units_removed=MANY),
        ),
        paper="higher",
        **dict(COMMON, judged_when=(*AS_IN_THE_PAPER, at_least("epochs", 12, where("Figure 7", **EVERY_EPOCH)))),
    ),
    Claim(
        tests="some random layers weigh more than others when removed",
        says="certain random layers that were removed seemed to possess more gravity in altering results when they "
        "were taken out than others",
        where="§5, fifth paragraph",
        compares=Difference(
            DEVIATION, cut("other layers for each seed", **RANDOM), cut("the same layers", **ZERO_DENSITY)
        ),
        paper="observed",
        matters=Matters(0.01, "a point of spread that is due to the layers and not to the seed"),
        # Two values are as far from their median, whatever they are.
        **dict(COMMON, judged_when=(*AS_IN_THE_PAPER, Seeds(least=3, group=cut(**RANDOM)))),
    ),
    Claim(
        tests="zero density keeps more accuracy than chance",
        says="zero density constituted the most promising approach for pruning while still maintaining high accuracy",
        where="§4, last paragraph",
        compares=AGAINST_CHANCE,
        paper="expected",
        **COMMON,
        note="At equal numbers of layers, not at equal cost: a cut that takes a stride makes the rest dearer.",
    ),
    Claim(
        tests="it matters how layers are chosen: zero density and chance differ",
        says="different methods of removing layers were seen to impact the accuracy of our student models",
        where="§6",
        compares=replace(AGAINST_CHANCE, claimed=DIFFERENT),
        paper="observed",
        **COMMON,
    ),
    Claim(
        tests="one layer less costs next to nothing",
        says="a strong case for the possibility of compressing models without much loss of accuracy",
        where="§6",
        compares=Difference(
            "test_accuracy", cut("distilled, one layer less", **DISTILLED, units_removed=1), TEACHER, claimed=ALIKE
        ),
        paper="not much",
        matters=Matters(0.05, "the paper's own words are 'not much'; five points triple a teacher's errors"),
        **COMMON,
    ),
    Claim(
        tests="piped weights beat random ones (2 layers by zero density)",
        experiment=LAYERS,
        compares=Difference(
            "test_accuracy",
            cut("piped", **ZERO_DENSITY, units_removed=2),
            where("random", role="student", sweep="weights", units_removed=2),
        ),
        kind=OURS,
        judged_when=AS_IN_THE_PAPER,
        given="this teacher",
        note="The paper tried both, and guesses that piped weights lengthen the way to the optimum (§5).",
    ),
    Claim(
        tests="on Dogs vs. Cats λ > 0 beats labels alone (2 layers by zero density)",
        experiment=LAYERS,
        compares=Difference(
            "test_accuracy",
            where(
                "λ > 0", role="student", sweep=("layers", "lambda"), units_removed=2, lambda_=above(0), **ZERO_DENSITY
            ),
            cut("λ = 0", units_removed=2, lambda_=0.0, **ZERO_DENSITY),
        ),
        kind=OURS,
        judged_when=AS_IN_THE_PAPER,
        given="this teacher",
        note="The λ-sweep that the paper leaves as future work (§6).",
    ),
    Claim(
        tests="recalibrated batch-norm statistics raise test accuracy",
        experiment=LAYERS,
        compares=Level(RECALIBRATION, cut("students"), above=0),
        kind=OURS,
        judged_when=AS_IN_THE_PAPER,
        given="this teacher",
        note="After 3 epochs of 32 steps the moving averages still hold the parent's statistics; the paper does not "
        "recalibrate.",
    ),
)
