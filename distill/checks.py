"""Checks of single values that several modules and the studies share."""

from numbers import Real

from kdsuite.distill.errors import DistillationError


def check_lambda(lambda_: float) -> None:
    """Raises DistillationError unless 0 ≤ λ ≤ 1."""
    if not (_is_number(lambda_) and 0 <= lambda_ <= 1):
        raise DistillationError(f"lambda {lambda_}: expected a number from 0 (labels only) to 1 (teacher only)")


def check_temperature(temperature: float) -> None:
    """Raises DistillationError unless T > 0."""
    if not (_is_number(temperature) and 0 < temperature < float("inf")):
        raise DistillationError(f"temperature {temperature}: expected a finite number above 0")


def check_same_outputs(teacher_shape, student_shape) -> None:
    """Raises DistillationError unless teacher and student give as many logits, at the same positions."""
    teacher, student = tuple(teacher_shape[1:]), tuple(student_shape[1:])
    if not teacher or not student:
        raise DistillationError("outputs of shape (n,): expected (n, ..., classes), such as those of Dense(1)")
    if teacher[-1] != student[-1]:
        raise DistillationError(
            f"the teacher has {teacher[-1]} outputs and the student {student[-1]}: expected as many, one logit a class"
        )
    known = len(teacher) == len(student) and all(
        one == other for one, other in zip(teacher, student, strict=True) if None not in (one, other)
    )
    if not known:
        raise DistillationError(
            f"the teacher gives outputs {teacher} and the student {student} for an example: expected equal shapes"
        )


def check_weights(weights) -> None:
    """Raises DistillationError unless all weights are above 0 and add up to 1."""
    are_numbers = weights and all(_is_number(weight) for weight in weights)
    if not are_numbers or min(weights) <= 0 or abs(sum(weights) - 1) > 1e-6:
        raise DistillationError(f"weights of the teachers {list(weights)}: expected numbers above 0 that add up to 1")


def _is_number(value) -> bool:
    return isinstance(value, Real)
