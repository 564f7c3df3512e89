import pytest


@pytest.fixture(autouse=True)
def no_garbage_collection(monkeypatch):
    """statsmodels' multipletests collects garbage at each call, which costs a tenth of a second."""
    monkeypatch.setattr("gc.collect", lambda: 0)
