"""How long a run will take, from the reference's rows."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import tensorflow as tf

from experiments.engine.config import REFERENCE
from experiments.engine.settings import ROOT, Setting
from experiments.engine.study import Study
from experiments.engine.trial import Trial

CPU_INFO = Path("/proc/cpuinfo")
BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def sentence(setting: Setting, study: Study, missing: Sequence[Trial]) -> str:
    """Says how many seconds, minutes or hours some trials will train, and what will make that longer here.

    Args:
        setting: names the experiment.
        study: gives the trials' data.
        missing: trials to train.
    """
    total = seconds(setting.experiment, study, missing)
    emulated = sum(trial.precision == "bfloat16" for trial in missing) if emulates_bfloat16() else 0
    longer = ""
    if emulated:
        longer = f"; {emulated} train in bfloat16, which this processor has no instructions for: several times as long"
    if total is None:
        return f"time: unknown, the reference has no rows of {setting.experiment} yet{longer}"
    known = (ROOT / REFERENCE / setting.experiment / setting.folder_name).exists()
    rows = "the reference's rows" if known else "the reference's rows of other settings, a rough guide,"
    training = f"about {duration(total)} of training on 2 CPU cores, as {rows} took"
    return f"time: {training}, and some seconds to start and measure each of {len(missing)} trials{longer}"


def emulates_bfloat16() -> bool:
    """Whether this machine computes in bfloat16 on an x86 processor without instructions for it."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), BFLOAT16_INSTRUCTIONS)
    return not flags & BFLOAT16_INSTRUCTIONS and not tf.config.list_physical_devices("GPU")


def seconds(experiment: str, study: Study, missing: Sequence[Trial]) -> float | None:
    """How long some trials will train, or None where the reference has no rows of the experiment."""
    rows = _rows(ROOT / REFERENCE / experiment)
    if rows.empty:
        return None
    total = sum(_seconds(trial, len(study.data(trial).train), rows) for trial in missing if trial.epochs)
    return total / _at_a_time(rows)


def duration(span: float) -> str:
    """Seconds in the unit a person would use."""
    if span < 90:
        return f"{span:.0f} s"
    return f"{span / 60:.0f} min" if span < 5400 else f"{span / 3600:.1f} h"


def _rows(folder: Path) -> pd.DataFrame:
    tables = [pd.read_csv(path) for path in folder.glob("*/*.csv") if path.stem in ("rows", "candidates")]
    if not tables:
        return pd.DataFrame()
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[rows.train_seconds.notna() & rows.epochs.notna()]
    return rows.assign(per_image=rows.train_seconds / rows.epochs / rows.train_size)


def _at_a_time(rows: pd.DataFrame) -> float:
    """How many of some rows' networks were in training at a time, on average."""
    if "finished_at" not in rows or rows.finished_at.isna().any():
        return 1.0
    since = pd.to_datetime(rows.finished_at, utc=True) - pd.Timestamp(0, tz="UTC")
    ends = since.dt.total_seconds()
    spans = sorted(zip(ends - rows.train_seconds, ends, strict=True))
    covered, until = 0.0, float("-inf")
    for begin, end in spans:
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return float(rows.train_seconds.sum() / covered) if covered else 1.0


def _seconds(trial: Trial, images: int, rows: pd.DataFrame) -> float:
    """Seconds of one trial, as the rows most like it took an image and epoch.

    Those are rows of its network if there are any, and of these the ones that share most of its settings.
    """
    name = rows.teacher if trial.role == "teacher" else rows.student
    alike = rows[name == trial.network] if (name == trial.network).any() else rows
    settings = {column: value for column, value in trial.columns().items() if column in alike and column != "seed"}
    shared = pd.Series(0, index=alike.index)
    for column, value in settings.items():
        shared += alike[column].isna() if value is None else alike[column] == value
    return float(alike.per_image[shared == shared.max()].median()) * trial.epochs * images
