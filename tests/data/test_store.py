import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kdsuite.data import DataError
from kdsuite.data.files import BUILDING
from kdsuite.data.source import Source
from kdsuite.data.store import META, DiskArray, open_store

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), np.uint8)
# Builds the same store in a process of its own: says that it begins and goes on when it is told to.
BUILD = """
import sys
from pathlib import Path
import numpy as np
from kdsuite.data.source import Source
from kdsuite.data.store import open_store
images = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), np.uint8)
def read(part):
    print("begins", flush=True)
    sys.stdin.readline()
    for image in images:
        yield image, 1
source = Source("", "set", "1", ("a", "b"), {"train": 12}, read)
print(open_store(source, Path(sys.argv[1]), None, None)["train"].checksum)
"""


def source(images=IMAGES, count=12, version="1"):
    return Source("", "set", version, ("a", "b"), {"train": count}, lambda part: ((image, 1) for image in images))


def checksum(cache, **arguments):
    part = open_store(source(**arguments), cache, None, None)["train"]
    np.testing.assert_array_equal(part.images(), IMAGES)
    np.testing.assert_array_equal(part.labels, np.ones(12, np.int64))
    return part.checksum


def building_processes(cache, count):
    """Processes that have all begun to build."""
    command = [sys.executable, "-c", BUILD, str(cache)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(count)]
    for process in processes:
        assert process.stdout.readline() == "begins\n"
    return processes


def change_meta(change):
    def damage(stored):
        meta = json.loads((stored / META).read_text())
        (stored / META).write_text(json.dumps(change(meta)))

    return damage


def change_entry(**values):
    return change_meta(lambda meta: {"files": meta["files"] | {"train-labels.npy": values}})


def change_bytes(name, change):
    def damage(stored):
        (stored / name).write_bytes(change((stored / name).read_bytes()))

    return damage


DAMAGE = {
    "truncated": ("train-images.npy", change_bytes("train-images.npy", lambda content: content[:-10])),
    "oversized": ("train-labels.npy", change_bytes("train-labels.npy", lambda content: content + b"\0")),
    "flipped": ("train-digests.npy", change_bytes("train-digests.npy", lambda b: b[:-1] + bytes([b[-1] ^ 1]))),
    "header": ("train-labels.npy", change_bytes("train-labels.npy", lambda content: b"\0" * len(content))),
    "removed": ("train-images.npy", lambda stored: (stored / "train-images.npy").unlink()),
    "replaced by a folder": (
        "train-labels.npy",
        lambda stored: ((stored / "train-labels.npy").unlink(), (stored / "train-labels.npy").mkdir()),
    ),
    "no JSON": (META, lambda stored: (stored / META).write_text("{")),
    "no text": (META, lambda stored: (stored / META).write_bytes(b"\xff\xfe")),
    "deep JSON": (META, lambda stored: (stored / META).write_text("[" * 100_000)),
    "empty": (META, lambda stored: (stored / META).write_text("")),
    "no meta": (META, lambda stored: (stored / META).unlink()),
    "meta a folder": (META, lambda stored: ((stored / META).unlink(), (stored / META).mkdir())),
    "a list": (META, change_meta(lambda meta: [meta])),
    "a number": (META, change_meta(lambda meta: 1)),
    "files a list": ("train-images.npy", change_meta(lambda meta: {"files": list(meta["files"])})),
    "files null": ("train-images.npy", change_meta(lambda meta: {"files": None})),
    "no files": (META, change_meta(lambda meta: {})),
    "a file missing": ("train-images.npy", change_meta(lambda meta: {"files": {}})),
    "entry a number": ("train-images.npy", change_meta(lambda meta: {"files": dict.fromkeys(meta["files"], 3)})),
    "entry empty": ("train-labels.npy", change_entry()),
    "size a text": ("train-labels.npy", change_entry(bytes="224", crc32=0)),
    "wrong checksum": ("train-labels.npy", change_entry(bytes=224, crc32=0)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_cache_is_named_and_rebuilt(tmp_path, capsys, kind):
    whole = checksum(tmp_path)
    (stored,) = (tmp_path / "data").iterdir()
    name, damage = DAMAGE[kind]
    damage(stored)
    assert checksum(tmp_path) == whole
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cache {stored} is damaged ({name}")
    assert checksum(tmp_path) == whole
    assert capsys.readouterr().err == ""
    assert list((tmp_path / "data").iterdir()) == [stored]


def test_a_file_in_the_place_of_the_folder_is_replaced(tmp_path):
    whole = checksum(tmp_path)
    (stored,) = (tmp_path / "data").iterdir()
    stored.rename(tmp_path / "elsewhere")
    stored.write_text("")
    assert checksum(tmp_path) == whole


def test_processes_that_build_at_once_all_succeed(tmp_path):
    processes = building_processes(tmp_path, 2)
    whole = checksum(tmp_path)
    for process in processes:
        assert process.communicate("go on\n", timeout=300)[0] == f"{whole}\n"
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_processes_that_rebuild_at_once_all_succeed(tmp_path):
    whole = checksum(tmp_path)
    (stored,) = (tmp_path / "data").iterdir()
    (stored / META).write_text("{")
    processes = building_processes(tmp_path, 2)
    assert checksum(tmp_path) == whole
    for process in processes:
        assert process.communicate("go on\n", timeout=300)[0] == f"{whole}\n"
    assert list((tmp_path / "data").iterdir()) == [stored]


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path):
    killed, living = building_processes(tmp_path, 2)
    assert len(list((tmp_path / "data").glob(f"{BUILDING}*"))) == 2
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    checksum(tmp_path)
    (left,) = (tmp_path / "data").glob(f"{BUILDING}*")
    assert f"{BUILDING}{living.pid}@" in left.name
    living.kill()
    living.communicate()
    checksum(tmp_path)
    assert not list((tmp_path / "data").glob(f"{BUILDING}*"))


def test_folders_left_by_unknown_processes_go_after_a_day(tmp_path):
    left = tmp_path / "data" / f"{BUILDING}x1y2"
    left.mkdir(parents=True)
    checksum(tmp_path)
    assert left.exists()
    os.utime(left, (time.time() - 90_000,) * 2)
    checksum(tmp_path)
    assert not left.exists()


def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path):
    def read(part):
        yield IMAGES[0], 1
        raise OSError(errno.ENOSPC, "No space left on device")

    full = Source("", "set", "1", ("a", "b"), {"train": 12}, read)
    with pytest.raises(OSError, match=r"no space to write .*set-1-native-native: [\d.,]+ of"):
        open_store(full, tmp_path, None, None)
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("given", [11, 13, 0])
def test_a_source_that_gives_another_number_than_it_lists_is_refused(tmp_path, given):
    images = np.concatenate([IMAGES, IMAGES])[:given]
    with pytest.raises(DataError, match="train does not hold the 12 examples it lists"):
        open_store(source(images), tmp_path, None, None)
    assert not list((tmp_path / "data").iterdir())


def test_rows_left_on_disk_are_those_asked_for(tmp_path):
    array = np.random.default_rng(0).random((9, 4, 2)).astype(np.float16)
    np.save(tmp_path / "outputs.npy", array)
    whole, part = DiskArray(tmp_path / "outputs.npy"), DiskArray(tmp_path / "outputs.npy", np.array([7, 2, 5]))
    assert (whole.shape, len(whole), whole.dtype) == ((9, 4, 2), 9, np.float16)
    assert part.shape == (3, 4, 2)
    np.testing.assert_array_equal(whole[np.array([3, 3])], array[[3, 3]])
    np.testing.assert_array_equal(part[np.array([2, 0])], array[[5, 7]])
    np.testing.assert_array_equal(part[np.array([2, 0]), np.array([1, 3])], array[[5, 7], [1, 3]])
