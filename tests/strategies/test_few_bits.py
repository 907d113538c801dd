from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies.adamw4bit import Adamw4bit
from bench.beside.strategies.adamw8bit import Adamw8bit

from bench.errors import Unsupported
from bench.measuring.torch_memory import reachable_tensors
from bench.testing.storages import Touched
from tests.strategies.stepping import DECAY, RATE, VIEW, AdamByHand, stepping

if TYPE_CHECKING:
    from bench.plan import Strategy

pytest.importorskip("bitsandbytes")

SHAPES = {
    "large": ((128, 512), VIEW.names[1], "weight"),
    "small": ((60, 60), VIEW.names[1], "weight"),
    "norm": ((12,), VIEW.names[1], "norm"),
}
OF_8_BITS = [Adamw8bit(), Adamw8bit(by="torchao")]


@pytest.mark.parametrize(
    # The step of one number in its block of 256 or 128 is off by the width of a code, about 1 % of 8 bits; of 4 bits by far more.
    ("strategy", "allowed"),
    [(OF_8_BITS[0], 0.05), (OF_8_BITS[1], 0.05), (Adamw4bit(), 0.35)],
)
def test_it_moves_as_adamw_but_for_its_bits(strategy: Strategy, allowed: float) -> None:
    one = stepping(strategy, shapes=SHAPES)
    start = {name: param.detach().double().clone() for name, param in one.params.items()}
    expected, by_hand = dict(start), {name: AdamByHand(1e-8) for name in SHAPES}
    for grads in one.steps():
        for name, grad in grads.items():
            decay = DECAY if grad.ndim > 1 else 0.0
            expected[name] = expected[name] * (1 - RATE * decay) - RATE * by_hand[name](grad)
    off = {
        name: float((param.detach() - expected[name]).norm() / (expected[name] - start[name]).norm())
        for name, param in one.params.items()
    }
    assert 1e-4 < off["large"] < allowed
    assert max(off["small"], off["norm"]) < 1e-5, "what is small keeps its moments in fp32"


@pytest.mark.parametrize(("strategy", "of_fp32"), [(OF_8_BITS[0], 1 / 4), (OF_8_BITS[1], 1 / 4), (Adamw4bit(), 1 / 8)])
def test_its_state_takes_so_much_less_and_all_of_it_is_counted(strategy: Strategy, of_fp32: float) -> None:
    one = stepping(strategy, shapes={"large": SHAPES["large"]})
    touched = Touched(one.optimizer)
    for _ in one.steps():
        pass
    one.params["large"].grad = None
    assert touched.living_bytes == pytest.approx(2 * 4 * 128 * 512 * of_fp32, rel=0.07), (
        "with a scale in fp32 for 128 or 256 numbers"
    )


@pytest.mark.parametrize("strategy", [OF_8_BITS[1], Adamw4bit()])
def test_without_a_compiler_it_is_skipped_where_it_would_be_compiled(
    strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    next(stepping(strategy, shapes=SHAPES).steps())  # it is not, in a run as short
    monkeypatch.setattr("bench.beside.strategies._few_bits.COMPILING_PAYS", 1)
    with pytest.raises(Unsupported, match=r"the step of adamw[48]bit by torchao, .* needs a C\+\+ compiler on a CPU"):
        stepping(strategy, shapes=SHAPES)


@pytest.mark.parametrize("strategy", [*OF_8_BITS, Adamw4bit()])
def test_a_parameter_may_give_up_its_state(strategy: Strategy) -> None:
    one = stepping(strategy, shapes=SHAPES)
    steps = one.steps()
    next(steps)
    for param in one.params.values():
        one.optimizer.state.pop(param)
    next(steps)
    assert all(any(True for _ in reachable_tensors(one.optimizer.state[param])) for param in one.params.values())


@pytest.mark.parametrize(
    ("strategy", "shape", "words"),
    [
        (
            OF_8_BITS[0],
            (63, 65),
            "adamw8bit by bitsandbytes is for parameters of 4,096 numbers or more, and none trains",
        ),
        (OF_8_BITS[1], (72, 64), None),
        (OF_8_BITS[1], (66, 64), r"adamw8bit by torchao .* 4,096 numbers or more, a multiple of 256, and none trains"),
        (Adamw4bit(), (66, 64), None),
        (Adamw4bit(), (65, 64), r"adamw4bit by torchao .* 4,096 numbers or more, a multiple of 128, and none trains"),
        (OF_8_BITS[0], (65, 64), None),
    ],
)
def test_it_is_refused_where_all_moments_would_be_in_fp32(
    strategy: Strategy, shape: tuple[int, int], words: str | None
) -> None:
    """The others have a state smaller than in fp32: what is said of sizes is what the libraries do."""
    shapes = {"one": (shape, VIEW.names[1], "weight")}
    if words:
        with pytest.raises(Unsupported, match=words):
            stepping(strategy, shapes=shapes)
        return
    one = stepping(strategy, shapes=shapes)
    touched = Touched(one.optimizer)
    next(one.steps())
    one.params["one"].grad = None
    assert 0 < touched.living_bytes < 4 * shape[0] * shape[1]
