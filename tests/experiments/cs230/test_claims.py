"""All claims of study 1."""

import pytest

from experiments.cs230.claims import CLAIMS
from kdsuite.report.claims import PAPER


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.tests)
def test_each_claim_is_stated_once_with_its_words_and_place(claim):
    assert [other.tests for other in CLAIMS].count(claim.tests) == 1
    assert claim.judged_when
    if claim.kind == PAPER:
        assert claim.where.startswith("§")
        assert claim.shown_published
