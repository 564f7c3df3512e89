"""How long a run is said to take, against rows made up."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments.engine import estimate
from experiments.engine.trial import Trial

STUDENT = Trial(method="plain", network="small", seed=0, epochs=3, batch_size=32, learning_rate=0.1)


def told(tmp_path, monkeypatch, rows, *, flags="avx512_bf16", precision="float32", folder_name="one"):
    """The sentence for three students on 50 images, with these rows in the reference and flags of the processor."""
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n")
    monkeypatch.setattr(estimate, "CPU_INFO", tmp_path / "cpuinfo")
    folder = tmp_path / "results/reference/made-up/one"
    folder.mkdir(parents=True)
    common = {"teacher": None, "epochs": 2, "train_size": 100}
    pd.DataFrame([common | row for row in rows]).to_csv(folder / "rows.csv")
    monkeypatch.setattr(estimate, "ROOT", tmp_path)
    study = SimpleNamespace(data=lambda trial: SimpleNamespace(train=range(50)))
    setting = SimpleNamespace(experiment="made-up", folder_name=folder_name)
    return estimate.sentence(setting, study, 3 * [replace(STUDENT, precision=precision)])


@pytest.mark.parametrize(
    ("network", "batch_size", "seconds"),
    [
        # 3 trials x 3 epochs x 50 images, of 9.6 seconds for 2 epochs of 100.
        ("small", 32, "22 s"),
        # Of another batch size, for want of one as large.
        ("small", 128, "22 s"),
        # Of all networks.
        ("large", 32, "22 s"),
    ],
)
def test_a_trial_is_said_to_take_what_rows_alike_took_an_image(tmp_path, monkeypatch, network, batch_size, seconds):
    sentence = told(tmp_path, monkeypatch, [{"student": network, "batch_size": batch_size, "train_seconds": 9.6}])
    assert sentence == (
        f"time: about {seconds} of training on 2 CPU cores, as the reference's rows took, and some seconds to start "
        "and measure each of 3 trials"
    )


@pytest.mark.parametrize(
    "other", [{"batch_size": 8}, {"method": "kd", "lambda": 0.5}, {"lambda": 0.5}, {"student": "large", "epochs": 3}]
)
def test_rows_that_share_most_settings_of_the_same_network_count_alone(tmp_path, monkeypatch, other):
    own = {"student": "small", "method": "plain", "lambda": None, "batch_size": 32, "train_seconds": 9.6}
    others = 3 * [own | {"train_seconds": 1e6} | other]
    assert "about 22 s of training" in told(tmp_path, monkeypatch, [own, *others])


def test_rows_of_other_settings_are_said_to_be_a_rough_guide(tmp_path, monkeypatch):
    sentence = told(
        tmp_path, monkeypatch, [{"student": "small", "batch_size": 32, "train_seconds": 9.6}], folder_name="two"
    )
    assert "22 s of training on 2 CPU cores, as the reference's rows of other settings, a rough guide, took" in sentence


def test_networks_that_were_trained_two_at_a_time_take_half_of_their_sum(tmp_path, monkeypatch):
    own = {"student": "small", "batch_size": 32, "train_seconds": 9.6}
    ends = ["2026-11-30T10:00:10+00:00", "2026-11-30T10:00:10+00:00", "2026-11-30T10:00:30+00:00"]
    rows = [own | {"finished_at": end} for end in (*ends, ends[-1])]
    assert "about 11 s of training" in told(tmp_path, monkeypatch, rows)
    (tmp_path / "results/reference/made-up/one/rows.csv").unlink()
    (tmp_path / "results/reference/made-up/one").rmdir()
    apart = [own | {"finished_at": end} for end in ends[1:]]
    assert "about 22 s of training" in told(tmp_path, monkeypatch, apart)


@pytest.mark.parametrize(("span", "words"), [(89.4, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")])
def test_durations_have_the_unit_that_a_person_would_use(span, words):
    assert estimate.duration(span) == words


@pytest.mark.parametrize(
    ("flags", "precision", "slow"),
    [
        ("avx2", "bfloat16", True),
        ("avx2", "float32", False),
        ("avx2 avx512_bf16", "bfloat16", False),
        ("amx_bf16", "bfloat16", False),
    ],
)
def test_bfloat16_without_instructions_for_it_is_said_to_be_slow(tmp_path, monkeypatch, flags, precision, slow):
    rows = [{"student": "small", "batch_size": 32, "train_seconds": 9.6}]
    warning = "; 3 train in bfloat16, which this processor has no instructions for: several times as long"
    assert told(tmp_path, monkeypatch, rows, flags=flags, precision=precision).endswith(warning) is slow
