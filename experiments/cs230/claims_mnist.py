"""What the paper of study 1 claims on MNIST.

Its explanations (a small λ "allows for some form of regularization", a student "standing on its own legs") say why, not
what was measured, and are not listed.
"""

from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import AsPublished, Difference, Level
from kdsuite.report.conditions import at_least, teacher_at_least
from kdsuite.report.groups import Group, above, best_outside, between, where
from kdsuite.report.published import published

DENSE, LAMBDA_SWEEP, BATCH_SWEEP = "mnist-dense", "mnist-lambda-sweep", "mnist-batch-sweep"

TEACHER = where("teacher", role="teacher")
PLAIN = where("labels alone", role="student", method="plain")
DISTILLED = where("distilled", role="student", method="kd")

DENSE_TEACHER = published("1", "dense teacher 10-10 on MNIST")
DENSE_STUDENT = published("1", "dense student 10 distilled at lambda 0.4")
CNN_BOUND = published("1", "Keras MNIST CNN teacher (2 conv + 1 dense)")
LAMBDAS = tuple(published("1", "MNIST CNN student best lambda", f"range {end}") for end in ("low", "high"))
BATCHES = tuple(published("1", "MNIST CNN student best batch size", f"range {end}") for end in ("low", "high"))

IN_RANGE = where("λ in {:g}–{:g}".format(*LAMBDAS), role="student", lambda_=between(*LAMBDAS))
FULL_TRUST = where("λ = 1", role="student", lambda_=1.0)
FIRST_EPOCH = {"role": "student", "epoch": 1}
IN_BATCHES = where("batch size {:g}–{:g}".format(*BATCHES), role="student", batch_size=between(*BATCHES))

WHOLE_MNIST = at_least("train_size", 50_000)
GOOD_TEACHER = teacher_at_least(CNN_BOUND)
FIVE_EPOCHS = at_least("epochs", 5, where("students", role="student"))
ONE_TEACHER = "this teacher"

ROSE = "the student network actually presented an increase in accuracy (from 92 to 93 percent)"
OF_WHOM = (
    "The paper does not say whose 92% it is: we take it for the teacher's, it may be the student's on labels alone."
)


def dense_level(tests: str, group: Group, value: float, **settings) -> Claim:
    """A published accuracy of the dense networks, known in whole percent."""
    return Claim(
        tests=tests,
        says=ROSE,
        where="§4, second paragraph of the chronology",
        experiment=DENSE,
        compares=AsPublished("test_accuracy", group, value, contrast=DENSE_STUDENT - DENSE_TEACHER, rounded_to=0.01),
        judged_when=(WHOLE_MNIST,),
        **settings,
    )


DENSE_CLAIMS = (
    dense_level("the 10–10 teacher's accuracy", TEACHER, DENSE_TEACHER, note=OF_WHOM),
    dense_level("the distilled 10-unit student's accuracy", DISTILLED, DENSE_STUDENT),
    Claim(
        tests="the distilled 10-unit student beats its 10–10 teacher",
        says=ROSE,
        where="§4, second paragraph of the chronology",
        experiment=DENSE,
        compares=Difference("test_accuracy", DISTILLED, TEACHER),
        published=DENSE_STUDENT - DENSE_TEACHER,
        paper=f"{100 * DENSE_TEACHER:g} → {100 * DENSE_STUDENT:g}%",
        judged_when=(WHOLE_MNIST, teacher_at_least(0.91)),
        note=OF_WHOM,
    ),
    Claim(
        tests="the 10-unit student owes its accuracy to the teacher",
        experiment=DENSE,
        compares=Difference("test_accuracy", DISTILLED, PLAIN),
        judged_when=(WHOLE_MNIST, teacher_at_least(0.91)),
        kind=OURS,
        note="The paper does not train the student without its teacher.",
    ),
)

LAMBDA_CLAIMS = (
    Claim(
        tests="the convolutional teacher's accuracy is over 99%",
        says="We used a known Keras model that achieves >99 percent accuracy on the dataset",
        where="§4, fourth paragraph of the chronology",
        experiment=LAMBDA_SWEEP,
        compares=Level("test_accuracy", TEACHER, above=CNN_BOUND),
        judged_when=(WHOLE_MNIST, at_least("epochs", 12, TEACHER)),
    ),
    Claim(
        tests="the best λ lies in 0.4–0.7",
        says="a lambda loss somewhere between .4 and .7 seems to be the optimum value",
        where="§5, second paragraph",
        experiment=LAMBDA_SWEEP,
        compares=Difference("test_accuracy", IN_RANGE, best_outside("lambda", *LAMBDAS, role="student")),
        paper="0.4–0.7",
        judged_when=(WHOLE_MNIST, GOOD_TEACHER, FIVE_EPOCHS),
        given=ONE_TEACHER,
    ),
    Claim(
        tests="λ in 0.4–0.7 beats labels alone",
        says="different lambda loss parameters allowed for … even higher accuracy than simply learning from the ground "
        "truth",
        where="§5, second paragraph",
        experiment=LAMBDA_SWEEP,
        compares=Difference("test_accuracy", IN_RANGE, PLAIN),
        paper="higher",
        judged_when=(WHOLE_MNIST, GOOD_TEACHER, FIVE_EPOCHS),
        given=ONE_TEACHER,
    ),
    Claim(
        tests="λ > 0 converges faster: validation accuracy after the first epoch",
        says="different lambda loss parameters allowed for faster convergence",
        where="§5, second paragraph",
        experiment=LAMBDA_SWEEP,
        compares=Difference(
            "validation_accuracy",
            where("λ > 0", lambda_=above(0), **FIRST_EPOCH),
            where("labels alone", method="plain", **FIRST_EPOCH),
            table="epochs",
        ),
        paper="faster",
        judged_when=(WHOLE_MNIST, GOOD_TEACHER),
        given=ONE_TEACHER,
    ),
    Claim(
        tests="fully trusting the teacher (λ = 1) lowers accuracy",
        says="fully trusting the teacher network appears to negatively affect the accuracy of the model",
        where="§5, second paragraph",
        experiment=LAMBDA_SWEEP,
        compares=Difference("test_accuracy", IN_RANGE, FULL_TRUST),
        paper="lower",
        judged_when=(WHOLE_MNIST, GOOD_TEACHER, FIVE_EPOCHS),
        given=ONE_TEACHER,
    ),
)

BATCH_CLAIMS = (
    Claim(
        tests="the best batch size lies in 75–100",
        says="a batch size somewhere between 75 and 100 elements led to the best accuracy results",
        where="§5, second paragraph",
        experiment=BATCH_SWEEP,
        compares=Difference("test_accuracy", IN_BATCHES, best_outside("batch_size", *BATCHES, role="student")),
        paper="75–100",
        judged_when=(WHOLE_MNIST, GOOD_TEACHER, FIVE_EPOCHS),
        given=ONE_TEACHER,
        note="λ is the one that the λ-sweep's validation accuracy chose; the learning rate does not follow the batch.",
    ),
)

MNIST_CLAIMS = (*DENSE_CLAIMS, *LAMBDA_CLAIMS, *BATCH_CLAIMS)
