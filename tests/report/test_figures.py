import numpy as np
import pytest

from kdsuite.report.figures import (
    bar,
    differences,
    end_labels,
    levels,
    of_whole_seeds,
    pairs,
    panels,
    save,
    setting_caption,
)
from kdsuite.report.intervals import Interval
from tests.report.made_up import groups, results


def markers(axes):
    return [line.get_marker() for line in axes.lines if line.get_marker() not in ("None", None)]


def test_an_interval_beyond_the_axes_ends_in_an_arrow():
    _, (axes,) = panels(title="finding")
    axes.set_ylim(0, 1)
    bar(axes, 0, Interval(0.5, -3, 0.75), "black")
    assert sorted(markers(axes)) == ["_", "o", "v"]
    drawn = np.concatenate([np.atleast_1d(line.get_ydata()) for line in axes.lines])
    assert (drawn.min(), drawn.max()) == (0, 0.75)


def test_axes_grow_for_seeds_and_near_intervals_only():
    rows = results([{"seed": s, "lambda": x, "test_accuracy": 0.9 + 0.01 * s} for s in (0, 1) for x in (0.0, 1.0)]).rows
    _, (axes,) = panels(title="finding")
    levels(axes, rows, "lambda", label="students")
    low, high = axes.get_ylim()
    # Two seeds 1 point apart have an interval of ± 6.4 points; the axis grows by the spread on each side, and margins.
    assert (low, high) == pytest.approx((89 - 0.24, 92 + 0.24))
    assert [text.get_text() for text in axes.texts] == ["students"]


def test_no_axis_goes_beyond_all_images():
    rows = results(
        [{"seed": s, "lambda": 0.0, "test_accuracy": accuracy} for s, accuracy in enumerate((0.2, 0.98))]
    ).rows
    _, (axes,) = panels(title="finding")
    levels(axes, rows, "lambda")
    assert axes.get_ylim() == (0, 100)
    assert {"v", "^"} <= set(markers(axes))
    _, (axes,) = panels(title="finding")
    levels(axes, rows.assign(test_loss=rows.test_accuracy), "lambda", "test_loss")
    assert axes.get_ylim()[0] < 0 and axes.get_ylim()[1] > 1.7


def test_pairs_join_the_dots_of_a_seed():
    rows = groups(plain=[0.90, 0.91], kd=[0.92, 0.95])["e"].rows
    _, (axes,) = panels(title="finding")
    pairs(axes, rows, {"labels alone": rows.method == "plain", "distilled": rows.method == "kd"})
    joined = [line.get_ydata().tolist() for line in axes.lines[:2]]
    assert np.allclose(joined, [[90, 92], [91, 95]])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["labels alone", "distilled"]


def test_differences_stand_against_the_band_that_does_not_matter():
    _, (axes,) = panels(title="finding")
    differences(axes, {"a": Interval(0.001, -0.001, 0.003), "b": Interval(0.0, -0.5, 0.5)}, matters=0.002)
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((-0.2, 0.4))
    assert axes.get_xlim() == pytest.approx((-0.66, 0.66))
    assert {"<", ">"} <= set(markers(axes))


def test_labels_at_line_ends_do_not_cover_each_other():
    figure, (axes,) = panels(title="finding")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    end_labels(axes, {"a": (1, 0.5, "black"), "b": (1, 0.501, "black"), "c": (1, 0.9, "black")})
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_caption_names_the_setting():
    rows = [{"seed": s, "role": role, "epochs": e} for s in (0, 1) for role, e in (("teacher", 12), ("student", 5))]
    caption = setting_caption(results(rows))
    assert caption.startswith("MNIST, 55,000 training images, 5 epochs, 2 seeds;")


def test_caption_names_the_epochs_of_a_teacher_that_is_drawn_and_what_marks_are():
    rows = [{"seed": s, "role": role, "epochs": e} for s in (0, 1) for role, e in (("teacher", 12), ("student", 5))]
    found = results(rows)
    assert setting_caption(found, found.rows, marks="a line a seed") == (
        "MNIST, 55,000 training images, 5 epochs (teacher 12), 2 seeds; a line a seed"
    )
    assert setting_caption(found, found.rows[found.rows.role == "teacher"], marks="") == (
        "MNIST, 55,000 training images, 12 epochs, 2 seeds"
    )


def test_means_that_are_compared_are_of_the_same_seeds():
    rows = results([{"seed": seed, "T": T} for seed, T in ((0, 1), (0, 4), (1, 1), (2, 4), (2, 1), (2, 1))]).rows
    assert set(of_whole_seeds(rows, "T").seed) == {0, 2}
    assert len(of_whole_seeds(rows[rows.seed != 1], "T")) == 5
    apart = rows[rows.trial.isin(["t0", "t3"])]
    assert of_whole_seeds(apart, "T").equals(apart)


def test_caption_says_so_where_some_points_have_fewer_seeds():
    rows = [{"seed": seed, "role": "student", "epochs": 5} for seed in (0, 0, 1)]
    assert ", up to 2 seeds;" in setting_caption(results(rows))


def test_saved_as_svg_and_png_with_the_same_bytes_each_time(tmp_path):
    contents = []
    for name in ("a", "b"):
        figure, (axes,) = panels(title="finding", caption="setting")
        axes.plot([0, 1])
        contents.append([path.read_bytes() for path in save(figure, tmp_path / name / "figure")])
    assert contents[0] == contents[1]
    assert contents[0][1].startswith(b"\x89PNG")
