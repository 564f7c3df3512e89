"""Study 1's claims on MNIST, on made-up rows where the right verdict of each is known."""

from experiments.cs230.claims_mnist import BATCH_SWEEP, BATCHES, DENSE, LAMBDA_SWEEP, LAMBDAS, MNIST_CLAIMS
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

SEEDS = (0, 1, 2)
# A thousandth of a point, so that intervals have a width and no two seeds are alike.
JITTER = (-1e-5, 0.0, 1e-5)


def inside(value, bounds) -> bool:
    return bounds[0] <= value <= bounds[1]


def rows(lines, **common):
    """A row a seed of each line; `test_accuracy` and `validation_accuracy` of a line are shifted by seed."""
    return [
        line
        | common
        | {"seed": seed, "trial": f"{place}-{seed}", "test_accuracy": line["test_accuracy"] + place % 2 * shift}
        for place, line in enumerate(lines)
        for seed, shift in zip(SEEDS, JITTER, strict=True)
    ]


def teacher(accuracy, **more):
    return {"role": "teacher", "method": "teacher", "test_accuracy": accuracy, "validation_accuracy": accuracy} | more


def student(accuracy, **more):
    line = {"role": "student", "method": "kd", "test_accuracy": accuracy, "validation_accuracy": accuracy, "epochs": 5}
    return line | more


def study(gain: float, train_size: int = 55_000, teacher_accuracy: float = 0.9931) -> dict:
    """All three experiments; `gain` is what every claim says is positive."""
    dense = [teacher(0.92), student(0.92 - 3 * gain, method="plain"), student(0.92 + gain)]
    lambdas = [student(0.98 - gain, method="plain", **{"lambda": 0.0})] + [
        student(0.98 + gain * inside(value, LAMBDAS), **{"lambda": value}) for value in (0.1, 0.4, 0.5, 0.7, 1.0)
    ]
    batches = [student(0.98 + gain * inside(size, BATCHES), batch_size=size) for size in (32, 75, 100, 256)]
    one_teacher = teacher(teacher_accuracy, epochs=12) | {"seed": 0, "trial": "teacher"}
    sweep = results([one_teacher, *rows(lambdas)], LAMBDA_SWEEP, train_size=train_size)
    first_epochs = sweep.rows.assign(epoch=1)
    object.__setattr__(sweep, "epochs", first_epochs)
    return {
        DENSE: results(rows(dense), DENSE, train_size=train_size),
        LAMBDA_SWEEP: sweep,
        BATCH_SWEEP: results([one_teacher, *rows(batches)], BATCH_SWEEP, train_size=train_size),
    }


def verdicts(found) -> list[str]:
    return [one.verdict for one in judge(MNIST_CLAIMS, found)]


def test_every_claim_is_reproduced_where_the_effects_are_the_papers():
    assert verdicts(study(0.01)) == ["as published", "as published", "reproduced", "yes", *["reproduced"] * 6]


def test_every_difference_is_contradicted_where_the_effects_are_reversed():
    found = verdicts(study(-0.01))
    assert found == [
        *("as published", "worse than published", "contradicted", "no", "reproduced"),
        *["contradicted"] * 5,
    ]


def test_without_effects_there_is_no_difference():
    found = verdicts(study(0.0))
    assert found == [
        *("as published", "worse than published", "no difference", "no difference", "reproduced"),
        *["no difference"] * 5,
    ]


def test_small_data_and_weak_teachers_test_nothing():
    assert set(verdicts(study(0.01, train_size=3500))) == {"not tested at this size"}
    weak = verdicts(study(0.01, teacher_accuracy=0.98))
    assert weak[4] == "contradicted"
    assert set(weak[5:]) == {"not tested at this size"}


def test_without_rows_nothing_was_run():
    assert set(verdicts({})) == {"not run"}
    partly = study(0.01)
    del partly[BATCH_SWEEP]
    assert verdicts(partly)[-1] == "not run"
