"""What the command line does. Imports no TensorFlow until an experiment runs."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments import registry
from experiments.engine.errors import Restart, Stopped, UsageError

RESTART = 75
USAGE = "usage: python -m experiments EXPERIMENT [--profile smoke|quick|full|paper] [--help] …\n"


def main(arguments: list[str]) -> int:
    """Runs one command; gives its exit status: 0, 2 for bad input, 130 or 143 where it was stopped."""
    command, *options = arguments or ["list"]
    try:
        if command in ("-h", "--help", "list"):
            _check_options(command, options, known=("--names",))
            return _list(names_only="--names" in options)
        _terminal().stop_at_once()
        if command == "reference":
            return _reference(options)
        if command == "export":
            return _export(options)
        if command == "docs":
            _check_options(command, options)
            return _guarded(_docs)
        if command == "status":
            return _status(options)
        study, experiment = find(command)
        return _run(study, experiment, options)
    except (UsageError, registry.RegistryError) as error:
        return _fail(str(error))


def _terminal() -> ModuleType:
    # Here, not above: `make help` lists the experiments before the library is installed.
    from kdsuite.compress import terminal

    return terminal


def _list(*, names_only: bool) -> int:
    if names_only:
        print("\n".join(registry.names()))
        return 0
    print(USAGE)
    for study in registry.studies():
        print(f"Study {study.number}: {study.title}")
        for experiment in study.experiments:
            print(f"  {experiment.name:22}{experiment.summary}")
    print("\nOther commands")
    print(f"  {'export':22}LiteRT, ONNX and OpenVINO files of a trained network, each run on the test split")
    print(f"  {'status':22}trials done, missing and failed in each setting, and the time left")
    print(f"  {'docs':22}rewrites the tables of README and docs from results/reference")
    print(f"  {'reference EXPERIMENT':22}for maintainers: writes results/reference, from a clean tree only")
    return 0


def find(name: str) -> tuple[registry.Study, registry.Experiment]:
    """The study and entry of an experiment.

    Raises:
        UsageError: there is none of that name.
    """
    known = registry.experiments()
    if name not in known:
        raise UsageError(f"unknown experiment {name!r}: expected one of {', '.join(known)}")
    return known[name]


def _reference(options: list[str]) -> int:
    """Writes the rows of an experiment to the reference."""
    from experiments.engine.config import REFERENCE

    if not options:
        raise UsageError("reference of what: give the name of an experiment")
    study, experiment = find(options[0])
    with _terminal().quiet_startup():
        from experiments.engine.settings import ROOT, commit
        from kdsuite import distill
    if commit().endswith("-dirty") or commit() == "unknown":
        raise UsageError(f"the code is {commit()}: commit it first, reference rows come from a clean tree")
    library = Path(distill.__path__[0]).parent
    if library != ROOT:
        raise UsageError(f"the library comes from {library}, the commit from {ROOT}: make install there")
    given = ["--profile", "full", *options[1:]] if "--profile" not in options else options[1:]
    return _run(study, experiment, [*given, "--results", str(ROOT / REFERENCE)])


def _run(study: registry.Study, experiment: registry.Experiment, options: list[str]) -> int:
    config = configuration(study, experiment, options)
    registry.check(study, experiment)
    return _guarded(lambda: _carry_out(study, experiment, config, options))


def configuration(study: registry.Study, experiment: registry.Experiment, options: list[str]) -> Any:
    """The experiment's configuration under some options.

    Raises:
        UsageError: an option that is unknown, malformed or out of range.
    """
    from experiments.engine.config import with_profile

    config_type = study.load("config", experiment.config)
    profile = _profile(options, experiment.profile)
    if profile not in config_type.PROFILES:
        raise UsageError(f"profile {profile!r}: expected one of {', '.join(config_type.PROFILES)}")
    description = registry.docstring(study, experiment.module)
    config = parse(config_type, with_profile(config_type, profile), experiment.name, description, options)
    config.check()
    return config


def parse(config_type: type, default: Any, name: str, description: str, options: list[str]) -> Any:
    """Reads options into a configuration.

    Raises:
        UsageError: an option that is unknown, malformed or empty.
    """
    import tyro

    if "" in options:
        before = options[: options.index("")]
        raise UsageError(f"{before[-1] if before else name} '': expected a value, not an empty one")
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            config = tyro.cli(
                config_type,
                default=default,
                args=options,
                prog=f"python -m experiments {name}",
                description=description,
            )
    except SystemExit as exit_:
        if exit_.code in (0, None):
            raise
        raise UsageError(_terminal().one_line(stderr.getvalue())) from None
    return config


def _carry_out(study: registry.Study, experiment: registry.Experiment, config: Any, options: list[str]) -> None:
    from experiments.engine import publish
    from experiments.engine.runner import Runner
    from experiments.engine.training import Diverged

    trains = study.load(experiment.module, experiment.trains)
    with _cluster(config) as cluster:
        while True:
            runner = Runner(experiment.name, trains(config), config.results, cluster)
            trials = runner.run(options)
            if trials is None or config.dry_run:
                return
            seeds = publish.further_seeds(study, runner.results.folder, config)
            if seeds is None:
                break
            # Workers read the options again; the last --seeds counts.
            config, options = replace(config, seeds=seeds), [*options, "--seeds", *map(str, seeds)]
    runner.save_best(trials)
    try:
        runner.study.finish(runner.networks, runner.results.folder)
    except Diverged as error:
        print(f"not written: what {experiment.name} makes of its networks ({error})", file=sys.stderr)
    publish.publish(study, experiment, runner.results.folder)


def _cluster(config: Any) -> contextlib.AbstractContextManager:
    """The connection to the cluster that a configuration names, or None.

    Raises:
        UsageError: Ray is not installed, or nobody answers.
    """
    if config.address is None or config.dry_run:
        return contextlib.nullcontext()
    try:
        from experiments.engine import cluster
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UsageError("--address needs Ray: pip install 'kdsuite[ray]'") from None
    return cluster.session(config)


def _check_options(command: str, options: list[str], known: tuple[str, ...] = ()) -> None:
    if unknown := [option for option in options if option not in known]:
        expected = " or ".join(known) or "no options"
        raise UsageError(f"{command} {' '.join(unknown)}: expected {expected}")


def _status(options: list[str]) -> int:
    from experiments.status_config import StatusConfig

    config = parse(StatusConfig, StatusConfig(), "status", "Where each setting stands.", options)

    def report() -> None:
        from experiments.engine import status

        status.show(config.results, config.cache)

    return _guarded(report)


def _docs() -> None:
    from experiments import pages

    for path in [*pages.write(), *pages.draw()]:
        print(path)


def _export(options: list[str]) -> int:
    from experiments.export_config import ExportConfig

    config = parse(ExportConfig, ExportConfig(), "export", "", options)
    config.check()

    def export() -> None:
        from experiments import export

        export.run(config)

    return _guarded(export)


def _guarded(work: Callable[[], None]) -> int:
    """Does the work; errors that a user can mend become one line and status 2."""
    import_quietly()
    from experiments.engine import stopping

    stopping.install()
    try:
        work()
    except user_errors() as error:
        return _fail(str(error))
    except Restart:
        return RESTART
    except (Stopped, KeyboardInterrupt):
        return _fail(_terminal().STOPPED, status=stopping.exit_status())
    return 0


def user_errors() -> tuple[type[Exception], ...]:
    """Errors whose message tells the user what to mend."""
    from kdsuite import compress, data, distill, prune
    from kdsuite.report.errors import ReportError

    of_libraries = (data.DataError, distill.DistillationError, prune.PruneError, compress.CompressionError)
    return UsageError, *of_libraries, ReportError, OSError


def _profile(options: list[str], default: str) -> str:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", default=default)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return parser.parse_known_args(options)[0].profile
    except SystemExit:
        raise UsageError("--profile: expected a name behind it, smoke, quick, full or paper") from None


def import_quietly() -> None:
    """Imports TensorFlow and the engine, and keeps them from warning of what is meant to be so."""
    # Workers share a GPU, of which the first one would take all memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    terminal = _terminal()
    terminal.import_quietly()
    with terminal.quiet_startup():
        from experiments.engine import runner  # noqa: F401


def _fail(message: str, status: int = 2) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status
