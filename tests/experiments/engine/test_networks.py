"""What becomes of a network that others need and whose training failed."""

import threading
from contextlib import nullcontext
from types import SimpleNamespace

import filelock
import pytest

from experiments.engine import networks
from experiments.engine.errors import Stopped
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


def test_who_waits_for_anothers_network_can_be_stopped(tmp_path, monkeypatch):
    waiting = networks.Networks(STUDY, tmp_path)
    held = filelock.FileLock(waiting.lock("the teacher").lock_file)
    monkeypatch.setattr(networks.stopping, "_received", [])
    with held:
        threading.Timer(0.2, networks.stopping._received.append, (2,)).start()
        with pytest.raises(Stopped):
            waiting.get("the teacher")
    networks.stopping._received.clear()
    monkeypatch.setattr(waiting, "_train", lambda trial: "its network")
    assert waiting.get("the teacher") == "its network"
    # The lock is free again.
    held.acquire(timeout=0)
    held.release()


def test_a_network_that_is_there_has_its_epochs(tmp_path, monkeypatch):
    """A kill between the two files leaves the checkpoint, from which training goes on."""

    def killed(model, path):
        raise KeyboardInterrupt

    of_study = networks.Networks(STUDY, tmp_path)
    checkpoint = of_study.folder("the teacher") / "checkpoint.npz"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"epochs")
    monkeypatch.setattr(networks, "save_model", killed)
    with pytest.raises(KeyboardInterrupt):
        of_study.save("the teacher", None, [{"epoch": 1}])
    networks.checkpoints.sweep(tmp_path)
    assert not of_study.has("the teacher") and checkpoint.exists()
    monkeypatch.setattr(networks, "save_model", lambda model, path: path.write_bytes(b"network"))
    of_study.save("the teacher", None, [{"epoch": 1}])
    assert of_study.has("the teacher") and of_study.history("the teacher") == [{"epoch": 1}]


def test_a_worker_outlives_a_network_that_fails():
    def get(trial):
        raise Diverged("loss nan in epoch 1 of 1")

    needed = SimpleNamespace(get=get, lock=lambda trial: nullcontext())
    do(SimpleNamespace(find=str, networks=needed, forget_models=lambda: None), NETWORK, "aaa")
