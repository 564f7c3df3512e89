"""The command line: help without TensorFlow, and bad input in one line before anything is read."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import psutil
import pytest

from experiments import registry
from experiments.cli import main
from experiments.engine import settings
from kdsuite import distill

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
ROOT = Path(__file__).resolve().parents[2]
SMOKE = ["--profile", "smoke"]


def test_list_has_a_line_each(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    for name in registry.names():
        assert re.search(rf"^  {name} +\w", printed, re.MULTILINE)
    assert main(["list", "--names"]) == 0
    assert capsys.readouterr().out.split() == list(registry.names())


@pytest.mark.parametrize("arguments", ["['{}', '--help']", "['{}', '--seeds', '-1']", "['{}', '--profile', 'huge']"])
def test_help_and_bad_options_need_no_tensorflow(arguments):
    code = (
        "import sys\nfrom experiments.cli import main\n"
        f"try:\n    main({arguments.format('mnist-lambda-sweep')})\nexcept SystemExit:\n    pass\n"
        "assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_help_explains_each_parameter(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["mnist-lambda-sweep", "--help"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--lambdas", "--temperature", "--teacher", "--seeds", "--profile", "--dry-run", "--workers"):
        assert option in printed
    assert "Seeds; each one repeats the whole grid" in " ".join(printed.split())


def test_unknown_experiment(capsys):
    assert main(["mnist-gamma-sweep"]) == 2
    assert "unknown experiment 'mnist-gamma-sweep': expected one of mnist-dense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["docs", "--bogus", "--help"], "docs --bogus --help: expected no options"),
        (["list", "--name"], "list --name: expected --names"),
        (["status", "--bogus"], "--bogus"),
        (["mnist-dense", "--profile"], "--profile: expected a name behind it"),
        (["mnist-dense", "--results", ""], "--results '': expected a value"),
    ],
)
def test_bad_options_are_one_line(arguments, message, capsys, in_empty_folder):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")
    assert message in err
    assert not list(in_empty_folder.iterdir())


def test_a_damaged_setting_hides_no_other(capsys, in_empty_folder):
    for name, text in (("a", '{"experiment": "mnist-de'), ("b", "{}")):
        folder = in_empty_folder / "results" / "mnist-dense" / name
        folder.mkdir(parents=True)
        (folder / "setting.json").write_text(text)
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "a/setting.json is not JSON" in out
    assert "b/setting.json lacks configuration, data, experiment, setting" in out


def read_only(folder):
    (folder / "results").mkdir()
    (folder / "results").chmod(0o555)


def one_class(folder):
    (folder / "pictures" / "cat").mkdir(parents=True)


def two_classes_one_broken(folder):
    for name in ("cat", "dog"):
        (folder / "pictures" / name).mkdir(parents=True)
        (folder / "pictures" / name / "1.jpg").write_bytes(b"no image")


def seven_classes(folder):
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]
    keras.Sequential(layers).save(folder / "seven.keras")


@pytest.mark.parametrize(
    ("options", "prepare", "message"),
    [
        (["--data", "no_such_set"], None, "unknown data set 'no_such_set'"),
        (["--data", "cifar10"], None, "cifar10 is not prepared"),
        (["--data", ""], None, "--data '': expected a value"),
        (["--data", "日本"], None, "日本"),
        (["--data", "mnist/none"], None, "mnist/none"),
        (["--lambdas"], None, "lambdas (none): expected one or more"),
        (["--lambdas", "0.5", "1.5"], None, "lambdas 1.5: expected a number from 0 to 1"),
        (["--lambdas", "-0.1"], None, "lambdas -0.1"),
        (["--temperature", "0"], None, "temperature 0.0"),
        (["--temperature", "1e300"], None, "temperature 1e+300"),
        (["--batch-size", "0"], None, "batch size 0: expected a number from 1"),
        (["--batch-size", "1e20"], None, "1e20"),
        (["--epochs", "0"], None, "epochs 0: expected a number from 1"),
        (["--learning-rate", "0"], None, "learning rate 0.0: expected a number above 0"),
        (["--learning-rate", "inf"], None, "learning rate inf"),
        (["--learning-rate", "nan"], None, "learning rate nan"),
        (["--seeds", "1", "1"], None, "seeds 1 1: expected one or more different values"),
        (["--seeds", "-1"], None, "seeds -1: expected a number from 0 to 4294967295"),
        (["--seeds", "4294967296"], None, "seeds 4294967296"),
        (["--split-seed", "-1"], None, "split seed -1"),
        (["--workers", "0"], None, "workers 0"),
        (["--no-such-option"], None, "--no-such-option"),
        (["--train-size", "100000"], None, "train size 100000"),
        (["--data", "pictures"], one_class, "pictures has 1 sub-folder(s)"),
        (["--data", "pictures"], two_classes_one_broken, "pictures/cat/1.jpg"),
        (["--teacher", "missing.keras"], None, "cannot load a model from missing.keras"),
        (["--teacher", "seven.keras"], seven_classes, "7 outputs and the student 10"),
        ([], read_only, "results (read-only)"),
        (["--save-best", "best.h5"], None, "save best best.h5: expected the name of a .keras file"),
        (["--profile", "huge"], None, "profile 'huge': expected one of smoke, quick, full, paper"),
    ],
)
def test_bad_input_is_one_line_status_2_and_nothing_written(options, prepare, message, capsys, in_empty_folder):
    if prepare:
        prepare(in_empty_folder)
    before = {path for path in in_empty_folder.rglob("*") if ".cache" not in path.parts}
    try:
        assert main(["mnist-lambda-sweep", *SMOKE, *options]) == 2
    finally:
        if (in_empty_folder / "results").exists():
            (in_empty_folder / "results").chmod(0o755)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert {path for path in in_empty_folder.rglob("*") if ".cache" not in path.parts} == before


@pytest.mark.parametrize(
    ("code", "library", "message"),
    [
        ("0123456789ab-dirty", "", "the code is 0123456789ab-dirty: commit it first"),
        ("0123456789ab", "/elsewhere", "the library comes from /elsewhere, the commit from"),
    ],
)
def test_rows_of_code_that_no_commit_names_are_refused(code, library, message, capsys, monkeypatch):
    monkeypatch.setattr(settings, "commit", lambda: code)
    monkeypatch.setattr(distill, "__path__", [f"{library or settings.ROOT}/distill"])
    assert main(["reference", "mnist-dense"]) == 2
    assert message in capsys.readouterr().err


def test_a_signal_that_comes_when_all_is_done_changes_nothing():
    """Python takes its handlers back before it has ended; what is ignored stays ignored."""
    code = (
        "import atexit, runpy, signal, sys; sys.argv = ['experiments', 'list']; "
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT).name, signal.getsignal(signal.SIGTERM).name)); "
        "runpy.run_module('experiments', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "SIG_IGN SIG_IGN"


@pytest.mark.parametrize(
    ("module", "options"),
    [("experiments", ["mnist-dense"]), ("kdsuite.compress", ["a.keras", "b", "--target-macs", "0.5"])],
)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_libraries_load_ends_a_command_in_one_line(module, options, number, status, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, *options]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    memory = psutil.Process(process.pid)
    # Python alone has a tenth of what it has while TensorFlow's libraries load.
    while process.poll() is None and memory.memory_info().rss < 1e8:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    assert err.strip() == "error: stopped; the same command goes on where it was"
    assert not list(tmp_path.iterdir())
