"""The table and figure of the study of the tests."""

from matplotlib.figure import Figure

from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary


def figures(results: Results) -> dict[str, Figure]:
    """Accuracy by width."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.scatter(results.rows.student, 100 * results.rows.test_accuracy)
    return {"quartz-sweep": figure}


QUARTZ_SWEEP = ExperimentReport(Summary(by=("student",)), figures)
