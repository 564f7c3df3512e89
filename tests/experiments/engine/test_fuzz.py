"""Random options, CSVs and cached files: a right result or one line that says what is wrong, nothing else."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import cli, registry
from experiments.engine.config import Config
from experiments.engine.errors import UsageError
from experiments.engine.finished import Finished, read_finished
from experiments.engine.ranges import Between, Distinct, annotations
from kdsuite.report.csvs import read_whole
from kdsuite.report.errors import ReportError
from tests.fuzzing import fuzz

NUMBERS = st.one_of(
    st.integers(-3, 400).map(str),
    st.floats(0, 2).map(repr),
    st.sampled_from(["-1", "0", "1e20", "1e300", "inf", "nan", "-inf", str(2**31), str(2**32), "1e-320", "0x10", "１"]),
)
VALUES = st.one_of(NUMBERS, NUMBERS, st.sampled_from(["", " ", "日本", "None", "adam", "piped", "--", "a b", "\udcff"]))
NAMES = tuple(registry.names())


@st.composite
def command_lines(draw):
    """An experiment and some of its options, or what looks like one, with values of every sort."""
    name = draw(st.sampled_from(NAMES))
    study, experiment = registry.experiments()[name]
    fields = [field.name for field in dataclasses.fields(study.load("config", experiment.config))]
    options = st.sampled_from([*fields, "no_such_option"]).map(lambda field: "--" + field.strip("_").replace("_", "-"))
    given_ = draw(st.lists(st.tuples(options, st.lists(VALUES, max_size=3)), max_size=2))
    return study, experiment, [word for option, values in given_ for word in (option, *values)]


@fuzz(300)
@given(command=command_lines())
def test_options(command, capsys):
    study, experiment, options = command
    try:
        config = cli.configuration(study, experiment, options)
    except (UsageError, registry.RegistryError) as error:
        assert str(error).strip() and len(str(error).splitlines()) == 1
        return
    assert isinstance(config, Config)
    for name, marks in annotations(type(config)).items():
        value = getattr(config, name)
        assert all(mark.holds(value) for mark in marks if isinstance(mark, Distinct)), (name, value)
        for number in value if isinstance(value, tuple) else (value,):
            for mark in marks:
                assert not isinstance(mark, Between) or number is None or mark.holds(number), (name, number)


TABLE = pd.DataFrame(
    {
        "trial": ["0a1b", "2c3d", "4e5f"],
        "seed": [0, 1, 2],
        "method": ["plain", "kd", 'k"d, one'],
        "test_accuracy": [0.5, 0.75, np.nan],
    }
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(b'\n",;\0 x-e\xff\r')), max_size=3)


def changed(content: bytes, changes: list[tuple[float, int]], end: tuple[str, float] | None) -> bytes:
    array = bytearray(content)
    for place, value in changes:
        array[int(place * (len(array) - 1))] = value
    if end is not None:
        way, place = end
        lines = bytes(array).splitlines(keepends=True)
        array = array[: round(place * len(array))] if way == "cut" else array + lines[int(place * (len(lines) - 1))]
    return bytes(array)


@fuzz(1500)
@given(changes=CHANGES, end=st.none() | st.tuples(st.sampled_from(["cut", "doubled"]), st.floats(0, 1)))
def test_tables(tmp_path, capsys, changes, end):
    path = tmp_path / "rows.csv"
    content = TABLE.to_csv(index=False).encode()
    path.write_bytes(changed(content, changes, end))
    try:
        table = read_whole(path, key=("trial",))
    except ReportError as error:
        assert str(path) in str(error)
        assert len(str(error).splitlines()) == 1
        return
    assert table.trial.is_unique
    assert len(table) <= len(TABLE)
    if path.read_bytes() == content:
        pd.testing.assert_frame_equal(table, TABLE)
    if not changes:
        # What is read is what was written, or a whole line less of it.
        written = pd.read_csv(io.BytesIO(content))
        assert {tuple(row) for row in table.astype(str).to_numpy()} <= {
            tuple(row) for row in written.astype(str).to_numpy()
        }


@fuzz(600)
@given(place=st.floats(0, 1), bit=st.integers(0, 7), kept=st.just(1.0) | st.floats(0, 1))
def test_cached_results(tmp_path, capsys, place, bit, kept):
    path = tmp_path / "0a1b.npz"
    finished = Finished({"test_accuracy": 0.5}, [{"epoch": 1, "loss": 0.25}], {}, np.arange(50, dtype=np.uint16))
    finished.save(path)
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(content[: round(kept * len(content))])
    known = read_finished(path)
    if known is None:
        assert "damaged" in capsys.readouterr().err
        assert not path.exists()
    else:
        assert (known.row, known.epochs) == (finished.row, finished.epochs)
        np.testing.assert_array_equal(known.predictions, finished.predictions)


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_has_options(name):
    study, experiment = registry.experiments()[name]
    assert isinstance(cli.configuration(study, experiment, []), Config)
