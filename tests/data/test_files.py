import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdsuite import data
from kdsuite.data.files import BUILDING, full_disk_named, sweep_unfinished, unfinished_path, whole_file


def test_a_file_is_replaced_when_it_is_whole_and_not_before(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("old")
    with whole_file(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".csv"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writing_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_both_succeed(tmp_path):
    path = tmp_path / "rows.csv"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named_with_what_is_free(tmp_path):
    message = r"no space to write .*rows\.csv: [\d.,]+ of [\d.,]+ MB are free"
    with pytest.raises(OSError, match=message) as raised, whole_file(tmp_path / "rows.csv") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("new")
    assert raised.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(PermissionError, match="denied"), full_disk_named(tmp_path / "rows.csv"):
        raise PermissionError(errno.EACCES, "denied")


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    path = unfinished_path(tmp_path / "model.keras")
    of_another = path.with_name(path.name.replace(str(os.getpid()), str(process.pid), 1))
    elsewhere, old = tmp_path / f"{BUILDING}1@elsewhere-0-model.keras", tmp_path / f"{BUILDING}abc"
    for file in (path, of_another, elsewhere, tmp_path / "model.keras"):
        file.write_text("")
    old.mkdir()
    (old / "images.npy").write_text("")
    assert not sweep_unfinished(tmp_path)
    process.kill()
    process.wait()
    assert sweep_unfinished(tmp_path) == [of_another]
    yesterday = time.time() - 25 * 3600
    for file in (elsewhere, old):
        os.utime(file, (yesterday, yesterday))
    # A folder is as old as the newest file in it.
    assert sweep_unfinished(tmp_path) == [elsewhere]
    os.utime(old / "images.npy", (yesterday, yesterday))
    assert sweep_unfinished(tmp_path) == [old]
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "model.keras"])


def test_another_machine_whose_name_begins_like_ours_keeps_what_it_writes(tmp_path, monkeypatch):
    """And a container of the same name, which has other processes of the same numbers."""
    own = unfinished_path(tmp_path / "model.keras").name
    gone = own.replace(str(os.getpid()), "4194305", 1)
    host = own.partition("@")[2].rsplit("-", 2)[0]
    others = [gone.replace(host, name, 1) for name in (f"{host}-2", f"{host}2", host.replace(".", ".1", 1))]
    for name in (gone, *others):
        (tmp_path / name).write_text("")
    assert sweep_unfinished(tmp_path) == [tmp_path / gone]


def test_files_and_errors_cost_no_import_of_tensorflow():
    code = (
        "import sys, kdsuite.data.files, kdsuite.data.sources, kdsuite.data.store\n"
        "from kdsuite.data import DataError\n"
        "assert not {'tensorflow', 'pandas', 'tensorflow_datasets'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_every_name_of_the_package_is_there():
    assert {name for name in data.__all__ if getattr(data, name).__name__ == name} == set(data.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Jitters'"):
        _ = data.Jitters
