import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from kdsuite.report.claims import OURS, Claim, Matters, on_data
from kdsuite.report.comparisons import AsPublished, Difference, Level, Measured
from kdsuite.report.conditions import Seeds, at_least, exactly, teacher_at_least
from kdsuite.report.errors import ReportError
from kdsuite.report.groups import Best, best_outside, between, shared, where
from kdsuite.report.intervals import difference_p, equivalence_p, mean_interval, prediction_interval
from kdsuite.report.measures import Measure
from kdsuite.report.slopes import SlopeDifference
from kdsuite.report.verdicts import holm, judge
from tests.report.made_up import groups, results

KD, PLAIN, TEACHER = (where(method=method) for method in ("kd", "plain", "teacher"))


def claim(compares, **more) -> Claim:
    return Claim(**{"tests": "it", "says": "words", "where": "§1", "experiment": "e", "compares": compares} | more)


def judged(compares, found, **more):
    (verdict,) = judge([claim(compares, **more)], found)
    return verdict


BEATS = Difference("test_accuracy", KD, PLAIN)


@pytest.mark.parametrize(
    ("gains", "verdict", "answer"),
    [
        ([0.009, 0.010, 0.011], "reproduced", "yes"),
        ([-0.009, -0.010, -0.011], "contradicted", "no"),
        ([0.0005, -0.0005, 0.0002], "no difference", "no difference"),
        ([0.02, -0.01, 0.001], "undecided", "undecided"),
        ([0.01], "undecided", "undecided"),
    ],
)
def test_verdict_of_a_claimed_difference(gains, verdict, answer):
    found = groups(plain=[0.9] * len(gains), kd=[0.9 + gain for gain in gains])
    assert judged(BEATS, found).verdict == verdict
    assert judged(BEATS, found, kind=OURS).verdict == answer


def test_undecided_says_about_how_many_seeds_would_decide_it():
    # Mean 0.001, spread 0.002, δ 0.002: half widths up to 0.001 decide; t(0.975, 17) · 0.002 / √18 = 0.000995.
    gains = 0.001 + 0.002 * np.array([-1, 0, 1])
    found = judged(BEATS, groups(plain=[0.9] * 3, kd=0.9 + gains))
    assert found.why == "about 18 seeds would decide it (rough: from the spread of 3)"


def test_a_small_but_certain_difference_is_reproduced_and_called_small():
    found = judged(BEATS, groups(plain=[0.9] * 4, kd=[0.9004, 0.9005, 0.9006, 0.9005]))
    assert (found.verdict, found.why) == ("reproduced", "but smaller than what matters, 0.2 points")


def test_conditions_come_before_the_interval_and_rows_before_conditions():
    found = groups(plain=[0.90, 0.91], kd=[0.95, 0.96])
    found["e"].rows["train_size"] = 3500
    met, unmet = at_least("train_size", 3500), at_least("train_size", 50_000)
    verdict = judged(BEATS, found, judged_when=(met, unmet))
    assert (verdict.verdict, verdict.after_holm) == ("not tested at this size", "not tested at this size")
    assert verdict.why == "3,500 training images, at least 50,000"
    assert verdict.sample.interval.mean == pytest.approx(0.05)
    assert judged(BEATS, groups(plain=[0.9]), judged_when=(unmet,)).verdict == "not run"
    assert judged(BEATS, {}, judged_when=(unmet,)).why == "e has not been run"


def test_on_other_data_nothing_is_tested():
    found = groups(plain=[0.90, 0.91], kd=[0.95, 0.96])
    (on_mnist,) = judge(on_data("mnist", [claim(BEATS)]), found)
    (on_letters,) = judge(on_data("letters", [claim(BEATS)]), found)
    assert on_mnist.verdict == judged(BEATS, found).verdict
    assert (on_letters.verdict, on_letters.why) == ("not tested at this size", "data mnist, expected letters")


def test_a_weak_teacher_leaves_a_claim_untested():
    rows = [{"seed": 0, "method": m, "role": r, "test_accuracy": a} for m, r, a in
            (("teacher", "teacher", 0.487), ("kd", "student", 0.6), ("plain", "student", 0.5))]  # fmt: skip
    found = judged(BEATS, {"e": results(rows)}, judged_when=(teacher_at_least(0.9),))
    assert (found.verdict, found.why) == ("not tested at this size", "teacher: 48.7% test accuracy, at least 90%")


def test_default_of_what_matters():
    found = groups(plain=[0.9, 0.9, 0.9], kd=[0.91, 0.92, 0.93])
    assert judged(BEATS, found).matters == 0.002
    assert judged(BEATS, found, published=0.03).matters == pytest.approx(0.01)
    assert judged(BEATS, found, matters=Matters(0.005, "a reason")).matters == 0.005
    found["e"].rows["dataset"] = "cifar10"
    assert judged(BEATS, found).matters == 0.01
    found["e"].rows["test_errors"] = [1, 2, 3, 4, 5, 6]
    # 1 point of 10,000 images is 100 errors.
    assert judged(Difference("test_errors", KD, PLAIN), found).matters == pytest.approx(100)
    with pytest.raises(ReportError, match="no default δ for test loss"):
        claim(Difference("test_loss", KD, PLAIN))


def test_a_claim_of_a_paper_needs_its_words():
    with pytest.raises(ReportError, match="give the paper's words"):
        claim(BEATS, where="")
    assert claim(BEATS, says="", where="", kind=OURS).says == ""


def test_claimed_to_be_alike():
    alike = Difference("test_accuracy", KD, PLAIN, claimed="alike")
    same, apart = (
        groups(plain=[0.9, 0.9, 0.9], kd=[0.9, 0.9002, 0.9001]),
        groups(plain=[0.9] * 3, kd=[0.95, 0.96, 0.97]),
    )
    unclear = groups(plain=[0.9] * 3, kd=[0.95, 0.9, 0.85])
    assert [judged(alike, found).verdict for found in (same, apart, unclear)] == [
        "reproduced",
        "contradicted",
        "undecided",
    ]


def test_claimed_to_differ_whichever_is_better():
    different = Difference("test_accuracy", KD, PLAIN, claimed="different")
    plain = [0.90, 0.91, 0.92]
    better, worse, same, unclear = (
        groups(plain=plain, kd=[value + gain for value, gain in zip(plain, gains, strict=True)])
        for gains in ((0.02, 0.021, 0.019), (-0.02, -0.021, -0.019), (0.0001, -0.0001, 0.0), (0.03, -0.02, 0.01))
    )
    assert [judged(different, found).verdict for found in (better, worse, same, unclear)] == [
        "reproduced",
        "reproduced",
        "no difference",
        "undecided",
    ]


def test_level_of_one_network_is_judged_over_test_images():
    level = Level("test_accuracy", TEACHER, above=0.99)
    found = {accuracy: judged(level, groups(teacher=[accuracy])) for accuracy in (0.9931, 0.9911, 0.98)}
    assert [one.verdict for one in found.values()] == ["reproduced", "undecided", "contradicted"]
    low, high = stats.binomtest(9931, 10_000).proportion_ci(0.95, "exact")
    assert found[0.9931].sample.interval == pytest.approx((0.0031, low - 0.99, high - 0.99))
    assert found[0.9931].given == "this network"


def test_level_of_several_networks_is_judged_over_seeds():
    found = groups(teacher=[0.15, 0.16, 0.17])
    assert judged(Level("test_accuracy", TEACHER, below=0.2), found).verdict == "reproduced"
    assert judged(Level("test_accuracy", TEACHER, above=0.2), found).verdict == "contradicted"
    assert judged(Level("test_accuracy", TEACHER, above=0.16), found).verdict == "undecided"


ERRORS = {"e": results([{"seed": n, "method": "kd", "test_errors": e} for n, e in enumerate((66, 67, 68, 69, 65))])}


@pytest.mark.parametrize(
    ("published", "verdict"), [(67, "as published"), (70, "as published"), (90, "better than published"),
                               (50, "worse than published")]
)  # fmt: skip
def test_published_level_is_one_draw(published, verdict):
    # Mean 67, s = 1.58: one more lies within ± t(0.975, 4) · 1.58 · √(6/5) = 4.81.
    compares = AsPublished("test_errors", KD, published)
    assert judged(compares, ERRORS).verdict == verdict
    assert prediction_interval([66, 67, 68, 69, 65]).half_width == pytest.approx(4.809, abs=1e-3)


def test_a_wide_prediction_interval_or_two_seeds_tell_nothing():
    rows = [{"seed": n, "method": "kd", "test_errors": e} for n, e in enumerate((120, 130, 140))]
    wide = judged(AsPublished("test_errors", KD, 125, contrast=7), {"e": results(rows)})
    assert (wide.verdict, wide.why) == ("undecided", "the prediction interval is wider than ± 20 errors")
    assert judged(AsPublished("test_errors", KD, 125, contrast=300), {"e": results(rows)}).verdict == "as published"
    two = judged(AsPublished("test_errors", KD, 125, contrast=1e6), {"e": results(rows[:2])})
    assert (two.verdict, two.why) == ("undecided", "2 seeds cannot tell")


def test_a_published_percentage_is_known_to_its_last_digit():
    found = groups(kd=[0.924, 0.9241, 0.9239])
    assert judged(AsPublished("test_accuracy", KD, 0.92), found).verdict == "better than published"
    assert judged(AsPublished("test_accuracy", KD, 0.92, rounded_to=0.01), found).verdict == "as published"


def test_a_slope_is_of_paired_differences_within_a_seed():
    rows = [
        {"seed": seed, "method": method, "params": x, "test_accuracy": 0.3 * seed + wave + slope * x / 1e6}
        for seed, gain in ((0, 0.04), (1, 0.05), (2, 0.06))
        for x, wave in ((1e6, 0.1), (2e6, 0.0), (3e6, 0.2))
        for method, slope in (("plain", 0.1), ("kd", 0.1 + gain))
    ]
    compares = SlopeDifference("test_accuracy", "params", KD, PLAIN, per=1e6, per_text="million parameters")
    found = judged(compares, {"e": results(rows)}, matters=Matters(0.01, "a point a million"))
    assert found.sample.values.tolist() == pytest.approx([0.04, 0.05, 0.06])
    assert found.verdict == "reproduced"
    assert found.sample.ours == "+5.0 points per million parameters [+2.5, +7.5]"
    assert found.sample.remarks[0].startswith("mixed model: +5.0")


def test_seeds_with_fewer_pairs_have_no_slope():
    """One that was stopped after two of three places is not averaged with those that have all."""
    rows = [
        {"seed": seed, "method": method, "params": x, "test_accuracy": 0.5 + gain * x * (method == "kd")}
        for seed, gain, places in ((0, 0.04, 3), (1, 0.05, 3), (2, 0.4, 2))
        for x in range(1, 1 + places)
        for method in ("plain", "kd")
    ]
    found = judged(SlopeDifference("test_accuracy", "params", KD, PLAIN), {"e": results(rows)},
                   matters=Matters(0.01, "a point"))  # fmt: skip
    assert found.sample.values.to_dict() == pytest.approx({0: 0.04, 1: 0.05})
    assert "seed 2 left out: fewer pairs than others" in found.sample.remarks


def test_equal_counts_of_three_seeds_do_not_tell_a_published_one_apart_for_certain():
    """442 errors three times: each count is rounded, so one more lies within t(2) · √(1/12) · √(4/3) = 1.43."""
    rows = [{"seed": seed, "method": "kd", "test_errors": 442, "test_size": 10_000} for seed in range(3)]
    found = {"e": results(rows)}
    near, far = (judged(AsPublished("test_errors", KD, value), found) for value in (441, 440))
    assert (near.verdict, far.verdict) == ("as published", "worse than published")
    assert 0 < far.p_difference < 0.05 < near.p_difference
    # Of the mean: within t(2) · √(1/12) / √3 = 0.72.
    bounds = [judged(Level("test_errors", KD, above=value), found).verdict for value in (441.5, 441)]
    assert bounds == ["undecided", "reproduced"]


def test_a_claim_is_not_tested_where_a_value_that_it_names_is_another():
    found = groups(kd=[0.95, 0.96, 0.97], plain=[0.9, 0.9, 0.9])
    found["e"].rows["temperature"] = 8.0
    at_20 = exactly("temperature", 20.0, group=KD)
    verdict = judged(BEATS, found, judged_when=(at_20,))
    assert (verdict.verdict, verdict.why) == ("not tested at this size", "method = kd: temperature 8, expected 20")
    found["e"].rows["temperature"] = 20.0
    assert judged(BEATS, found, judged_when=(at_20,)).verdict == "reproduced"


def test_a_claim_that_two_seeds_cannot_judge_says_so():
    found = groups(kd=[0.95, 0.96], plain=[0.9, 0.9])
    verdict = judged(BEATS, found, judged_when=(Seeds(least=3, group=KD),))
    assert (verdict.verdict, verdict.why) == ("not tested at this size", "2 seeds, at least 3")


def test_measured_has_no_verdict():
    found = judged(Measured(BEATS), groups(plain=[0.9, 0.9], kd=[0.95, 0.96]), kind=OURS)
    assert (found.verdict, found.n) == ("measured", 2)


def test_one_shared_teacher_stands_against_every_seed():
    found = {"e": results([{"seed": 0, "method": "teacher", "test_accuracy": 0.9}] + [
        {"seed": seed, "method": "kd", "test_accuracy": 0.9 + 0.01 * seed} for seed in (1, 2, 3)])}  # fmt: skip
    verdict = judged(Difference("test_accuracy", KD, shared("teacher", method="teacher")), found)
    assert verdict.sample.values.tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert verdict.given == "this teacher"
    assert judged(Difference("test_accuracy", KD, TEACHER), found).verdict == "not run"


def test_pairs_match_by_architecture():
    rows = [
        {"family": f, "kind": kind, "blocks": blocks, "test_accuracy": accuracy}
        for f, kind, blocks, accuracy in [
            (0, "child", 1, 0.80), (0, "child", 2, 0.90), (0, "plain", 1, 0.70), (0, "plain", 2, 0.86),
            (1, "child", 1, 0.75), (1, "child", 3, 0.10), (1, "plain", 1, 0.70),
        ]
    ]  # fmt: skip
    compares = Difference("test_accuracy", where(kind="child"), where(kind="plain"), by="family", match=("blocks",))
    found = judged(replace(compares, uneven=True), {"e": results(rows)})
    assert found.sample.values.to_dict() == pytest.approx({0: 0.07, 1: 0.05})
    # A mean over fewer pairs is of something else, unless families end where they end.
    whole = judged(compares, {"e": results(rows)})
    assert whole.sample.values.to_dict() == pytest.approx({0: 0.07})
    assert whole.sample.remarks == ("family 1 left out: fewer pairs than others",)


def test_relative_difference_is_a_share_of_the_first():
    rows = [{"seed": s, "method": m, "float32_bytes": b} for s in (0, 1) for m, b in (("teacher", 400), ("kd", 100))]
    found = judged(Measured(Difference("float32_bytes", TEACHER, KD, relative=True)), {"e": results(rows)}, kind=OURS)
    assert found.sample.values.tolist() == [0.75, 0.75]


def test_incomplete_and_unpaired_seeds_are_left_out_and_named():
    rows = [
        {"seed": s, "lambda": value, "test_accuracy": 0.9 + value * s / 100} for s in (0, 1, 2) for value in (0, 1, 2)
    ]
    del rows[-1]
    compares = Difference("test_accuracy", where("trust", lambda_=between(1, 2)), where(lambda_=0))
    found = judged(compares, {"e": results(rows)})
    assert (found.n, found.sample.remarks) == (2, ("seed 2 left out: trust is incomplete",))
    del rows[0]
    rows.append({"seed": 2, "lambda": 2, "test_accuracy": 0.9})
    assert judged(compares, {"e": results(rows)}).sample.remarks == ("seed 0 left out: without partner",)


def test_best_is_chosen_on_validation_never_on_test():
    rows = [
        {"seed": 0, "lambda": value, "validation_accuracy": validation, "test_accuracy": test}
        for value, validation, test in ((0.0, 0.5, 0.9), (0.1, 0.6, 0.1), (0.5, 0.9, 0.9))
    ]
    chosen = best_outside("lambda", 0.4, 0.7)
    table = results(rows).rows
    assert chosen.rows(table).test_accuracy.tolist() == [0.1]
    assert chosen.describe(table) == "λ = 0.1 (validation's best outside 0.4–0.7)"
    lowest = Best(chosen.group, by="lambda", lowest=True)
    assert lowest.describe(table) == "λ = 0 (validation's lowest outside 0.4–0.7)"
    with pytest.raises(ReportError, match="choose on validation"):
        Best(where(), by="lambda", on="test_accuracy")


def test_groups_of_other_experiments_and_other_values():
    found = groups(kd=[0.95, 0.96]) | groups("f", plain=[0.90, 0.91], odd=[0.1, 0.1])
    assert judged(Difference("test_accuracy", KD, where(method=("plain", "kd")).of("f")), found).n == 2
    with pytest.raises(ReportError, match="no column 'metod'"):
        judged(Difference("test_accuracy", KD, where(metod="kd")), found)


def test_groups_of_other_experiments_with_other_images_are_not_compared():
    found = groups(kd=[0.95, 0.96]) | groups("f", plain=[0.90, 0.91])
    for experiment, fingerprint in (("e", "of 224 pixels"), ("f", "of 160 pixels")):
        found[experiment].setting["data"]["fingerprint"] = fingerprint
    verdict = judged(Difference("test_accuracy", KD, where(method="plain").of("f")), found)
    assert (verdict.verdict, verdict.why) == ("not run", "f and e have different images, or sizes of images")
    assert judged(Difference("test_accuracy", KD, KD), found).verdict != "not run"


def test_groups_of_other_experiments_with_other_teachers_are_not_compared():
    found = {
        name: results(
            [{"seed": 0, "role": "teacher", "method": "teacher", "trial": teacher, "test_accuracy": 0.97}]
            + [{"seed": s, "role": "student", "method": "kd", "test_accuracy": 0.9 + s / 100} for s in (0, 1)],
            name,
        )
        for name, teacher in (("e", "wide"), ("f", "narrow"))
    }
    compares = Difference("test_accuracy", KD, KD.of("f"))
    assert judged(compares, found).why == "f and e have different teachers"
    found["f"].rows.loc[0, "trial"] = "wide"
    assert judged(compares, found).verdict != "not run"


def test_a_measure_may_be_a_function_of_rows():
    rows = [{"seed": s, "method": "kd", "omitted_errors": e} for s, e in enumerate((20, 30))]
    threes = Measure(lambda table: 1 - table.omitted_errors / 1010, "accuracy on threes", "%", "points", 100)
    found = judged(AsPublished(threes, KD, 0.97), {"e": results(rows)})
    assert found.sample.values.tolist() == pytest.approx([990 / 1010, 980 / 1010])


@pytest.mark.parametrize("values", [[1.0, 2, 3], [0.1, 0.2, 0.15, -0.1], [5, 5.1], [-0.4, 0.3, 0.2]])
def test_tests_agree_with_their_intervals(values):
    low, high = mean_interval(values)[1:]
    assert difference_p(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert difference_p(values, high) == pytest.approx(0.05)
    assert difference_p(values, prediction_interval(values).low, predicted=True) == pytest.approx(0.05)
    assert equivalence_p(values, max(-low, high)) == pytest.approx(0.05)


def test_values_without_spread():
    assert (difference_p([0, 0]), difference_p([1, 1])) == (1, 0)
    assert (equivalence_p([0.1, 0.1], 0.2), equivalence_p([0.1, 0.1], 0.1)) == (0, 1)


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.15, -0.1], [5, 5.1, 5.3], [-0.4, 0.3, 0.2]])
@pytest.mark.parametrize("matters", [0.1, 0.5, 6])
def test_equivalence_is_that_of_statsmodels(values, matters):
    expected = min(1, 2 * DescrStatsW(values).ttost_mean(-matters, matters)[0])
    assert equivalence_p(values, matters) == pytest.approx(expected)


@pytest.mark.parametrize(("errors", "verdict"), [(1, "undecided"), (2, "reproduced")])
def test_seeds_that_differ_by_the_same_image_tell_nothing(errors, verdict):
    rows = [
        {"seed": s, "method": m, "test_size": 1000, "test_accuracy": 0.9 + s / 100 + errors / 1000 * (m == "kd")}
        for s in (0, 1, 2)
        for m in ("kd", "plain")
    ]
    found = judged(BEATS, {"e": results(rows)}, matters=Matters(0.0005, "half an image"))
    # Two numbers that are rounded to 0.001 differ with a standard deviation of 0.001 / √6; t(0.975, 2) = 4.302653.
    assert found.sample.interval.mean == pytest.approx(errors / 1000)
    assert found.sample.interval.half_width == pytest.approx(4.302653 * 0.001 / math.sqrt(6) / math.sqrt(3))
    assert found.verdict == verdict
    assert (found.p_difference <= 0.05) == (found.sample.interval.low > 0)


def test_holm_by_hand():
    # 0.01 · 3, then max(0.03, 0.02 · 2), then max(0.04, 0.04 · 1).
    assert holm([0.04, np.nan, 0.01, 0.02]) == pytest.approx([0.04, np.nan, 0.03, 0.04], nan_ok=True)


def test_holm_may_leave_undecided_what_the_interval_decides():
    # p = 0.0377 of the first alone; twice that with a second claim.
    found = groups(plain=[0.9] * 3, kd=[0.912, 0.92, 0.928], noise=[0.9, 0.95, 0.8])
    noise = claim(Difference("test_accuracy", where(method="noise"), PLAIN))
    first, _ = judge([claim(BEATS), noise], found)
    assert (first.verdict, first.after_holm) == ("reproduced", "undecided")
    alone = judge([claim(BEATS)], found)[0]
    assert (alone.verdict, alone.after_holm) == ("reproduced", "reproduced")
