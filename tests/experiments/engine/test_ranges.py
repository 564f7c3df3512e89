import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from experiments.engine.errors import UsageError
from experiments.engine.ranges import COUNT, RATE, SEED, TEMPERATURE, WEIGHT, Between, Distinct, check_ranges


@dataclass(frozen=True)
class Options:
    lambdas: Annotated[tuple[float, ...], WEIGHT, Distinct()] = (0.0, 1.0)
    temperature: Annotated[float, TEMPERATURE] = 1.0
    learning_rate: Annotated[float, RATE] = 1e-3
    seeds: Annotated[tuple[int, ...], SEED, Distinct()] = (0, 2**32 - 1)
    batch_size: Annotated[int | None, COUNT] = None
    keep: Annotated[float, Between(0, 1, above=True, below=True)] = 0.5


def test_the_ends_of_each_range_belong_to_it_where_it_says_so():
    check_ranges(Options())
    check_ranges(Options(temperature=1000, batch_size=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambdas": ()}, "lambdas (none): expected one or more different values"),
        ({"lambdas": (0.1, 0.1)}, "lambdas 0.1 0.1: expected one or more different values"),
        ({"lambdas": (0.5, 1.5)}, "lambdas 1.5: expected a number from 0 to 1 (0 is labels only"),
        ({"lambdas": (math.nan,)}, "lambdas nan: expected a number from 0 to 1"),
        ({"temperature": 0.0}, "temperature 0.0: expected a number from 0.01 to 1000"),
        ({"temperature": 1e20}, "temperature 1e+20"),
        ({"temperature": 1e300}, "temperature 1e+300"),
        ({"learning_rate": math.inf}, "learning rate inf: expected a number above 0 to 1000"),
        ({"learning_rate": math.nan}, "learning rate nan"),
        ({"learning_rate": 0.0}, "learning rate 0.0: expected a number above 0"),
        ({"seeds": (-1,)}, "seeds -1: expected a number from 0 to 4294967295"),
        ({"seeds": (2**32,)}, "seeds 4294967296"),
        ({"batch_size": 0}, "batch size 0: expected a number from 1"),
        ({"batch_size": 10**20}, "batch size 100000000000000000000: expected a number from 1 to 2147483647"),
        ({"keep": 0.0}, "keep 0.0: expected a number above 0 below 1"),
        ({"keep": 1.0}, "keep 1.0"),
    ],
)
def test_what_is_out_of_range_is_named(options, message):
    with pytest.raises(UsageError) as error:
        check_ranges(Options(**options))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
