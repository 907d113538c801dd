from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import get_linear_schedule_with_warmup, get_scheduler

from bench.errors import Diverged
from bench.experiment import registry
from bench.experiment.spec import RunSpec, parse_strategy
from bench.plan import InTurn, Trainable, TrainPlan, throughout
from bench.plan.compose import compose
from bench.plan.learning_rates import resolve_rates
from bench.training.evaluation import predict
from bench.training.forward.padded import collate
from bench.training.prepare import prepare
from bench.training.schedule import schedule_of
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared
    from bench.training.trained import Trained

    Prepare = Callable[..., Prepared]

CPU = torch.device("cpu")
SPLIT = toy_split(40)


def spec_for(text: str, **changes: object) -> RunSpec:
    return RunSpec(strategy=parse_strategy(text), batch_size=8, epochs=2, **changes)


def run(
    prepared: Prepared,
    schedule: Schedule,
    on_step: Callable[[int, float | None, float], None] = lambda _done, _loss, _seconds: None,
    on_point: Callable[[int, float], None] = lambda _done, _seconds: None,
) -> Trained:
    return train(prepared, SPLIT, schedule, on_step=on_step, on_point=on_point)


def plain_transformers_losses(text: str, spec: RunSpec) -> list[float]:
    """What anybody would write with transformers and torch alone, on the same batches."""
    model = tiny_llama()
    view = view_of(model)
    rates = resolve_rates(compose([registry.load(term) for term in parse_strategy(text)], view), view, TOY_RATES)
    groups = []
    for layer in view.layers:
        for name in layer.param_names:
            param = model.get_parameter(name)
            param.requires_grad_(layer.name in rates)
            if layer.name in rates:
                decay = 0.01 if param.ndim > 1 else 0.0
                groups.append({"params": [param], "lr": rates[layer.name], "weight_decay": decay})
    optimizer = torch.optim.AdamW(groups)
    schedule = schedule_of(spec, SPLIT)
    scheduler = get_linear_schedule_with_warmup(optimizer, schedule.num_warmup_steps, schedule.num_steps)
    losses = []
    model.train()
    for rows in (rows for epoch in schedule.epochs for rows in epoch):
        batch = collate(SPLIT, rows, 0)
        loss = model(**batch.inputs, labels=batch.targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("text", ["full", "freeze", "freeze:last=2", "discriminative", "llrd"])
def test_losses_equal_a_plain_transformers_loop(prepared: Prepare, text: str) -> None:
    spec = spec_for(text)
    trained = run(prepared(text), schedule_of(spec, SPLIT))
    assert len(trained.losses) == 10
    assert trained.losses == pytest.approx(plain_transformers_losses(text, spec), rel=1e-5)


def test_training_learns(prepared: Prepare) -> None:
    trained = run(prepared("full"), schedule_of(spec_for("full", steps=60), SPLIT))
    assert trained.losses[-1] < 0.5 * trained.losses[0]


@pytest.mark.parametrize("micro", [1, 3, 8])
def test_accumulated_gradients_equal_those_of_the_whole_batch(prepared: Prepare, micro: int) -> None:
    whole = run(prepared("full"), schedule_of(spec_for("full"), SPLIT))
    parts = run(prepared(f"accumulate:rows={micro}"), schedule_of(spec_for("full"), SPLIT))
    assert parts.losses == pytest.approx(whole.losses, rel=1e-4)
    assert parts.num_samples == whole.num_samples == 80
    assert parts.step_tokens == whole.step_tokens
    assert parts.num_padded_tokens <= whole.num_padded_tokens


def test_every_strategy_sees_the_same_batches(prepared: Prepare) -> None:
    seen = {text: run(prepared(text), schedule_of(spec_for(text), SPLIT)).step_tokens for text in ("freeze", "llrd")}
    assert seen["freeze"] == seen["llrd"]
    assert sum(seen["freeze"]) == 2 * int(SPLIT.lengths.sum())


def test_steps_override_epochs_both_ways() -> None:
    assert schedule_of(spec_for("full", steps=3), SPLIT).num_steps == 3
    long = schedule_of(spec_for("full", steps=13), SPLIT)
    assert [len(epoch) for epoch in long.epochs] == [5, 5, 3]


def test_a_loss_that_is_no_number_ends_the_run(prepared: Prepare) -> None:
    model = tiny_llama()
    with torch.no_grad():
        model.get_parameter("score.weight").fill_(torch.nan)
    with pytest.raises(Diverged, match="nan at step 1; no rate has changed a weight"):
        run(prepared("full", model), schedule_of(spec_for("full"), SPLIT))


def test_progress_and_points_come_in_order_and_points_are_off_the_clock(prepared: Prepare) -> None:
    spec = spec_for("freeze", evaluations=3)
    steps: list[int] = []
    points: list[tuple[int, float]] = []
    clock: list[float] = []

    def on_step(done: int, loss: float | None, seconds: float) -> None:
        assert loss is not None
        steps.append(done)
        clock.append(seconds)

    def on_point(done: int, seconds: float) -> None:
        points.append((done, seconds))
        time.sleep(0.3)

    trained = run(prepared("freeze"), schedule_of(spec, SPLIT), on_step, on_point)
    assert steps == list(range(1, 11))
    assert [step for step, _ in points] == [3, 7]
    assert clock == sorted(clock)
    assert trained.seconds >= clock[-1]
    assert trained.set_up_seconds + sum(trained.step_seconds) == pytest.approx(trained.seconds, abs=0.2)


def test_layers_thaw_at_their_phase() -> None:
    model = tiny_llama()
    view = view_of(model)
    head, everything = frozenset({"head"}), frozenset(view.names)
    plan = TrainPlan(phases=InTurn(((0.0, Trainable(head)), (0.5, Trainable(everything)))), lr=1e-2)
    prepared = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
    before = model.get_parameter("model.layers.0.mlp.up_proj.weight").detach().clone()
    changed: list[bool] = []

    def look(_done: int, _loss: float | None, _seconds: float) -> None:
        changed.append(not before.equal(model.get_parameter("model.layers.0.mlp.up_proj.weight")))

    run(prepared, schedule_of(spec_for("full"), SPLIT), look)
    assert changed == [False] * 5 + [True] * 5
    assert prepared.num_trainable_params([Trainable(head)]) == 2 * 16
    assert prepared.num_trainable_params(plan.phases.ever()) == prepared.num_params


def test_what_trains_is_asked_for_every_step_and_told_where_it_changes() -> None:
    low, high = Trainable(frozenset({"layer 0"})), Trainable(frozenset({"head"}))
    rows = np.array([0])
    schedule = Schedule(epochs=[[rows] * 3, [rows] * 2, [rows]])

    @dataclass(frozen=True)
    class ByEpoch:
        def at(self, step: int, num_steps: int, epoch: int, /) -> Trainable:
            assert num_steps == 6
            return high if epoch == 1 or step == 0 else low

        def ever(self) -> tuple[Trainable, ...]:
            return low, high

    assert schedule.turns(ByEpoch()) == {0: high, 1: low, 3: high, 5: low}
    assert schedule.turns(throughout({"head"})) == {0: high}
    assert schedule.turns(InTurn(((0.0, low), (0.5, high)))) == {0: low, 3: high}


def test_what_stops_training_gives_up_its_optimizer_state() -> None:
    model = tiny_llama()
    view = view_of(model)
    lower, upper = Trainable(frozenset({"layer 0"})), Trainable(frozenset({"head"}))
    plan = TrainPlan(phases=InTurn(((0.0, lower), (0.5, upper))))
    prepared = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
    names = {id(param): name for name, param in prepared.params.items()}
    run(prepared, schedule_of(spec_for("full", steps=4), SPLIT))
    assert {names[id(param)] for param in prepared.optimizer.state} == {"score.weight"}


@pytest.mark.parametrize(
    ("name", "rates"),
    [("linear", [1.0, 0.75, 0.5, 0.25]), ("constant", [1.0] * 4), ("cosine", [1.0, 0.854, 0.5, 0.146])],
)
def test_rates_go_on_as_the_plan_says(name: Any, rates: list[float]) -> None:
    model = tiny_llama()
    seen: list[float] = []
    plan = TrainPlan(phases=throughout({"head"}), lr=1.0, lr_schedule=name)
    ready = prepare(
        model, view_of(model), plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0
    )
    ready.optimizer.register_step_pre_hook(lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"]))
    run(ready, Schedule(epochs=[[np.arange(4)] * 4], warmup_ratio=0.0))
    assert seen == pytest.approx(rates, abs=1e-3)


@pytest.mark.parametrize("name", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("num_steps", [1, 7, 40])
def test_rates_are_those_of_transformers(name: Any, num_steps: int) -> None:
    schedule = Schedule(epochs=[[np.arange(4)] * num_steps])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = f"{name}_with_warmup" if name == "constant" else name
    scheduler = get_scheduler(theirs, optimizer, schedule.num_warmup_steps, num_steps)
    for step in range(num_steps):
        assert schedule.share_of_rate(step, kind=name) == scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()


def test_where_no_adapter_is_asked_for_peft_is_not_imported() -> None:
    code = "import sys, bench.worker; from bench.workload.toy import tiny_llama; tiny_llama(); print({'peft', 'bitsandbytes'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_a_loss_of_the_plan_s_own_is_what_is_minimised_and_the_plain_one_is_evaluated() -> None:
    def apart(logits: torch.Tensor, targets: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
        assert isinstance(model, type(tiny_llama()))
        return torch.nn.functional.cross_entropy(logits, targets) + 7.0

    plain, other = tiny_llama(), tiny_llama()
    found = []
    for model, loss in ((plain, None), (other, apart)):
        plan = TrainPlan(phases=throughout({"head"}), lr=1e-2, loss=loss)
        view = view_of(model)
        ready = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
        trained = run(ready, schedule_of(spec_for("full", steps=4), SPLIT))
        found.append((trained.losses, predict(ready, SPLIT).losses.tolist()))
    assert [loss + 7.0 for loss in found[0][0]] == pytest.approx(found[1][0], rel=1e-6)
    assert found[0][1] == found[1][1]


def test_the_hook_after_a_step_is_called_with_its_number() -> None:
    called: list[int] = []
    model = tiny_llama()
    view = view_of(model)
    plan = TrainPlan(phases=throughout(view.names), after_step=(lambda _model, step: called.append(step),))
    prepared = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
    run(prepared, schedule_of(spec_for("full", steps=3), SPLIT))
    assert called == [0, 1, 2]
