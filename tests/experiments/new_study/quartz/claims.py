"""What the study of the tests claims."""

from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.groups import where

CLAIMS = (
    Claim(
        tests="8 units beat 1",
        says="wider is better",
        where="§1",
        experiment="quartz-sweep",
        compares=Difference("test_accuracy", where("8 units", student="mlp_8"), where("1 unit", student="mlp_1")),
    ),
)
