"""Tables and figures of study 1's MNIST experiments."""

from matplotlib.figure import Figure

from experiments.cs230.claims_mnist import BATCHES, DENSE_STUDENT, DENSE_TEACHER, IN_BATCHES, LAMBDAS, PLAIN
from experiments.cs230.drawing import BLUE, GREEN, ORANGE, Line, draw_differences, draw_lines, in_words, samples, tally
from kdsuite.report.comparisons import Difference
from kdsuite.report.figures import GREY, pairs, panels, setting_caption
from kdsuite.report.groups import where
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

MATTERS = 0.002


def dense_figures(results: Results) -> dict[str, Figure]:
    """The three networks of each seed, joined, and what distillation adds to teacher and plain student."""
    rows = results.rows
    groups = {name: rows.series == name for name in ("teacher", "labels alone", "distilled")}
    distilled, *others = (where(name, series=name) for name in ("distilled", "teacher", "labels alone"))
    found = samples(results, {f"− {other.label}": Difference("test_accuracy", distilled, other) for other in others})
    title = "The distilled 10-unit student: " + "; ".join(
        f"{in_words(sample, MATTERS)} {'than' if in_words(sample, MATTERS) in ('higher', 'lower') else 'against'} "
        f"{name.removeprefix('− ')}"
        for name, sample in found.items()
    )
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results))
    pairs(left, rows, groups, colours=(GREY, ORANGE, BLUE))
    left.set_ylabel("test accuracy (%)")
    draw_differences(right, found, what="distilled − other", matters=MATTERS)
    return {"mnist-dense": figure}


def lambda_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against λ, and each λ's difference to labels alone within ± what would matter."""
    rows = results.rows[results.rows.role == "student"]
    lambdas = [value for value in sorted(rows["lambda"].unique()) if value]
    found = samples(
        results,
        {f"λ = {value:g}": Difference("test_accuracy", where(lambda_=value), PLAIN) for value in lambdas},
    )
    title = f"Against labels alone, accuracy with λ > 0 {tally(found, MATTERS)}"
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results))
    lines = [
        Line("test", rows, BLUE),
        Line("validation", rows, GREY, "validation_accuracy"),
    ]
    left.axvspan(*LAMBDAS, color="#EAF3E6", zorder=0)
    left.annotate("the paper's best", (sum(LAMBDAS) / 2, 0.02), xycoords=("data", "axes fraction"), ha="center",
                  fontsize=8, color=GREY)  # fmt: skip
    draw_lines(left, lines, "lambda", xlabel="weight λ of the soft targets", ylabel="accuracy (%)")
    draw_differences(right, found, what="test accuracy − that of λ = 0", matters=MATTERS, colour=BLUE)
    return {"mnist-lambda-sweep": figure}


def batch_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against the batch size, and each size's difference to the range that the paper calls best."""
    rows = results.rows[results.rows.role == "student"]
    sizes = [size for size in sorted(rows.batch_size.unique()) if not BATCHES[0] <= size <= BATCHES[1]]
    found = samples(
        results,
        {
            f"batch {size:g}": Difference("test_accuracy", where(role="student", batch_size=size), IN_BATCHES)
            for size in sizes
        },
    )
    title = "Against batches of {:g} to {:g}, accuracy ".format(*BATCHES) + tally(found, MATTERS)
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results))
    left.axvspan(*BATCHES, color="#EAF3E6", zorder=0)
    lines = [Line("test", rows, BLUE), Line("validation", rows, GREY, "validation_accuracy")]
    draw_lines(left, lines, "batch_size", xlabel="batch size", ylabel="accuracy (%)", log=True)
    left.tick_params(axis="x", rotation=45)
    draw_differences(
        right, found, what="test accuracy − mean of {:g} to {:g}".format(*BATCHES), matters=MATTERS, colour=GREEN
    )
    return {"mnist-batch-sweep": figure}


def _published_dense(line: dict) -> float | None:
    return {"teacher": DENSE_TEACHER, "distilled": DENSE_STUDENT}.get(line["series"])


DENSE = ExperimentReport(
    Summary(by=("series",), labels={"series": "network"}, more=("validation_accuracy",), published=_published_dense),
    dense_figures,
)
LAMBDA_SWEEP = ExperimentReport(
    Summary(
        by=("series", "lambda"),
        labels={"series": "network", "lambda": "λ"},
        more=("validation_accuracy",),
        order=("lambda",),
    ),
    lambda_figures,
)
BATCH_SWEEP = ExperimentReport(
    Summary(
        by=("series", "lambda", "batch_size"),
        labels={"series": "network", "lambda": "λ", "batch_size": "batch"},
        more=("validation_accuracy",),
        order=("series", "batch_size"),
    ),
    batch_figures,
)
