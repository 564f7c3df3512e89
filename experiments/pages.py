"""Writes what is generated from the reference: the README's table, a page a study, the verdicts as text.

make docs        (python -m experiments docs)
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments import registry
from experiments.engine.config import with_profile
from kdsuite.report.compression import against
from kdsuite.report.export import formats
from kdsuite.report.figures import span
from kdsuite.report.named import read_named, settings_of
from kdsuite.report.publish import save_figures
from kdsuite.report.rows import REFERENCE, Results, read_folder
from kdsuite.report.tables import claims_table, counts, markdown, verdict_lines
from kdsuite.report.verdicts import Judged, judge

ROOT = registry.ROOT
FRONT = "hinton-mnist protocol=original"
TESTED = ("validation_size", "test_size")
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def write(root: Path = ROOT) -> list[Path]:
    """Writes all generated files; gives their paths."""
    judged = {study: judged_claims(study) for study in registry.studies()}
    pages = {root / "docs" / "studies" / f"{study.number}.md": page(study, found) for study, found in judged.items()}
    pages[root / "docs" / "verdicts.txt"] = "".join(
        verdict_lines(f"study {study.number}", found) for study, found in judged.items()
    )
    tables = {
        root / "docs" / "export.md": export_table(),
        root / "docs" / "compress.md": compress_table(),
        root / "README.md": front_table(judged),
    }
    pages |= {path: between_marks(path.read_text(), table) for path, table in tables.items()}
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(pages)


def draw(root: Path = ROOT) -> list[Path]:
    """Draws the README's picture; gives its paths."""
    study, experiment = registry.experiments()[FRONT.split()[0]]
    (results,) = read_named([FRONT]).values()
    figure = next(iter(study.load("report", experiment.report).figures(results).values()))
    return save_figures({"front": figure}, root / "docs")


def judged_claims(study: registry.Study) -> list[Judged]:
    """A study's claims, judged on the reference's rows; Holm's correction is over all of them."""
    claims = study.load("claims", "CLAIMS")
    return judge(claims, read_named(settings_of(claims)))


def settings(study: registry.Study) -> list[Results]:
    """The reference's rows of a study, a setting each."""
    folders = [
        path.parent
        for experiment in study.experiments
        for path in sorted((REFERENCE / experiment.name).glob("*/setting.json"))
        if (path.parent / "rows.csv").exists()
    ]
    return [read_folder(folder) for folder in folders]


def front_table(judged: dict[registry.Study, list[Judged]]) -> str:
    """A line a study: how many of the paper's claims came out how, before and after Holm's correction, with links."""
    lines = []
    for study, found in judged.items():
        notebooks = ", ".join(f"[{name}](notebooks/{name}.ipynb)" for name in study.notebooks)
        linked = {"study": f"[{study.number}. {study.title}](docs/studies/{study.number}.md)"}
        lines.append(linked | _both_readings(found) | {"notebooks": notebooks})
    return markdown(pd.DataFrame(lines))


def _both_readings(judged: Sequence[Judged]) -> dict[str, str]:
    """Verdict → "23 (15)": how many claims came out so, and how many after Holm's correction where it changes that."""
    corrected = counts(judged, after_holm=True)
    texts = {
        word: f"{number}" if number == corrected[word] else f"{number} ({corrected[word]})"
        for word, number in counts(judged).items()
    }
    return {word: "" if text == "0" else text for word, text in texts.items()}


def page(study: registry.Study, judged: Sequence[Judged]) -> str:
    """A study's page: the paper in ten lines, its experiments, where the rows come from, and every claim."""
    parts = [f"# Study {study.number}: {study.title}", registry.docstring(study, "__init__"), "## Experiments"]
    parts.append("\n".join(f"- `make {one.name}`: {one.summary}" for one in study.experiments))
    parts += ["## Rows", ROWS_INTRODUCTION, provenance(study), "## Claims", CLAIMS_INTRODUCTION]
    parts.append(markdown(claims_table(judged)) if judged else "No claims yet.")
    return "\n\n".join(parts) + "\n"


ROWS_INTRODUCTION = "“Other options” are those that a setting has otherwise than its profile has them today."
CLAIMS_INTRODUCTION = (
    "Sorted by verdict; intervals are 95% over seeds, paired where both sides have the same seeds. What the verdicts "
    "mean, and how Holm's correction changes them, stands in [verdicts](../verdicts.md)."
)


def provenance(study: registry.Study) -> str:
    """Where a study's rows come from: data, sizes, profile and what differs from it, commits."""
    lines = []
    for results in settings(study):
        setting, data = results.setting, results.setting["data"]
        commits = setting["commits"]
        mixed = f" (of {len(commits)} commits: rows were added as the code grew)" if len(commits) > 1 else ""
        lines.append(
            {
                "experiment": results.experiment,
                "data": f"{data['name']} from {data['source']}",
                "train / validation / test": " / ".join(
                    [_train_sizes(results), *(f"{data[size]:,}" for size in TESTED)]
                ),
                "networks": len(results.rows),
                "seeds": _seeds(results.rows),
                "profile": setting["profile"],
                "other options": other_options(study, results),
                "commits": f"{', '.join(commits)}{mixed}",
            }
        )
    return markdown(pd.DataFrame(lines)) if lines else "The reference has no rows yet."


def other_options(study: registry.Study, results: Results) -> str:
    """What a setting has otherwise than its profile has today: "protocol reproduction, image size 224"."""
    (experiment,) = (one for one in study.experiments if one.name == results.experiment)
    usual = with_profile(study.load("config", experiment.config), results.setting["profile"]).setting()
    own = results.setting["configuration"]
    different = {name: own[name] for name in usual if name in own and own[name] != usual[name]}
    return ", ".join(f"{name.replace('_', ' ')} {_words(value)}" for name, value in different.items())


def _words(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _train_sizes(results: Results) -> str:
    """Numbers of images that students train on, and their teacher's where it has others: "1,000 (teacher 7,000)"."""
    rows = results.rows
    teachers, students = (span(rows.train_size[rows.role == role]) for role in ("teacher", "student"))
    if not students or students == teachers:
        return teachers
    return f"{students} (teacher {teachers})" if teachers else students


def _seeds(rows: pd.DataFrame) -> int:
    """How many seeds there are; members of an ensemble have numbers of their own besides."""
    own = rows.get("ensemble_seed", pd.Series(index=rows.index, dtype=float))
    return own.fillna(rows.seed).nunique()


def export_table() -> str:
    """The table of exported networks."""
    path = REFERENCE / "export.csv"
    return markdown(formats(pd.read_csv(path))) if path.exists() else "No exports yet."


def compress_table() -> str:
    """The table of `compress` against what one would do instead."""
    path = REFERENCE / "compress.csv"
    return markdown(against(pd.read_csv(path))) if path.exists() else "Not measured yet."


def between_marks(text: str, table: str) -> str:
    """A text with what stands between the marks replaced."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}"
