"""Names of settings: "hinton-mnist protocol=reproduction"."""

import json
from dataclasses import replace

import pytest

from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.conditions import at_least
from kdsuite.report.errors import ReportError
from kdsuite.report.groups import where
from kdsuite.report.named import fits, read_named, settings_of

HEADER = "study,setting,trial,dataset,source,test_size,seed,test_accuracy\n"


def write(root, protocol, setting, accuracy):
    folder = root / "table" / f"mnist-{setting}"
    folder.mkdir(parents=True)
    described = {"experiment": "table", "setting": setting, "configuration": {"protocol": protocol}, "data": {}}
    (folder / "setting.json").write_text(json.dumps(described))
    (folder / "rows.csv").write_text(HEADER + f"table,{setting},t{setting},mnist,tfds,100,0,{accuracy}\n")


def test_a_name_chooses_among_the_settings_of_an_experiment(tmp_path):
    write(tmp_path, "old", "aa", 0.1)
    write(tmp_path, "new", "bb", 0.2)
    names = ["table protocol=old", "table protocol=new", "table protocol=other", "never-run"]
    found = read_named(names, tmp_path)
    assert {name: results.rows.test_accuracy.item() for name, results in found.items()} == {
        "table protocol=old": 0.1,
        "table protocol=new": 0.2,
    }
    assert [[fits(name, results) for name in names] for results in found.values()] == [
        [True, False, False, False],
        [False, True, False, False],
    ]
    assert fits("table", found["table protocol=old"])


def test_a_malformed_name_is_refused(tmp_path):
    with pytest.raises(ReportError, match="expected option=word behind the experiment, found 'old'"):
        read_named(["table old"], tmp_path)


def test_settings_of_claims_are_those_of_groups_and_conditions_too():
    first, second = where(method="kd"), replace(where(method="plain"), experiment="second protocol=old")
    claim = Claim(
        tests="made up",
        experiment="first",
        compares=Difference("test_accuracy", first, second),
        judged_when=(at_least("epochs", 5, replace(first, experiment="third")),),
        kind=OURS,
    )
    assert settings_of([claim, claim]) == ["first", "second protocol=old", "third"]
