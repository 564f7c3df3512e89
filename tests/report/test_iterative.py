import pandas as pd
import pytest

from kdsuite.report import iterative


def rows(*lines):
    columns = ["family", "blocks", "validation_accuracy", "test_accuracy", "float32_bytes"]
    return pd.DataFrame(lines, columns=columns).assign(base="vgg16", width=1.0)


def test_smallest_network_within_a_drop_by_hand():
    first = rows((0, 5, 0.90, 0.91, 400))
    members = rows(
        (0, 4, 0.89, 0.88, 300),
        (0, 3, 0.885, 0.80, 200),
        (0, 2, 0.70, 0.99, 100),
        (1, 4, 0.87, 0.95, 300),
    )
    found = iterative.smallest_within(members, first, drop=0.02)
    # On validation, not on test; a family without a network that works has its first parent.
    assert found.set_index("family").float32_bytes.to_dict() == {0: 200, 1: 400}


def test_a_family_is_compared_with_a_baseline_architecture_by_architecture():
    members = rows((0, 4, 0, 0.80, 0), (0, 4, 0, 0.90, 0), (0, 3, 0, 0.60, 0), (1, 4, 0, 0.70, 0))
    baseline = rows((0, 4, 0, 0.75, 0), (0, 3, 0, 0.50, 0), (0, 2, 0, 0.99, 0), (1, 4, 0, 0.68, 0))
    # Family 0: (0.85 − 0.75 + 0.60 − 0.50) / 2; family 1: 0.70 − 0.68; two blocks were never reached.
    assert iterative.against(members, baseline).mean == pytest.approx((0.10 + 0.02) / 2)
