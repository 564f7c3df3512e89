"""Trials on a Ray cluster: the rows of a local run, whatever dies; one line for what the user can mend."""

import contextlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from experiments import registry
from experiments.cli import main
from experiments.cs230.config import DenseConfig
from experiments.engine.errors import UsageError
from experiments.engine.worker import THREADS

ROOT = Path(__file__).resolve().parents[3]
TRIALS = ["mnist-dense", "--profile", "smoke", "--data", "synthetic", "--batch-size", "8", "--epochs"]
ONE_THREAD = dict.fromkeys(THREADS, "1")
SECONDS = 240


@pytest.fixture
def start():
    """Starts a run in a process group of its own, which ends with the test."""
    runs = []

    def started(folder, *options, **environment):
        command = [sys.executable, "-m", "experiments", *options]
        command += ["--results", str(folder / "results"), "--cache", str(folder / "cache")]
        run = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        runs.append(run)
        return run

    yield started
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


def end(process):
    out, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in err, err
    return out, err


def table(folder, name, *dropped):
    (path,) = (folder / "results").glob(f"*/*/{name}.csv")
    order = ["trial", "epoch"] if name == "epochs" else ["trial"]
    found = pd.read_csv(path, dtype={"trial": str}).sort_values(order).reset_index(drop=True)
    return found.drop(columns=list(dropped))


def histories(folder):
    """Trial → the epochs in its checkpoint, for all that have one."""
    found = {}
    for path in (folder / "cache" / "trials").glob("*/checkpoint.npz"):
        try:
            with np.load(path) as file:
                found[path.parent.name] = json.loads(str(file["history"]))
        except FileNotFoundError:  # Finished between the two looks.
            continue
    return found


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not within its time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster():
    """The process of `ray_cluster.py`, and the address of its cluster."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("ray_cluster.py"))],
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    address = process.stdout.readline().strip()
    assert address, "Ray does not start"
    yield process, address
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def trial_processes(cluster):
    """The processes of the cluster's nodes that are training now."""
    found = []
    for child in psutil.Process(cluster.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.cmdline() and child.cmdline()[0].startswith("ray::run_trial"):
                found.append(child)
    return found


@pytest.mark.long
def test_a_process_and_a_node_die_and_the_rows_are_those_of_an_undisturbed_run(cluster, start, tmp_path):
    process, address = cluster
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    run = start(disturbed, *TRIALS, "25", "--address", address)
    wait_for(lambda: len(histories(disturbed)) == 2)
    victim = trial_processes(process)[0]
    victim.kill()
    victim.wait(SECONDS)
    wait_for(lambda: len(trial_processes(process)) == len(histories(disturbed)) == 2)
    before = histories(disturbed)
    process.stdin.write("kill\n")
    process.stdin.flush()
    assert process.stdout.readline() == "removed\n"
    out, err = end(run)
    assert run.returncode == 0, err

    losses = re.findall(r"trial (\w+): its (process|node) died; it goes on elsewhere after epoch (\d+)", out + err)
    assert sorted(what for _, what, _ in losses) == ["node", "process"]
    seconds = table(disturbed, "epochs").set_index(["trial", "epoch"]).seconds
    for trial, what, epoch in losses:
        assert 1 <= int(epoch) < 25
        if what == "node":
            # Epochs that were trained before have kept their durations: they were not trained again.
            for measured in before[trial]:
                assert seconds[trial, measured["epoch"]] == pytest.approx(measured["seconds"], rel=1e-5)

    local = start(undisturbed, *TRIALS, "25", "--workers", "1", **ONE_THREAD)
    end(local)
    for name, dropped in (("rows", ("train_seconds", "finished_at", "commit")), ("epochs", ("seconds",))):
        pd.testing.assert_frame_equal(table(disturbed, name, *dropped), table(undisturbed, name, *dropped))
    assert not histories(disturbed)


@pytest.mark.long
def test_ctrl_c_ends_the_trials_and_leaves_their_checkpoints(cluster, start, tmp_path):
    process, address = cluster
    run = start(tmp_path, *TRIALS, "4000", "--seeds", "0", "--address", address)
    wait_for(lambda: histories(tmp_path))
    os.killpg(run.pid, signal.SIGINT)
    _, err = end(run)
    assert run.returncode == 130
    assert err.strip().splitlines()[-1] == "error: stopped; the same command goes on where it was"
    assert histories(tmp_path)
    wait_for(lambda: not trial_processes(process))


@pytest.mark.long
def test_a_trial_that_fits_on_no_node_is_refused(cluster, start, tmp_path):
    run = start(tmp_path, *TRIALS, "1", "--address", cluster[1], "--trial-cpus", "2")
    _, err = end(run)
    assert run.returncode == 2
    assert err.startswith(f"error: no node of the cluster at {cluster[1]} has the 2 cores of a trial")


def test_nodes_are_given_all_data_sets_that_studies_read():
    """What a study loads and does not name, each node would read from its own disk."""
    for study, experiment in registry.experiments().values():
        trains = study.load(experiment.module, experiment.trains)
        loads = {
            name
            for kind in trains.__mro__
            for name, value in vars(kind).items()
            if isinstance(value, cached_property) and ".load(" in inspect.getsource(value.func)
        }
        assert loads <= set(trains.READ), trains


def test_a_node_keeps_students_where_the_driver_writes_the_best(tmp_path, monkeypatch):
    """Its network is sent to the driver, which would else train the best one again."""
    pytest.importorskip("ray")
    from experiments.engine import node, node_networks

    monkeypatch.setattr(node_networks.NodeNetworks, "__init__", lambda *given: None)
    options = ("--profile", "smoke", "--data", "synthetic")
    for more, kept in (((), None), (("--save-best", "far/best.keras"), tmp_path / "best.keras")):
        job = node.Job("mnist-dense", (*options, *more), "commit", 1)
        assert node._runner(job, "key", None, {}, tmp_path).config.save_best == kept


@pytest.mark.slow
def test_an_address_where_nobody_listens_is_one_line(start, tmp_path):
    run = start(tmp_path, *TRIALS, "1", "--address", "127.0.0.1:1")
    _, err = end(run)
    assert run.returncode == 2
    assert err.startswith("error: no Ray cluster at 127.0.0.1:1 (")
    assert err.count("\n") == 1
    assert not (tmp_path / "cache").exists()


def test_without_an_address_ray_is_not_imported(tmp_path):
    options = [*TRIALS, "1", "--dry-run", "--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]
    code = "import sys; from experiments.cli import main; assert main(sys.argv[1:]) == 0; "
    code += "sys.exit('ray' in sys.modules or 'tensorflow' not in sys.modules)"
    subprocess.run([sys.executable, "-c", code, *options], cwd=ROOT, check=True, capture_output=True)


def test_missing_ray_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "experiments.engine.cluster", raising=False)
    assert main([*TRIALS, "1", "--address", "auto"]) == 2
    assert capsys.readouterr().err == "error: --address needs Ray: pip install 'kdsuite[ray]'\n"


@pytest.mark.parametrize("address", ["auto", "head:6379", "10.0.0.1:6379", "[::1]:6379"])
def test_addresses(address):
    DenseConfig(address=address).check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "ray://head:10001"}, "address 'ray://head:10001': expected HOST:PORT"),
        ({"address": "head"}, "address 'head': expected HOST:PORT"),
        ({"address": ""}, "address '': expected HOST:PORT"),
        ({"trial_cpus": 2}, "trial cpus 2 without an address"),
        ({"trial_gpus": 1.0}, "trial gpus 1.0 without an address"),
        ({"address": "auto", "trial_gpus": 1.5}, "trial gpus 1.5: expected a whole number"),
        ({"address": "auto", "trial_gpus": 1.0, "devices": 2}, "devices 2 of 1 trial GPUs"),
        ({"workers": 2, "devices": 2}, "workers 2 with devices 2"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        DenseConfig(**options).check()
