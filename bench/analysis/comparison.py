"""Records of one comparison turned into what every output says: terminal, Markdown, page and gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.analysis.arrangement import Arrangement, arranged
from bench.analysis.initial_losses import flag_unlike
from bench.analysis.quality import ACCURACY
from bench.analysis.ranking import Ranking, rank
from bench.analysis.strategy_result import StrategyResult, against, make_result
from bench.analysis.words.headline import Conclusion, Form, conclude
from bench.analysis.words.sentences import Sentence, sentences
from bench.errors import UnknownName
from bench.records.comparability import Mismatch, asked, in_words, mismatches
from bench.records.flags import is_timed
from bench.records.metrics import METRICS
from bench.records.micro_batch import rows_of_process

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from bench.analysis.quality import Quality
    from bench.experiment.spec import RunSpec
    from bench.records.data_summary import DataSummary
    from bench.records.record import Environment, RunRecord

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)  # without slots, so that what is gathered from thousands of runs is gathered once
class Comparison:
    """Every strategy against one reference, and what may be concluded."""

    results: tuple[StrategyResult, ...]
    reference: str | None
    """None where no run finished, and where the runs are too unlike to be compared."""
    quality: Quality
    """The score that ranking, ties and headline speak of."""
    ranking: Ranking
    """The strategies that may be ranked, and the claims about all pairs of them, which every output repeats."""
    conclusion: Conclusion
    said: tuple[Sentence, ...]
    """What is to be known of each strategy, beside the headline."""
    mismatches: tuple[Mismatch, ...] = ()
    """In what the runs differ that must be equal."""
    warnings: tuple[str, ...] = ()
    """What every output must say beside the headline."""

    @property
    def form(self) -> Form:
        """Which of its four forms the headline has."""
        return self.conclusion.form

    @property
    def headline(self) -> str:
        """The one sentence on top."""
        return self.conclusion.headline

    @property
    def winners(self) -> tuple[str, ...]:
        """The strategies that the headline names as ahead, the best first."""
        return self.conclusion.winners

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be known of each strategy, sentence by sentence."""
        return tuple(sentence.text for sentence in self.said)

    @property
    def learned(self) -> bool:
        """Whether figures may praise: of at least two ranked strategies one is shown to beat the majority class."""
        ranked = [result for result in self.results if result.strategy in self.ranking.names]
        return len(ranked) > 1 and any(result.beats_majority is not False for result in ranked)

    @property
    def none_beats_majority(self) -> bool:
        """Whether at least two strategies finished, and none is shown to beat the majority class."""
        finished = [result for result in self.results if result.finished]
        return len(finished) > 1 and all(result.beats_majority is False for result in finished)

    def own_changes(self, result: StrategyResult) -> dict[str, str]:
        """How its plan differs from the baseline, but for what all finished strategies share, as by --lr."""
        finished = [each.changes.items() for each in self.results if each.finished]
        shared = set(finished[0]).intersection(*finished) if len(finished) > 1 else set()
        return {field: words for field, words in result.changes.items() if (field, words) not in shared}

    def on_frontier(self, strategy: str) -> bool | None:
        """Whether no other strategy makes it pointless; None where it is not ranked, or figures may not praise."""
        if not self.learned or strategy not in self.ranking.names:
            return None
        return strategy in self.ranking.frontier

    @cached_property
    def arrangement(self) -> Arrangement:
        """The order of its rows: together while they are few, the first and the others by family where they are many."""
        named = self.winners or self.conclusion.leaders
        return arranged(self.results, self.ranking, named, on_frontier=self.on_frontier, own_changes=self.own_changes)

    @cached_property
    def records(self) -> tuple[RunRecord, ...]:
        """All runs, strategy by strategy."""
        return tuple(record for result in self.results for record in result.records)

    @cached_property
    def asked(self) -> tuple[dict[str, Hashable], ...]:
        """What was asked of the runs but strategy and seed, each that differs once; one where the runs are alike."""
        return tuple(map(dict, dict.fromkeys(tuple(asked(record.spec).items()) for record in self.records)))

    @cached_property
    def environments(self) -> tuple[Environment, ...]:
        """Where the runs took place, as far as they knew, each place once."""
        known = (record.environment for record in self.records if record.environment)
        # The digest of what was asked of a run is no place.
        return tuple({where.model_dump_json(exclude={"config_hash"}): where for where in known}.values())

    @cached_property
    def data(self) -> tuple[DataSummary, ...]:
        """What was read for the runs, as far as their records say, each once."""
        known = (record.measured.data for record in self.records if record.measured and record.measured.data)
        return tuple({summary.model_dump_json(): summary for summary in known}.values())

    @cached_property
    def has_several_processes(self) -> bool:
        """Whether several processes shared any of its runs."""
        return any(record.spec.num_processes for record in self.records)

    @property
    def tells_batches(self) -> bool:
        """Whether strategies took their batches in parts, or unlike ones, so that every output says in which."""
        sizes = {
            (result.micro_batch_size, result.batch_size, rows_of_process(result.records[0].spec))
            for result in self.results
        }
        return len(sizes) > 1 or any(micro < most for micro, _, most in sizes)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that at least one strategy has a value for, in the order of METRICS."""
        return tuple(name for name in METRICS if any(result.means[name] is not None for result in self.results))


def compare(
    records: Iterable[RunRecord],
    reference: str | None = None,
    *,
    quality: Quality = ACCURACY,
    rank_suspect: bool = False,
    allow_mismatch: bool = False,
) -> Comparison:
    """Compare every strategy, in the order of the records, with the reference.

    `quality` is what ranking, ties and headline speak of beside speed and memory.
    The reference is the one given, else "full" if it has a finished run, or "full" at another rate, else the first that has one.
    Strategies with a flag that makes them suspect are shown but not ranked, unless `rank_suspect`.
    Runs that differ in more than strategy and seed are shown but not compared, unless
    `allow_mismatch`, which makes a warning of the difference.

    Raises:
        UnknownName: the reference is not among the strategies.

    """
    runs = _newest(records)
    groups = _by_strategy(runs)
    if reference is not None and reference not in groups:
        raise UnknownName("reference", reference, groups)
    found = mismatches(runs)
    if found and not allow_mismatch:
        return _not_valid(groups, found, quality)
    done = [name for name, group in groups.items() if any(record.status == "ok" for record in group)]
    full = (name for name in done if groups[name][0].spec.name_without_lr == "full")
    chosen = reference or ("full" if "full" in done else next(full, next(iter(done), None)))
    if not found:
        groups = flag_unlike(groups, chosen)
    bare = {
        name: make_result(name, group, is_reference=name == chosen, quality=quality) for name, group in groups.items()
    }
    base = bare[chosen] if chosen is not None else None
    results = tuple(result if base is None else against(result, base) for result in bare.values())
    able = [result for result in results if result.finished and (rank_suspect or not result.is_suspect)]
    ranking = rank(sorted(able, key=lambda result: not result.is_reference), quality)
    conclusion = conclude(results, ranking)
    return Comparison(
        results=results,
        reference=chosen,
        quality=quality,
        ranking=ranking,
        conclusion=conclusion,
        said=sentences(results, ranking, spelled_out=conclusion.spelled_out, advice=conclusion.advice),
        mismatches=found,
        warnings=(f"These runs differ in more than the strategy: {in_words(found)}.",) if found else (),
    )


def _not_valid(groups: dict[str, tuple[RunRecord, ...]], found: tuple[Mismatch, ...], quality: Quality) -> Comparison:
    """Show the runs, and claim nothing of them."""
    results = tuple(make_result(name, group, is_reference=False, quality=quality) for name, group in groups.items())
    headline = (
        f"Comparison not valid: these runs differ in more than the strategy: {in_words(found)}. Keep each set in a "
        "directory of its own, or compare them all the same (--allow-mismatch)."
    )
    nothing = rank([], quality)
    return Comparison(
        results=results,
        reference=None,
        quality=quality,
        ranking=nothing,
        conclusion=Conclusion("invalid", headline),
        said=sentences(results, nothing),
        mismatches=found,
    )


def _newest(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Keep the newest of equal runs, of those that are timed if any is; which of several GPUs it was does not make runs unequal."""
    kept: dict[RunSpec, RunRecord] = {}
    for record in records:
        kind, is_one_of_several, _ = record.spec.device.partition(":")
        spec = record.spec.model_copy(update={"device": kind}) if is_one_of_several else record.spec
        if spec not in kept or _replaces(record, kept[spec]):
            kept[spec] = record
    return list(kept.values())


def _by_strategy(records: Iterable[RunRecord]) -> dict[str, tuple[RunRecord, ...]]:
    """Group the runs, in the order in which strategies first appear; of a seed counts the newest that is timed, else the newest."""
    groups: dict[str, dict[int, RunRecord]] = {}
    for record in records:
        seeds = groups.setdefault(record.spec.name, {})
        present = seeds.get(record.spec.seed)
        if present is None or _replaces(record, present):
            seeds[record.spec.seed] = record
    return {name: tuple(seeds[seed] for seed in sorted(seeds)) for name, seeds in groups.items()}


def _replaces(record: RunRecord, present: RunRecord) -> bool:
    """Whether a run counts in the place of an equal one: the newer does, but of two that ended ok one whose times may be compared."""
    if record.status == present.status == "ok" and is_timed(record.flags) != is_timed(present.flags):
        return is_timed(record.flags)
    return present.started_at <= record.started_at
