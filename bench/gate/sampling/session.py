"""A gate from two sides to the judgement: as many pairs as it wants, and a fresh rerun of what is red."""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.gate.judge import TIME_METRICS, judge_time, pairs_wanted
from bench.gate.sampling.findings import judge_strategy, rules_of, step_pairs
from bench.gate.sampling.pairs import SIDES, take_pair, try_out, turns_of
from bench.gate.sampling.sample import NUM_WARMUP_STEPS
from bench.gate.sampling.server import Server
from bench.gate.sampling.sides import checked_out
from bench.gate.verdict import Judgement, Side
from bench.protocol import Request
from bench.runner.lease import lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from bench.gate.margins import Margins
    from bench.gate.sampling.pairs import SideName, Taken
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject
    from bench.spec import RunSpec

__all__ = ["Session", "hold"]

_CPU_TURN, _GPU_TURN = 1, 5
"""Steps of a turn: as few as can be, but a GPU has to come to rest at the end of each."""
_TRIED_STEPS = NUM_WARMUP_STEPS + 2
_RERUN_SEED = 101
"""The first of the fresh rerun; the pairs before it have 1, 2, and so on."""


@contextmanager
def hold(base: Checkout, head: Checkout) -> Iterator[dict[SideName, Checkout]]:
    """Give both sides with their files; what was checked out is gone afterwards, also where SIGTERM ends the gate."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with checked_out(base) as ours, checked_out(head) as theirs:
            yield {"base": ours, "head": theirs}
    finally:
        signal.signal(signal.SIGTERM, before)


class Session:
    """Two sides that are there, and the strategies that are trained on both."""

    def __init__(
        self,
        sides: Mapping[SideName, Checkout],
        subject: Subject,
        *,
        margins: Margins,
        say: Callable[[str], None],
    ) -> None:
        """Prepare to train every strategy of the subject, and to judge it by its margins."""
        self._sides, self._subject, self._say = sides, subject, say
        self._specs = {spec.name: spec for spec in subject.specs}
        self._rules = {name: rules_of(margins.of(name)) for name in self._specs}
        self._takes_turns = True

    def judge(self) -> Judgement:
        """Measure and judge.

        Raises:
            UsageError: both sides say that the request is wrong.

        """
        taken = self.take(dict.fromkeys(self._specs, TIME_METRICS), first_seed=1)
        red = {name: metrics for name, pairs in taken.items() if (metrics := self._red(name, pairs))}
        rerun: Mapping[str, list[Taken]] = {}
        if red:
            self._say(f"red so far: {', '.join(red)}; a fresh rerun is to confirm it")
            rerun = self.take(red, first_seed=_RERUN_SEED)
        findings = [
            finding
            for name, rules in self._rules.items()
            for finding in judge_strategy(name, taken[name], rerun.get(name, ()), rules)
        ]
        every = [one for pairs in (*taken.values(), *rerun.values()) for one in pairs]
        crash = next((trouble for one in every if (trouble := one.troubles.get("head")) and trouble.is_crash), None)
        return Judgement(
            tuple(findings),
            self._side("base", every),
            self._side("head", every),
            tuple(self._warnings()),
            None if crash is None else str(crash),
        )

    def take(self, wanted: Mapping[str, tuple[str, ...]], *, first_seed: int) -> dict[str, list[Taken]]:
        """Take pairs of the strategies with fresh servers, until the metrics wanted of each are decided.

        Raises:
            UsageError: both sides say that the request is wrong.

        """
        specs = [self._specs[name] for name in wanted]
        with ExitStack() as stack:
            uuid = stack.enter_context(lease(Request(spec=specs[0]), self._say))
            # Memory addresses and the order of sets belong to a server, so that a rerun has others.
            environ = {"PYTHONHASHSEED": str(first_seed), "CUDA_VISIBLE_DEVICES": uuid or ""}
            if self._subject.threads:
                environ["OMP_NUM_THREADS"] = str(self._subject.threads)
            servers = {side: stack.enter_context(Server(self._sides[side], environ)) for side in SIDES}
            tried = {
                spec.name: try_out(
                    servers,
                    spec.model_copy(update={"steps": _TRIED_STEPS, "seed": first_seed}),
                    timeout=self._subject.timeout,
                )
                for spec in specs
            }
            if wrong := next((one for one in tried.values() if _is_wrong(one)), None):
                raise UsageError(str(wrong.head))
            return {
                spec.name: [tried[spec.name]]
                if tried[spec.name].troubles
                else self._pairs(servers, spec, wanted[spec.name], first_seed)
                for spec in specs
            }

    def _pairs(
        self, servers: Mapping[SideName, Server], spec: RunSpec, metrics: tuple[str, ...], first_seed: int
    ) -> list[Taken]:
        rules, begins = self._rules[spec.name], _beginnings()
        rule = rules.time
        if rules.no_time:  # accuracy and memory need the first look alone
            rule = replace(rule, plan=replace(rule.plan, looks=rule.plan.looks[:1]))
        taken: list[Taken] = []
        while (num := pairs_wanted(step_pairs(taken), rule, metrics)) is not None:
            self._say(f"{spec.name}: {num} pairs")
            while len(taken) < num:
                seed = first_seed + len(taken)
                taken.append(self._pair(servers, spec.model_copy(update={"seed": seed}), next(begins)))
                if taken[-1].troubles:
                    return taken
        return taken

    def _pair(self, servers: Mapping[SideName, Server], spec: RunSpec, begins: SideName) -> Taken:
        """Take a pair: by turns, unless two processes at once are too much for the memory."""
        assert spec.steps is not None  # a gate asks for steps, not epochs
        turns = turns_of(spec.steps, _CPU_TURN if spec.device == "cpu" else _GPU_TURN)
        seconds, cores = self._subject.timeout, self._cores()
        take = partial(take_pair, servers, spec, begins=begins, turns=turns, timeout=seconds, cores=cores)
        if self._takes_turns:
            pair = take(waits=True)
            if not any(trouble.lacks_memory for trouble in pair.troubles.values()):
                return pair
            self._takes_turns = False
            self._say("both sides at once need too much memory; from now on one run after the other")
        return take(waits=False)

    def _cores(self) -> Sequence[int] | None:
        """Draw the cores of a pair: on one and the same, another guest on its other half slows both sides alike."""
        allowed = sorted(os.sched_getaffinity(0))
        num = self._subject.threads
        return random.sample(allowed, num) if num and num < len(allowed) else None

    def _red(self, name: str, taken: Sequence[Taken]) -> tuple[str, ...]:
        """Name the metrics of step time that a rerun must confirm."""
        rules = self._rules[name]
        if rules.no_time or any(one.troubles for one in taken):
            return ()
        return tuple(
            found.metric for found in judge_time(name, step_pairs(taken), rule=rules.time) if found.needs_rerun
        )

    def _side(self, side: SideName, taken: Sequence[Taken]) -> Side:
        checkout = self._sides[side]
        samples = (pair[SIDES.index(side)] for pair in (one.samples for one in taken) if pair)
        fingerprint = next((sample.fingerprint for sample in samples), {})
        return Side(checkout.name, checkout.commit, fingerprint)

    def _warnings(self) -> Iterator[str]:
        base, head = self._sides["base"], self._sides["head"]
        for side, checkout in self._sides.items():
            if checkout.is_changed:
                yield f"Files of {side} differ from its commit."
        same = (base.commit, base.root if base.commit is None else None, base.python)
        if same == (head.commit, head.root if head.commit is None else None, head.python) and not head.is_changed:
            yield "Base and head are the same, so that nothing can have changed."


def _is_wrong(tried: Taken) -> bool:
    """Whether both sides call the request wrong; where only one does, it lacks what the other has."""
    return len(tried.troubles) == len(SIDES) and all(trouble.is_usage for trouble in tried.troubles.values())


def _beginnings() -> Iterator[SideName]:
    """Say which side begins: each once in two pairs, in random order."""
    while True:
        yield from random.sample(SIDES, len(SIDES))
