"""The table of exported networks."""

import pandas as pd

NAMES = {
    "keras": "Keras",
    "litert-float32": "LiteRT float32",
    "litert-float16": "LiteRT float16",
    "litert-int8": "LiteRT int8",
    "onnx": "ONNX",
}


def formats(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a network, a column a format: accuracy on test, size of the file, median time for one image.

    Args:
        rows: of results/export.csv.
    """
    cells = rows.assign(
        cell=[
            f"{100 * row.test_accuracy:.2f}%, {row.file_bytes / 1024:,.0f} KiB, {row.latency_milliseconds:.2f} ms"
            for row in rows.itertuples()
        ],
        parameters=rows.params.map("{:,}".format),
    ).rename(columns={"test_size": "test images"})
    index = ["study", "dataset", "test images", "model", "parameters"]
    table = cells.pivot(index=index, columns="format", values="cell")
    studies = list(rows.study.unique())
    table = table[[name for name in NAMES if name in table]].rename(columns=NAMES)
    return (
        table.reset_index().sort_values("study", key=lambda study: study.map(studies.index)).rename_axis(columns=None)
    )
