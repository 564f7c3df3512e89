import pandas as pd

from kdsuite.report.export import formats


def row(study, trial, format, **changed):
    return {
        "study": study,
        "trial": trial,
        "model": "cnn",
        "format": format,
        "dataset": "mnist",
        "source": "embedded",
        "train_size": 3600,
        "validation_size": 400,
        "test_size": 1000,
        "split_seed": 5,
        "test_images": "unseen",
        "params": 1234,
        "file_bytes": 2048,
        "test_accuracy": 0.9,
        "agreement": 0.999,
        "max_difference": 0.0123,
        "p50_milliseconds": 0.125,
        "p95_milliseconds": 2.0,
        "peak_memory_bytes": 3_400_000,
        "threads": 2,
    } | changed


def test_a_line_a_network_and_format_says_which_data():
    table = formats(
        pd.DataFrame(
            [
                row("b", "1-litert-int8-2x200", "litert-int8"),
                row("b", "1-keras-2x200", "keras"),
                row("a", "2-onnx-2x200", "onnx", dataset="cifar10", source="tfds", test_images="unknown"),
            ]
        )
    )
    assert list(zip(table.study, table.format, strict=True)) == [
        ("b", "Keras"),
        ("b", "LiteRT int8"),
        ("a", "ONNX"),
    ]
    assert table.iloc[1].to_dict() == {
        "study": "b",
        "model": "cnn",
        "parameters": "1,234",
        "data": "mnist (embedded)",
        "train / validation / test, seed": "3,600 / 400 / 1,000, 5",
        "test images": "not trained on",
        "format": "LiteRT int8",
        "file": "2 KiB",
        "test accuracy": "90.00%",
        "agreement": "99.90%",
        "largest difference": "0.012",
        "p50 / p95": "0.12 / 2.00 ms",
        "threads": 2,
        "peak memory": "3 MB",
    }
    assert table["test images"].iloc[2] == "not checked"
