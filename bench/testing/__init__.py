"""The contract of a strategy, for the built-in ones and for those of third parties.

In the tests of your plugin:

    from bench.testing import parametrize_with_checks
    from my_plugin import MyStrategy

    @parametrize_with_checks([MyStrategy()])
    def test_contract(strategy, check):
        check(strategy)

`check_strategy(MyStrategy())` makes all of them in one call.
"""

from bench.testing.contract import Skipped, check_strategy
from bench.testing.decorator import parametrize_with_checks

__all__ = ["Skipped", "check_strategy", "parametrize_with_checks"]
