"""What becomes of a network that others need and whose training failed."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from experiments.engine import networks
from experiments.engine.finished import Finished
from experiments.engine.training import Diverged
from experiments.engine.worker import NETWORK, do

STUDY = SimpleNamespace(key=lambda trial: "aaa")


def test_a_failed_network_is_said_by_name_and_not_trained_again(tmp_path, monkeypatch):
    trained = []

    def diverge(study, trial, *others, **more):
        trained.append(trial)
        raise Diverged("loss nan in epoch 2 of 4")

    monkeypatch.setattr(networks, "train_network", diverge)
    of_study = networks.Networks(STUDY, tmp_path)
    with pytest.raises(Diverged, match="the teacher: loss nan in epoch 2 of 4"):
        of_study.get("the teacher")
    Finished({"failure": "loss inf in epoch 1 of 4"}, []).save(tmp_path / "finished" / "aaa.npz")
    with pytest.raises(Diverged, match="the teacher: loss inf in epoch 1 of 4"):
        of_study.get("the teacher")
    assert trained == ["the teacher"]


def test_a_worker_outlives_a_network_that_fails():
    def get(trial):
        raise Diverged("loss nan in epoch 1 of 1")

    needed = SimpleNamespace(get=get, lock=lambda trial: nullcontext())
    do(SimpleNamespace(find=str, networks=needed, forget_models=lambda: None), NETWORK, "aaa")
