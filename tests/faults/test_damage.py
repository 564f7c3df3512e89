"""Files of a cache and of results, damaged one at a time: the rows of an undisturbed run, or one line

A digit of a CSV that became another digit cannot be seen in the file: that is not tried.
"""

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main
from tests.faults import runs

OPTIONS = [*runs.OPTIONS, "--seeds", "0", "--workers", "1"]
# What is gone, so that the damaged file is needed; what may be damaged then.
CASES = {
    "rows": ((), ("results/*/*/*.csv", "results/*/*/setting.json", "results/*/*/predictions.npz")),
    "finished": (("results",), ("cache/finished/*",)),
    "networks": (("results", "cache/finished"), ("cache/networks/*", "cache/teacher/*", "cache/data/*/*")),
    "checkpoints": (("results", "cache/finished"), ("cache/trials/*/*",)),
}
CASES_OF_500 = {"rows": 200, "finished": 120, "networks": 100, "checkpoints": 80}


def run(folder: Path) -> int:
    return main([runs.EXPERIMENT, *OPTIONS, "--results", str(folder / "results"), "--cache", str(folder / "cache")])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    assert run(folder) == 0
    return folder


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """A run that was killed in the middle of a trial."""
    for attempt in range(20):
        folder = tmp_path_factory.mktemp("unfinished") / str(attempt)
        process = runs.start(folder, *OPTIONS)
        while process.poll() is None and not list(folder.glob("cache/trials/*/checkpoint.npz")):
            time.sleep(0.005)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)
        if list(folder.glob("cache/trials/*/checkpoint.npz")):
            return folder
    raise AssertionError("no run was killed in the middle of a trial")


def damage(path: Path, random: np.random.Generator) -> str:
    """Changes a file as a crash, a disk or a merge would; says how."""
    content = path.read_bytes()
    ways = ["cut", "flip", "empty", "doubled", "zeros", "conflict", "words", "gone"]
    how = str(random.choice([way for way in ways if way != "flip" or path.suffix != ".csv"]))
    place = int(random.integers(0, max(1, len(content))))
    line = content.rfind(b"\n", 0, place) + 1
    changed = {
        "cut": content[:place],
        "flip": content[:place] + bytes([content[place] ^ 1 << int(random.integers(0, 8))]) + content[place + 1 :]
        if content
        else b"",
        "empty": b"",
        "doubled": content + content[line:],
        "zeros": content[:place] + bytes(len(content) - place),
        "conflict": content[:line] + b"<<<<<<< HEAD\n" + content[line:] + b"=======\n>>>>>>> other\n",
        "words": b"not what it was\n",
    }
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(changed[how])
    return how


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case == "rows" else pytest.mark.faults) for case in CASES]
)
def test_damaged_files(done, tmp_path, share, capsys, case, request):
    gone, patterns = CASES[case]
    undamaged = request.getfixturevalue("unfinished") if case == "checkpoints" else done
    random = np.random.default_rng(sorted(CASES).index(case))
    for number in range(max(1, round(share * CASES_OF_500[case]))):
        folder = tmp_path / str(number)
        shutil.copytree(undamaged, folder)
        for name in gone:
            shutil.rmtree(folder / name, ignore_errors=True)
        files = sorted(
            path for pattern in patterns for path in folder.glob(pattern) if path.is_file() and path.name[0] != "."
        )
        path = files[int(random.integers(0, len(files)))]
        how = damage(path, random)
        capsys.readouterr()
        status = run(folder)
        error = capsys.readouterr().err
        where = f"{number}: {path.relative_to(folder)} {how}"
        assert "Traceback" not in error, where
        if status:
            assert status == 2, where
            (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
            assert path.name in line, f"{where}: {line}"
        else:
            runs.check_same(folder, done)
        shutil.rmtree(folder)
