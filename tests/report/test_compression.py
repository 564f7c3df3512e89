"""The table of `compress` and its alternatives."""

import pandas as pd

from kdsuite.report.compression import against

ROWS = pd.DataFrame(
    {
        "data": "catdog",
        "way": ["from scratch, labels", "compress", "compress"],
        "target": ["macs 0.5", "macs 0.5", "bytes 600000"],
        "minutes": 30.0,
        "params": [915_000, 915_000, 500_000],
        "params_share": [0.5, 0.5, 0.273],
        "macs_share": [0.4996, 0.4996, 0.3],
        "teacher_accuracy": 0.978,
        "test_accuracy": [0.81, 0.9724, 0.96],
        "drop": [0.168, 0.0056, 0.018],
        "drop_low": [0.153, -0.0002, 0.012],
        "drop_high": [0.183, 0.0114, 0.024],
        "int8_bytes": [None, 1_040_512, 598_700],
        "int8_accuracy": [None, 0.9708, 0.9588],
        "minutes_spent": [29.2, 28.6, 31.4],
    }
)


def test_a_line_a_network_compress_first():
    table = against(ROWS)
    assert list(table.way) == ["compress", "from scratch, labels", "compress"]
    assert list(table.goal) == ["MACs to 0.5", "MACs to 0.5", "smallest file to 600,000 bytes"]
    assert table["fall, points"].iloc[0] == "+0.56 [-0.02, +1.14]"
    assert list(table["int8"]) == ["1,041 KB, 97.08%", "", "599 KB, 95.88%"]
    assert set(table["data and teacher"]) == {"Dogs vs. Cats at 224 × 224, MobileNet 0.75 (97.80%)"}
    assert list(table.minutes) == ["29 of 30", "29 of 30", "31 of 30"]
