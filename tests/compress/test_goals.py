import pytest

from kdsuite.compress.errors import CompressionError
from kdsuite.compress.goals import Goal, goal_of


def test_a_goal_is_a_target_a_drop_or_both():
    assert goal_of(max_drop=0.01) == Goal(None, 0.0, 0.01)
    assert goal_of(target_ms=3) == Goal("ms", 3, None)
    assert (
        str(goal_of(target_macs=0.5, max_drop=0.01)) == "at most 0.5 of the MACs and at most 1 point of accuracy lost"
    )
    assert str(goal_of(target_bytes=600_000)) == "a file of at most 600,000 bytes"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no goal"),
        ({"target_macs": 0.5, "target_params": 0.5}, "several targets"),
        ({"target_macs": 1.0}, "target_macs 1: expected a share between 0 and 1"),
        ({"target_params": 0}, "target_params 0: expected a share"),
        ({"target_ms": -1}, "target_ms -1: expected a number above 0"),
        ({"max_drop": 2}, "max_drop 2: expected a fraction"),
    ],
)
def test_what_is_no_goal_is_refused(options, message):
    with pytest.raises(CompressionError, match=message):
        goal_of(**options)
