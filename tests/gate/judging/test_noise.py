import math

import pytest

from bench.gate.judging.noise import noise_of
from bench.gate.judging.sequential import AnalysisPlan, analyse
from tests.gate.baselines import recorded


def test_noise_is_what_a_gate_of_the_same_pairs_would_have_found():
    one = recorded(noise=0.02)
    noise = noise_of(one, "step_seconds_median")
    logs = [math.log(p.processes[1].step_seconds_median / p.processes[0].step_seconds_median) for p in one.pairs]
    plan = AnalysisPlan()
    look = analyse(logs, plan.level, plan.red_level)
    assert noise.between_pairs == pytest.approx(look.deviation)
    assert noise.finds(12) == pytest.approx(math.expm1(look.detectable))
    assert noise.between_processes == pytest.approx(0.02, rel=0.4)
    assert noise.finds(4) > noise.finds(6) > noise.finds(12)
    needed = noise.pairs_for(0.05)
    assert noise.finds(needed) <= 0.05 < noise.finds(needed - 1)
    assert noise_of(recorded(noise=0.5), "step_seconds_median").pairs_for(0.01) is None
