"""The table of exported networks."""

import pandas as pd

NAMES = {
    "keras": "Keras",
    "litert-float32": "LiteRT float32",
    "litert-float16": "LiteRT float16",
    "litert-int8": "LiteRT int8",
    "onnx": "ONNX",
    "openvino": "OpenVINO",
}
MEGABYTE = 1e6


def formats(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a network and format: on which data it was measured, and what was measured.

    Args:
        rows: of results/export.csv.
    """
    studies, order = list(rows.study.unique()), list(NAMES)
    keys = pd.DataFrame({"study": rows.study.map(studies.index), "trial": rows.trial.str.partition("-")[0]})
    rows = rows.assign(first=keys.study, key=keys.trial, place=rows.format.map(order.index))
    rows = rows.sort_values(["first", "key", "place"], kind="stable")
    return pd.DataFrame(
        [
            {
                "study": row.study,
                "model": row.model,
                "parameters": f"{row.params:,}",
                "data": f"{row.dataset} ({row.source})",
                "train / validation / test, seed": f"{row.train_size:,} / {row.validation_size:,} / {row.test_size:,}, "
                f"{row.split_seed}",
                "test images": TEST_IMAGES[row.test_images],
                "format": NAMES[row.format],
                "file": f"{row.file_bytes / 1024:,.0f} KiB",
                "test accuracy": f"{100 * row.test_accuracy:.2f}%",
                "agreement": f"{100 * row.agreement:.2f}%",
                "largest difference": f"{row.max_difference:.2g}",
                "p50 / p95": f"{row.p50_milliseconds:.2f} / {row.p95_milliseconds:.2f} ms",
                "threads": row.threads,
                "peak memory": "" if pd.isna(row.peak_memory_bytes) else f"{row.peak_memory_bytes / MEGABYTE:,.0f} MB",
            }
            for row in rows.itertuples()
        ]
    )


TEST_IMAGES = {"unseen": "not trained on", "unknown": "not checked"}
