from bench.gate.sampling.pairs import turns_of


def test_turns_take_all_steps():
    assert turns_of(20, 1) == (10, *(1,) * 10)
    assert turns_of(33, 5) == (10, 5, 5, 5, 8)
