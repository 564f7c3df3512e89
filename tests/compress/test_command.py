import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kdsuite import compress
from kdsuite.compress import command, planning
from tests.compress.conftest import trained, untrained

LOADED = "import sys; from kdsuite.compress import command; command.main([]); print('tensorflow' in sys.modules)"

TERMINATED_WHILE_PYTHON_ENDS = """
import atexit, os, signal
from kdsuite.compress import command
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
command.script(["squeeze"])
"""


def status(*words):
    return command.main(["compress", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("teacher.keras", "photos"), "error: no goal: give a largest drop"),
        (("teacher.keras", "photos", "--target-macs", "1.5"), "error: target_macs 1.5: expected a share"),
        (("teacher.keras", "photos", "--target-mac", "0.5"), "error: "),
        (("teacher.keras", "photos", "--max-drop", "0.1"), "error: no file 'teacher.keras'"),
        (("teacher.keras", "photos", "--max-drop", "0.1", "--minutes", "inf"), "error: minutes inf: expected a finite"),
        (("photos",), "error: "),
    ],
)
def test_bad_input_is_one_line_and_status_2(photos, capsys, words, message):
    assert status(*words) == 2
    captured = capsys.readouterr().err
    assert captured.startswith(message) and captured.count("\n") == 1


def test_another_command_is_refused(capsys):
    assert command.main(["squeeze"]) == 2
    assert "unknown command 'squeeze'" in capsys.readouterr().err


def test_a_signal_that_comes_while_python_ends_does_not_change_the_status():
    done = subprocess.run([sys.executable, "-c", TERMINATED_WHILE_PYTHON_ENDS], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_help_needs_no_tensorflow():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "usage: kdsuite compress MODEL DATA" in done.stdout


def test_at_chance_the_confusion_is_shown(photos, capsys):
    untrained().save("teacher.keras")
    assert status("teacher.keras", "photos", "--max-drop", "0.1") == 2
    *table, error = capsys.readouterr().err.splitlines()
    assert "stripes" in table[1] and "chance gives" in error


@pytest.mark.parametrize(("reached", "expected"), [(True, 0), (False, 3)])
def test_a_goal_that_is_missed_has_status_3_and_the_best_that_was_found(monkeypatch, capsys, reached, expected):
    result = SimpleNamespace(reached=reached, table=lambda: "the table", summary="the best that was found")
    monkeypatch.setattr(compress, "compress", lambda *args, **options: result, raising=False)
    assert status("teacher.keras", "photos", "--max-drop", "0.1") == expected
    assert "the table\n\nthe best that was found" in capsys.readouterr().out


@pytest.mark.slow
def test_a_plan_says_what_can_go_and_what_cannot(photos, capsys):
    trained(photos / "photos").save("teacher.keras")
    assert status("teacher.keras", "photos", "--plan") == 0
    out = capsys.readouterr().out
    assert "stem, narrow_1, narrow_2: 16 channels" in out
    assert "channels of answer: is an output of the model" in out
    assert "2 units can go" in out and "MACs left" in out


def test_a_plans_accuracies_are_of_all_classes_of_a_folder(photos, monkeypatch):
    """A network that always gives the folder's first class has not 100%, which its first pictures alone would."""
    monkeypatch.setattr(planning, "FEW_IMAGES", 8)
    monkeypatch.setattr(planning, "SECONDS", float("inf"))
    monkeypatch.setattr(planning, "check_accuracy", lambda problem, cache: 0.5)
    model = untrained(activation=None)
    model.get_layer("answer").set_weights([np.zeros((16, 2)), np.array([1.0, 0.0])])
    plan = compress.plan(model, photos / "photos")
    assert plan.dataset.validation.labels[:8].max() == 0
    assert len(plan.curve) > 1 and all(0 < accuracy < 1 for _, accuracy in plan.curve)
    assert "Accuracy on 8 validation images after" in str(plan)
