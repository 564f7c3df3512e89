"""What a run prints and draws at its end: yours beside ours and the paper's."""

from itertools import count, islice
from pathlib import Path

from experiments import registry
from experiments.engine.config import REFERENCE, Config
from experiments.engine.settings import ROOT
from kdsuite.report.errors import NotRun
from kdsuite.report.named import fits
from kdsuite.report.precision import precision, seeds_needed, wider
from kdsuite.report.publish import save_figures
from kdsuite.report.rows import Results, read_folder
from kdsuite.report.tables import counts_line, show
from kdsuite.report.verdicts import judge


def publish(study: registry.Study, experiment: registry.Experiment, folder: Path) -> None:
    """Prints an experiment's table and what its claims come to, and writes its figures beside the rows.

    Args:
        study: has the claims.
        experiment: has the report.
        folder: of the setting that was run.
    """
    report = study.load("report", experiment.report)
    yours = read_folder(folder)
    ours = nearest_reference(experiment.name, yours.setting)
    if ours is not None and ours.folder.resolve() == folder.resolve():
        show(report.summary, ours)
    else:
        show(report.summary, ours, yours)
    claims = [claim for claim in study.load("claims", "CLAIMS") if fits(claim.experiment, yours)]
    judged = judge(claims, {claim.experiment: yours for claim in claims})
    print(f"the paper's claims on these rows: {counts_line(judged)}")
    print(f"rows: {folder / 'rows.csv'}")
    try:
        figures = report.figures(yours)
    except NotRun as error:
        print(f"no figures: {error}")
        figures = {}
    for path in save_figures(figures, folder / "figures"):
        if path.suffix == ".png":
            print(f"figure: {path}")


def further_seeds(study: registry.Study, folder: Path, config: Config) -> tuple[int, ...] | None:
    """The seeds with which every claim's interval is as narrow as the run asks, or None where it is, or asks nothing.

    Stops by width, never by significance (Stein 1945; see `kdsuite.report.precision`).

    Args:
        study: has the claims.
        folder: of the setting that was run.
        config: `precision_of` points are asked for, with at most `max_seeds` seeds.
    """
    if config.precision_of is None:
        return None
    yours = read_folder(folder)
    claims = [claim for claim in study.load("claims", "CLAIMS") if fits(claim.experiment, yours)]
    results = {claim.experiment: yours for claim in claims}
    for tests, width in precision(claims, results).items():
        print(f"± {width:5.2f} points  {tests}")
    for tests in wider(claims, results, config.precision_of, len(config.seeds)):
        print(f"further seeds do not narrow it, an option of its own gives it fewer: {tests}")
    needed = min(seeds_needed(claims, results, config.precision_of, len(config.seeds)), config.max_seeds)
    if needed <= len(config.seeds):
        return None
    new = (seed for seed in count() if seed not in config.seeds)
    seeds = (*config.seeds, *islice(new, needed - len(config.seeds)))
    print(f"± {config.precision_of:g} points: {needed} seeds instead of {len(config.seeds)}")
    return seeds


def nearest_reference(experiment: str, setting: dict) -> Results | None:
    """The reference's rows of an experiment, of the setting that shares most options with the given one."""
    found = []
    for path in sorted((ROOT / REFERENCE / experiment).glob("*/setting.json")):
        try:
            found.append(read_folder(path.parent))
        except NotRun:
            continue
    options = setting["configuration"]
    return max(
        found,
        key=lambda ours: sum(ours.setting["configuration"].get(name) == value for name, value in options.items()),
        default=None,
    )
