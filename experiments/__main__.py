"""Command line: `python -m experiments` lists the studies, `python -m experiments STUDY --help` explains one."""

import argparse
import ast
import contextlib
import importlib
import os
import sys
from pathlib import Path

STUDIES = {
    "mnist-dense": "experiments.mnist_dense",
    "mnist-lambda-sweep": "experiments.mnist_lambda_sweep",
    "mnist-batch-sweep": "experiments.mnist_batch_sweep",
    "catdog-mobilenet": "experiments.catdog_mobilenet",
    "catdog-channels": "experiments.catdog_channels",
    "cifar-transfer": "experiments.cifar_transfer",
    "hinton-mnist": "experiments.hinton_mnist",
    "hinton-transfer-set": "experiments.hinton_transfer_set",
    "hinton-temperature": "experiments.hinton_temperature",
    "iterative-mnist": "experiments.iterative_mnist",
    "iterative-cifar10": "experiments.iterative_cifar10",
    "assistants-cifar10": "experiments.assistants_cifar10",
    "offline-responses": "experiments.offline_responses",
    "offline-cifar10": "experiments.offline_cifar10",
    "export": "experiments.export",
}
RESTART = 75


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m experiments STUDY [--profile smoke|quick|paper] [--help] …\n")
        for study, module in STUDIES.items():
            print(f"  {study:20}{_summary(module)}")
        return 0
    study, *options = arguments
    if study not in STUDIES:
        return _fail(f"unknown study {study!r}: expected one of {', '.join(STUDIES)}")
    with _without_startup_messages():
        module = importlib.import_module(STUDIES[study])
        import tensorflow as tf
        import tyro
        from absl import logging

        from experiments.config import with_profile
        from experiments.errors import Restart, UsageError
        from kdsuite import data, distill, prune
    # Each trial is a new model and so a new function to trace; TensorFlow takes that for a mistake.
    tf.get_logger().setLevel("ERROR")
    logging.set_verbosity(logging.ERROR)
    profile = _profile(options)
    if profile not in module.PROFILES:
        return _fail(f"profile {profile!r}: expected one of {', '.join(module.PROFILES)}")
    config = tyro.cli(
        module.Config,
        default=with_profile(module.Config, module.PROFILES, profile),
        args=options,
        prog=f"python -m experiments {study}",
        description=module.__doc__,
    )
    try:
        module.run(config)
    except (UsageError, data.DataError, distill.DistillationError, prune.PruneError, OSError) as error:
        return _fail(" ".join(str(error).split()))
    except Restart:
        return RESTART
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on where it was", status=130)
    return 0


def _profile(options: list[str]) -> str:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", default="paper")
    return parser.parse_known_args(options)[0].profile


def _summary(module: str) -> str:
    source = Path(__file__).with_name(module.rpartition(".")[2] + ".py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


@contextlib.contextmanager
def _without_startup_messages():
    """TensorFlow's libraries write notes to the process' standard error while they load."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with Path(os.devnull).open("w") as devnull:
        os.dup2(devnull.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _fail(message: str, status: int = 2) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status == RESTART:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "experiments", *sys.argv[1:]])
    sys.exit(status)
