"""The table of `compress` against what one would do instead."""

import pandas as pd

DATA = {
    "catdog": "Dogs vs. Cats at 224 × 224, MobileNet 0.75",
    "cifar10": "CIFAR-10, a teacher by study 5's recipe",
}
GOALS = {"macs": "MACs to {:g}", "params": "parameters to {:g}", "bytes": "smallest file to {:,.0f} bytes"}


def against(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a network, those of one goal together, `compress` first.

    Args:
        rows: of results/compress.csv, which benchmarks.compress_against writes.
    """
    rows = rows.assign(is_other=rows.way != "compress")
    rows = rows.sort_values(["data", "target", "is_other"], ascending=[True, False, True], kind="stable")
    return pd.DataFrame(
        [
            {
                "data and teacher": f"{DATA[row.data]} ({100 * row.teacher_accuracy:.2f}%)",
                "goal": _goal(row.target),
                "way": row.way,
                "parameters": f"{row.params:,}, {row.params_share:.0%}",
                "MACs": f"{row.macs_share:.0%}",
                "test accuracy": f"{100 * row.test_accuracy:.2f}%",
                "fall, points": f"{100 * row.drop:+.2f} [{100 * row.drop_low:+.2f}, {100 * row.drop_high:+.2f}]",
                "int8": _int8(row),
                "minutes": f"{row.minutes_spent:.0f} of {row.minutes:g}",
            }
            for row in rows.itertuples()
        ]
    )


def _goal(target: str) -> str:
    cost, value = target.split()
    return GOALS[cost].format(float(value))


def _int8(row) -> str:
    if pd.isna(row.int8_bytes):
        return ""
    return f"{row.int8_bytes / 1000:,.0f} KB, {100 * row.int8_accuracy:.2f}%"
