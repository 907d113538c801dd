"""A gate from two sides to the judgement: as many pairs as needed, and a fresh rerun of what is red."""

from __future__ import annotations

import os
import random
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.executors.devices import lease
from bench.gate.judging.judgement import Judgement, Side
from bench.gate.judging.pairs import SIDES
from bench.gate.judging.strategy import judge_strategy, step_pairs
from bench.gate.judging.times import TIME_METRICS, TimeRule, judge_time, pairs_wanted
from bench.gate.sampling.pairs import take_pair, try_out, turns_of
from bench.gate.sampling.sample import NUM_UNJUDGED_STEPS
from bench.gate.sampling.server import Server
from bench.protocol import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.experiment.spec import RunSpec
    from bench.gate.judging.margins import Margins
    from bench.gate.judging.pairs import PairResult, SideName
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject

    _Wanted = Callable[[Sequence[PairResult]], int | None]
    """Returns how many pairs there must be, given those that were taken; None for enough."""

__all__ = ["Session"]

_CPU_TURN, _GPU_TURN = 1, 5
"""Steps of a turn: as few as possible, but a GPU must become idle at the end of each."""
_TRIED_STEPS = NUM_UNJUDGED_STEPS + 2
_RERUN_SEED = 101
"""The first seed of the rerun; the pairs before it have 1, 2, and so on."""


class Session:
    """Two sides whose files are present, and the strategies that are trained on both."""

    def __init__(
        self,
        sides: Mapping[SideName, Checkout],
        subject: Subject,
        *,
        margins: Margins,
        say: Callable[[str], None],
        refusals: Callable[[str, Mapping[str, str]], Mapping[str, str]] = lambda _name, _machine: {},
    ) -> None:
        """Keep what is to be trained and judged.

        `refusals` returns by metric why the step times of a strategy are not judged on a machine.
        """
        self._sides, self._subject, self._say = sides, subject, say
        self._specs = {spec.name: spec for spec in subject.specs}
        self._margins = {name: margins.of(name) for name in self._specs}
        self._refused: dict[str, Mapping[str, str]] = {name: {} for name in self._specs}
        self._refusals = refusals
        self._takes_turns = True

    def judge(self) -> Judgement:
        """Measure and judge.

        Raises:
            UsageError: both sides refuse the request.

        """
        taken = self._take({name: partial(self._wanted, name, TIME_METRICS) for name in self._specs}, first_seed=1)
        red = {name: metrics for name, pairs in taken.items() if (metrics := self._red(name, pairs))}
        rerun: Mapping[str, list[PairResult]] = {}
        if red:
            self._say(f"red so far: {', '.join(red)}; a fresh rerun is to confirm it")
            again = {name: partial(self._wanted, name, metrics) for name, metrics in red.items()}
            rerun = self._take(again, first_seed=_RERUN_SEED)
        findings = [
            finding
            for name, margins in self._margins.items()
            for finding in judge_strategy(name, taken[name], rerun.get(name, ()), margins, self._refused[name])
        ]
        every = [one for pairs in (*taken.values(), *rerun.values()) for one in pairs]
        crash = next((failure for one in every if (failure := one.failures.get("head")) and failure.is_crash), None)
        return Judgement(
            tuple(findings),
            self.side("base", every),
            self.side("head", every),
            tuple(self._warnings()),
            None if crash is None else str(crash),
        )

    def record(self, num_pairs: int, *, has_known_work: bool = False) -> dict[str, list[PairResult]]:
        """Take `num_pairs` pairs of every strategy, fewer only where a run fails.

        Raises:
            UsageError: both sides refuse the request, and the workload is not known to be valid.

        """
        wanted = dict.fromkeys(self._specs, lambda taken: num_pairs if len(taken) < num_pairs else None)
        return self._take(wanted, first_seed=1, has_known_work=has_known_work)

    def _take(
        self, wanted: Mapping[str, _Wanted], *, first_seed: int, has_known_work: bool = False
    ) -> dict[str, list[PairResult]]:
        """Take pairs of the strategies with fresh servers, as many as each needs."""
        specs = [self._specs[name] for name in wanted]
        with ExitStack() as stack:
            uuids = stack.enter_context(lease(Request(spec=specs[0]), self._say))
            # Memory addresses and the order of sets are those of a server, so that a rerun gets others.
            environ = {"PYTHONHASHSEED": str(first_seed), "CUDA_VISIBLE_DEVICES": ",".join(uuids)}
            if self._subject.threads:
                environ["OMP_NUM_THREADS"] = str(self._subject.threads)
            limit = self._subject.timeout
            servers = {side: stack.enter_context(Server(self._sides[side], environ, timeout=limit)) for side in SIDES}
            tried = self._try_out(servers, specs, first_seed)
            wrong = next((one for one in tried.values() if _is_wrong(one)), None)
            if wrong and not has_known_work:
                raise UsageError(str(wrong.head))
            for name, one in tried.items():
                if one.samples:
                    self._refused[name] = self._refusals(name, one.samples[1].fingerprint)
            return {
                spec.name: [tried[spec.name]]
                if tried[spec.name].failures
                else self._pairs(servers, spec, wanted[spec.name], first_seed)
                for spec in specs
            }

    def _try_out(
        self, servers: Mapping[SideName, Server], specs: Sequence[RunSpec], seed: int
    ) -> dict[str, PairResult]:
        """Return by strategy the result of a trial run on both sides."""
        short = [spec.model_copy(update={"steps": _TRIED_STEPS, "seed": seed}) for spec in specs]
        seconds = self._subject.timeout
        # What filling a cache imports would stay in memory, but only where the cache was not filled already.
        filled = try_out(servers, short[0], timeout=seconds, shares_imports=False)
        if filled.failures:
            return {short[0].name: filled} | {spec.name: try_out(servers, spec, timeout=seconds) for spec in short[1:]}
        return {spec.name: try_out(servers, spec, timeout=seconds) for spec in short}

    def _wanted(self, name: str, metrics: Sequence[str], taken: Sequence[PairResult]) -> int | None:
        """Return how many pairs the next look at the metrics needs; None where they are decided."""
        rule = TimeRule(self._margins[name])
        if timed := [metric for metric in metrics if metric not in self._refused[name]]:
            return pairs_wanted(step_pairs(taken), rule, timed)
        first = rule.plan.looks[0]  # enough for memory and accuracy
        return first if len(taken) < first else None

    def _pairs(
        self, servers: Mapping[SideName, Server], spec: RunSpec, wanted: _Wanted, first_seed: int
    ) -> list[PairResult]:
        begins = _beginnings()
        taken: list[PairResult] = []
        while (num := wanted(taken)) is not None:
            self._say(f"{spec.name}: {num} pairs")
            while len(taken) < num:
                seed = first_seed + len(taken)
                taken.append(self._pair(servers, spec.model_copy(update={"seed": seed}), next(begins)))
                if taken[-1].failures:
                    return taken
        return taken

    def _pair(self, servers: Mapping[SideName, Server], spec: RunSpec, begins: SideName) -> PairResult:
        """Take a pair: in turns, unless the memory is too small for two processes at once."""
        assert spec.steps is not None  # a gate counts steps, not epochs
        turns = turns_of(spec.steps, _CPU_TURN if spec.device == "cpu" else _GPU_TURN)
        seconds, cores = self._subject.timeout, self._cores()
        take = partial(take_pair, servers, spec, begins=begins, turns=turns, timeout=seconds, cores=cores)
        if self._takes_turns:
            pair = take(waits=True)
            if not any(failure.kind == "oom" for failure in pair.failures.values()):
                return pair
            self._takes_turns = False
            self._say("both sides at once need too much memory; from now on one run after the other")
        return take(waits=False)

    def _cores(self) -> Sequence[int] | None:
        """Draw the cores of a pair: on the same core, a process on its hyperthread slows both sides alike."""
        allowed = sorted(os.sched_getaffinity(0))
        num = self._subject.threads
        return random.sample(allowed, num) if num and num < len(allowed) else None

    def _red(self, name: str, taken: Sequence[PairResult]) -> tuple[str, ...]:
        """Return the metrics of step time that a rerun must confirm."""
        if any(one.failures for one in taken):
            return ()
        found = judge_time(name, step_pairs(taken), rule=TimeRule(self._margins[name]))
        return tuple(one.metric for one in found if one.needs_rerun and one.metric not in self._refused[name])

    def side(self, side: SideName, taken: Sequence[PairResult]) -> Side:
        """Return the description of a side, and where it ran."""
        checkout = self._sides[side]
        samples = (pair[SIDES.index(side)] for pair in (one.samples for one in taken) if pair)
        fingerprint = next((sample.fingerprint for sample in samples), {})
        return Side(checkout.name, checkout.commit, fingerprint)

    def is_changed(self, side: SideName) -> bool:
        """Whether files of a side differ from its commit."""
        return self._sides[side].is_changed

    def _warnings(self) -> Iterator[str]:
        base, head = self._sides["base"], self._sides["head"]
        for side, checkout in self._sides.items():
            if checkout.is_changed:
                yield f"Files of {side} differ from its commit."
        same = (base.commit, base.root if base.commit is None else None, base.python)
        if same == (head.commit, head.root if head.commit is None else None, head.python) and not head.is_changed:
            yield "Base and head are the same, so that nothing can have changed."


def _is_wrong(tried: PairResult) -> bool:
    """Whether both sides refuse the request; where only one does, it lacks what the other has."""
    return len(tried.failures) == len(SIDES) and all(failure.kind == "usage" for failure in tried.failures.values())


def _beginnings() -> Iterator[SideName]:
    """Yield which side begins: each once in two pairs, in random order."""
    while True:
        yield from random.sample(SIDES, len(SIDES))
