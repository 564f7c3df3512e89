import os

import pytest


@pytest.fixture(scope="session")
def share():
    """How much of the faults is tried: all of them with FAULTS=all, otherwise a tenth."""
    return 1.0 if os.environ.get("FAULTS") == "all" else 0.1
