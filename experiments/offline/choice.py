"""Which temperature and weight to try next, until the best ones lie inside those tried."""

from collections.abc import Iterable, Mapping

Point = tuple[float, float]
LAMBDAS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
LOWEST, HIGHEST = 0.5, 64.0


def grid(temperatures: Iterable[float], lambdas: Iterable[float]) -> list[Point]:
    """All pairs (T, λ)."""
    return [(temperature, lambda_) for temperature in temperatures for lambda_ in lambdas]


def best(accuracy: Mapping[Point, float]) -> Point:
    """The point of highest accuracy; of several, the one that was tried first."""
    return max(accuracy, key=accuracy.__getitem__)


def beyond(accuracy: Mapping[Point, float]) -> list[Point]:
    """The points to try next: neighbours of the best one where it lies at the end of what was tried with its T or λ.

    Temperatures double or halve, from `LOWEST` to `HIGHEST`; weights go on along `LAMBDAS`, whose end 1 is no end of a
    grid: there is nothing beyond.

    Args:
        accuracy: of the points tried, on validation.

    Returns:
        New points; none where the best one lies inside.
    """
    temperature, lambda_ = best(accuracy)
    temperatures = {t for t, other in accuracy if other == lambda_}
    lambdas = {other for t, other in accuracy if t == temperature}
    points = []
    if temperature == max(temperatures):
        points.append((2 * temperature, lambda_))
    if temperature == min(temperatures):
        points.append((temperature / 2, lambda_))
    if lambda_ == max(lambdas):
        points += [(temperature, higher) for higher in LAMBDAS if higher > lambda_][:1]
    if lambda_ == min(lambdas):
        points += [(temperature, lower) for lower in reversed(LAMBDAS) if lower < lambda_][:1]
    return [(t, weight) for t, weight in points if LOWEST <= t <= HIGHEST and (t, weight) not in accuracy]
