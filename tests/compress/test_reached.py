from dataclasses import replace

import pytest

from kdsuite.compress.goals import Goal
from kdsuite.compress.result import FileRow
from kdsuite.compress.shipping import is_reached

TEACHER = FileRow("teacher", "teacher.keras", 1000, 10_000, 5000, 0.9, (0.8, 0.95), 1.0, 0.0, 4.0, 5.0, None)
STUDENT = replace(TEACHER, name="keras", params=400, macs=5000, file_bytes=2500)
INT8 = replace(STUDENT, name="litert-int8", file_bytes=600)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (Goal("macs", 0.5), True),
        (Goal("macs", 0.49), False),
        (Goal("params", 0.4), True),
        (Goal("bytes", 0.5), True),
        (Goal("bytes", 0.3), False),
        (Goal("bytes", 600), True),
        (Goal("bytes", 599), False),
        (Goal("ms", 2.0), True),
        (Goal("ms", 1.9), False),
        (Goal(max_drop=0.01), True),
        (Goal(max_drop=0.009), False),
        (Goal("macs", 0.5, max_drop=0.009), False),
        (Goal("macs", 0.4, max_drop=0.01), False),
    ],
)
def test_a_goal_is_reached_or_not(goal, expected):
    assert is_reached(goal, [TEACHER, STUDENT, INT8], student_ms=2.0, drop=0.01) is expected


@pytest.mark.parametrize(("accuracy", "expected"), [(0.89, True), (0.889, False)])
def test_one_file_is_small_enough_and_right_often_enough(accuracy, expected):
    rows = [TEACHER, STUDENT, replace(INT8, accuracy=accuracy)]
    assert is_reached(Goal("bytes", 600, max_drop=0.01), rows, student_ms=None, drop=0.0) is expected
    assert is_reached(Goal("bytes", 600), rows, student_ms=None, drop=0.0)
