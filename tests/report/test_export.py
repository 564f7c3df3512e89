import pandas as pd

from kdsuite.report.export import formats


def test_a_line_a_network_and_a_column_a_format():
    columns = ["study", "dataset", "test_size", "model", "params", "format", "test_accuracy", "file_bytes"]
    rows = pd.DataFrame(
        [
            ("b", "mnist", 10, "cnn", 1234, "keras", 0.9, 2048),
            ("b", "mnist", 10, "cnn", 1234, "litert-int8", 0.8, 1024),
            ("a", "cifar10", 20, "vgg", 5, "litert-int8", 0.5, 512),
            ("a", "cifar10", 20, "vgg", 5, "keras", 0.75, 10240),
        ],
        columns=columns,
    ).assign(latency_milliseconds=[1.0, 0.25, 0.125, 2.0])
    table = formats(rows)
    assert list(table.columns) == ["study", "dataset", "test images", "model", "parameters", "Keras", "LiteRT int8"]
    assert table.values.tolist() == [
        ["b", "mnist", 10, "cnn", "1,234", "90.00%, 2 KiB, 1.00 ms", "80.00%, 1 KiB, 0.25 ms"],
        ["a", "cifar10", 20, "vgg", "5", "75.00%, 10 KiB, 2.00 ms", "50.00%, 0 KiB, 0.12 ms"],
    ]
