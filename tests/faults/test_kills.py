"""Kills at random moments, and Ctrl-C: the rows are those of an undisturbed run, bit for bit."""

import os
import re
import signal
import time

import numpy as np
import pytest

from tests.faults import runs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    begin = time.perf_counter()
    runs.finish(folder, "--workers", "1")
    return folder, time.perf_counter() - begin


@pytest.fixture(scope="module")
def undisturbed_by_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed-by-two")
    begin = time.perf_counter()
    runs.finish(folder, "--workers", "2")
    return folder, time.perf_counter() - begin


def kill(process, number):
    os.killpg(process.pid, number)
    return process.communicate(timeout=300)


def killed_and_finished(folder, seconds, delays, *options):
    for share in delays:
        process = runs.start(folder, *options)
        time.sleep(share * seconds)
        kill(process, signal.SIGKILL)
    runs.finish(folder, *options)


@pytest.mark.slow
def test_kills_at_random_moments(undisturbed, tmp_path, share):
    folder, seconds = undisturbed
    random = np.random.default_rng(0)
    for number in range(max(1, round(10 * share))):
        killed_and_finished(tmp_path / str(number), seconds, random.uniform(0.2, 0.95, 2), "--workers", "1")
        runs.check_same(tmp_path / str(number), folder)


@pytest.mark.faults
def test_kills_while_files_are_written(undisturbed, tmp_path, share):
    """The moment after a file of the cache or a row appeared, in the middle of the next write."""
    folder, _ = undisturbed
    random = np.random.default_rng(1)
    for number in range(max(1, round(10 * share))):
        own = tmp_path / str(number)
        process, seen = runs.start(own, "--workers", "1"), int(random.integers(3, 12))
        while process.poll() is None:
            written = [path for path in own.rglob("*") if path.suffix in (".npz", ".csv", ".keras")]
            if len(written) >= seen:
                break
            time.sleep(0.002)
        kill(process, signal.SIGKILL) if process.poll() is None else process.communicate()
        runs.finish(own, "--workers", "1")
        runs.check_same(own, folder)


@pytest.mark.faults
def test_kills_of_two_workers(undisturbed_by_two, tmp_path, share):
    folder, seconds = undisturbed_by_two
    random = np.random.default_rng(2)
    for number in range(max(1, round(10 * share))):
        killed_and_finished(tmp_path / str(number), seconds, random.uniform(0.3, 0.95, 1), "--workers", "2")
        runs.check_same(tmp_path / str(number), folder)


@pytest.mark.faults
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_its_status_and_one_line(undisturbed, tmp_path, share, number, status):
    folder, seconds = undisturbed
    random = np.random.default_rng(int(number))
    for attempt in range(max(1, round(12 * share))):
        own = tmp_path / str(attempt)
        process = runs.start(own, "--workers", "1")
        time.sleep(random.uniform(0.5, 0.9) * seconds)
        _, err = kill(process, number)
        assert process.returncode in (status, 0), err
        assert "Traceback" not in err
        if process.returncode == status:
            assert err.strip().splitlines()[-1].startswith("error: stopped; the same command goes on")
            saved = re.search(r"saved: (\d+) of \d+ trials in ", err)
            written = list(own.glob("results/*/*/rows.csv"))
            assert saved is None or int(saved[1]) == (len(runs.rows(own)) if written else 0)
        runs.finish(own, "--workers", "1")
        runs.check_same(own, folder)


@pytest.mark.faults
def test_two_runs_at_once_share_the_work(undisturbed, tmp_path):
    folder, _ = undisturbed
    processes = [runs.start(tmp_path, "--workers", "1") for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
    runs.check_same(tmp_path, folder)
