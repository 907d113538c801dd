import random

from bench.gate.judging.margins import Margins
from bench.gate.sampling.commands import LOOKS, take_turns
from tests.gate.projects import replayed

NAMES = [f"benchmarks/test_{number}.py::test_{number}" for number in range(10)]


def test_looks_end_where_nothing_is_open_or_something_is_red(tmp_path):
    def processes(**planned):
        number = iter(range(100))
        measure = replayed(tmp_path / str(next(number)), NAMES, **planned)
        orders = []
        judgement = take_turns(lambda *which: orders.append(which) or measure(*which), Margins(), random.Random(0))
        sides = [is_head for is_head, _ in orders]
        assert all(first != second for first, second in zip(sides[::2], sides[1::2], strict=True))
        assert sides[:8:2].count(True) == 2, "each side begins half of the turns"
        return judgement, len(orders)

    assert processes(noise=0.001, seed=1)[1] == 2 * LOOKS[0]
    judgement, num = processes(noise=0.1, seed=2)
    assert (judgement.verdict, num) == ("INCONCLUSIVE", 2 * LOOKS[-1])
    judgement, num = processes(noise=0.02, seed=3, slower={NAMES[0]: 0.5})
    assert (judgement.verdict, num) == ("FAIL", 2 * LOOKS[0])
