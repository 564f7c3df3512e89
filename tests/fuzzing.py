"""How random cases are drawn: the same ones in each run."""

from hypothesis import HealthCheck, settings


def fuzz(examples: int) -> settings:
    """So many examples, without a deadline or a memory of earlier runs."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
