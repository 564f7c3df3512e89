"""Tables: an experiment's in the terminal, a study's claims on a page, its verdicts as lines of a text file."""

import html
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from kdsuite.report.claims import PAPER
from kdsuite.report.intervals import mean_interval
from kdsuite.report.measures import Measure, estimate, measure_of
from kdsuite.report.rows import Results
from kdsuite.report.verdicts import (
    AS_PUBLISHED,
    BETTER,
    CONTRADICTED,
    NOT_RUN,
    NOT_TESTED,
    ORDER,
    REPRODUCED,
    SAME,
    UNDECIDED,
    WORSE,
    Judged,
)

WIDTH = 100
HEADER_WIDTH = 14
COUNTED = {
    REPRODUCED: "reproduced",
    AS_PUBLISHED: "reproduced",
    CONTRADICTED: "contradicted",
    BETTER: "at another level",
    WORSE: "at another level",
    SAME: "no difference",
    UNDECIDED: "undecided",
    NOT_TESTED: "not tested",
    NOT_RUN: "not run",
}


@dataclass(frozen=True)
class Summary:
    """How an experiment's rows are shown in the terminal: a line a group, columns yours, ours and paper.

    Attributes:
        by: columns whose values name a line.
        measure: what is averaged over seeds.
        labels: header of a column by its name; by default the name itself.
        values: text of a cell by its value, such as {"kd": "distilled"}.
        more: further measures, shown of yours, or of ours where you have none.
        published: from a line's values by column to the published figure in the unit of the rows, or None.
        by_seed: column whose rows count as their mean, such as the members of an ensemble; the rows' own seed where it
            is empty.
        order: columns to sort by; by default lines stand in the order of the rows.
    """

    by: tuple[str, ...]
    measure: str | Measure = "test_accuracy"
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[Any, str] = field(default_factory=dict)
    more: tuple[str | Measure, ...] = ()
    published: Callable[[dict], float | None] | None = None
    by_seed: str = "seed"
    order: tuple[str, ...] = ()


def summary_table(summary: Summary, ours: Results | None, yours: Results | None = None) -> Table:
    """One line a group, mean ± half the 95% interval over seeds.

    Args:
        summary: what is shown.
        ours: the reference.
        yours: the reader's; None shows the reference alone.
    """
    measure = measure_of(summary.measure)
    sides = {name: _grouped(summary, side) for name, side in (("yours", yours), ("ours", ours)) if side is not None}
    lines = list(dict.fromkeys(line for grouped in sides.values() for line in grouped))
    if summary.order:
        places = [summary.by.index(column) for column in summary.order]
        lines.sort(key=lambda line: [(line[place] is None, line[place]) for place in places])
    shown = next(iter(sides.values()), {})
    table = Table(
        box=box.SIMPLE_HEAD,
        caption=f"{measure.name}: mean ± half the 95% interval over seeds",
        caption_justify="left",
        padding=(0, 1, 0, 0),
    )
    for column in summary.by:
        table.add_column(_header(summary.labels.get(column, column.replace("_", " "))), overflow="fold")
    unit = f" ({measure.unit})" if measure.unit else ""
    for name in (*sides, *(["paper"] if summary.published else [])):
        table.add_column(_header(name + unit), justify="right", overflow="fold")
    for more in map(measure_of, summary.more):
        unit = f" ({more.unit})" if more.unit else ""
        table.add_column(_header(summary.labels.get(more.name, more.name) + unit), justify="right", overflow="fold")
    for line in lines:
        cells = [_cell(value, summary.values) for value in line]
        if not any(cells):
            # A teacher has none of what its students vary in.
            cells[0] = next(str(side[line].role.iloc[0]) for side in sides.values() if line in side)
        cells += [_estimate(summary, measure, grouped.get(line)) for grouped in sides.values()]
        if summary.published:
            paper = summary.published(dict(zip(summary.by, line, strict=True)))
            cells.append("" if paper is None else f"{measure.scale * paper:.6g}")
        table.add_row(*cells, *(_estimate(summary, measure_of(more), shown.get(line)) for more in summary.more))
    return table


def show(summary: Summary, ours: Results | None, yours: Results | None = None, console: Console | None = None) -> None:
    """Print an experiment's table, and in which respects yours is smaller than ours."""
    console = console or Console()
    if not console.is_terminal or console.width > WIDTH:
        console = Console(width=WIDTH, file=console.file)
    console.print(summary_table(summary, ours, yours))
    if ours is not None and yours is not None and (sentence := smaller(yours, ours)):
        console.print(sentence)


def smaller(yours: Results, ours: Results) -> str:
    """In which respects yours is smaller: images, epochs, seeds, and values of what is varied; empty where in none.

    Both sides are measured by their rows and by the configuration in their setting.json.
    """
    sizes = [_sizes(side) for side in (yours, ours)]
    less = [
        f"{own:,} {name} (ours {other:,})"
        for name, own in sizes[0].items()
        if own is not None and (other := sizes[1].get(name)) is not None and own < other
    ]
    return f"Yours is smaller: {', '.join(less)}." if less else ""


def claims_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Claims sorted by verdict, those of the paper first."""
    ordered = sorted(judged, key=lambda one: (one.claim.kind != PAPER, ORDER.index(one.verdict)))
    return pd.DataFrame([_claim_line(one) for one in ordered])


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def as_html(table: pd.DataFrame) -> str:
    """A table in HTML; each row has its verdict as class, for colours."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    body = "\n".join(
        f'<tr class="{html.escape(str(row[0]).replace(" ", "-"))}">'
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row)
        + "</tr>"
        for row in table.itertuples(index=False)
    )
    return f'<table class="claims">\n<tr>{head}</tr>\n{body}\n</table>'


def counts(judged: Sequence[Judged], *, after_holm: bool = False) -> dict[str, int]:
    """How many of the paper's claims came out how, or so after Holm's correction; our questions do not count."""
    verdicts = [one.after_holm if after_holm else one.verdict for one in judged if one.claim.kind == PAPER]
    found = Counter(COUNTED[verdict] for verdict in verdicts if verdict in COUNTED)
    return {word: found[word] for word in dict.fromkeys(COUNTED.values())}


def counts_line(judged: Sequence[Judged]) -> str:
    """The counts in words: "1 reproduced, 1 contradicted, 3 no difference"."""
    return ", ".join(f"{number} {word}" for word, number in counts(judged).items() if number) or "no claims"


def verdict_lines(study: str, judged: Sequence[Judged]) -> str:
    """One line a claim without its numbers, so that in a diff a line changes where a verdict does."""
    lines = []
    for one in judged:
        corrected = "" if one.after_holm == one.verdict else f" (after Holm: {one.after_holm})"
        lines.append(f"{study} | {one.claim.experiment} | {one.claim.tests} | {one.verdict}{corrected}\n")
    return "".join(lines)


def _claim_line(one: Judged) -> dict[str, str]:
    claim, sample = one.claim, one.sample
    words = f"“{claim.says}” ({claim.where})" if claim.says else "our question"
    remarks = [one.why, *(sample.remarks if sample else ()), claim.note]
    measured = [sample.ours] if sample else []
    if one.given:
        measured.append(f"given {one.given}")
    if sample is not None and one.images is not None:
        shown = sample.measure.difference(one.images.interval)
        measured.append(f"over test images: {shown}, McNemar p = {one.images.p_summed:.2g}")
    return {
        "verdict": one.verdict,
        "after Holm": one.after_holm,
        "tested": claim.tests,
        "the paper's words": words,
        "published": claim.shown_published,
        "ours": "; ".join(measured),
        "n": str(one.n or ""),
        "δ": sample.measure.difference_text(one.matters) if sample and one.matters is not None else "",
        "remarks": "; ".join(filter(None, remarks)),
    }


def _grouped(summary: Summary, side: Results) -> dict[tuple, pd.DataFrame]:
    groups = side.rows.groupby(list(summary.by), dropna=False, sort=False)
    return {tuple(None if pd.isna(value) else value for value in line): rows for line, rows in groups}


def _estimate(summary: Summary, measure: Measure, rows: pd.DataFrame | None) -> str:
    if rows is None:
        return ""
    values = measure.of(rows).groupby(rows[summary.by_seed].fillna(rows.seed)).mean().dropna()
    if values.empty:
        return ""
    interval = mean_interval(values).scaled(measure.scale)
    return f"{interval.mean:,.{measure.digits}f}" if values.nunique() == 1 else estimate(interval, measure.digits)


def _header(text: str) -> str:
    """Long headers on several lines, so that columns are as wide as their numbers."""
    return textwrap.fill(text, HEADER_WIDTH)


def _cell(value: object, texts: Mapping[object, str]) -> str:
    if value in texts:
        return texts[value]
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sizes(side: Results) -> dict[str, int | None]:
    """Numbers by which one run is smaller than another."""
    rows, configuration = side.rows, side.setting.get("configuration", {})
    students = rows[rows.role != "teacher"] if "role" in rows else rows
    students = students if len(students) else rows
    sizes: dict[str, int | None] = {"training images": int(students.train_size.max())}
    varied = {name: value for name, value in side.setting.get("grid", {}).items() if name != "seeds"}
    for name, value in (configuration | varied).items():
        words = name.strip("_").replace("_", " ")
        if name.endswith("epochs"):
            sizes[words] = value
        elif isinstance(value, list):
            sizes[words] = len(value)
    sizes["seeds"] = students.seed.nunique()
    return sizes
