"""What was read, in words: the same lines in the terminal before any run, on the page and in summary.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.data_summary import unseen_classes
from bench.records.names import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.records.data_summary import DataSummary

__all__ = ["in_brief", "in_full"]

_MOST_REMARKS = 3
"""In the line of a terminal; the report has all of them."""

Line = tuple[str, str]
"""What it is about, and what is said of it."""


def in_brief(summary: DataSummary) -> tuple[Line, ...]:
    """Write at most six lines for a terminal."""
    remarks = _remarks(summary)
    more = len(remarks) - _MOST_REMARKS
    said = [*remarks[:_MOST_REMARKS], *([f"and {more} more, in the report"] if more > 0 else [])]
    return (*_facts(summary), *([("look out", "; ".join(said))] if said else []))


def in_full(summary: DataSummary) -> tuple[Line, ...]:
    """Write the same lines for a report, every remark on one of its own."""
    return (*_facts(summary), *(("look out", remark) for remark in _remarks(summary)))


def _facts(summary: DataSummary) -> tuple[Line, ...]:
    return (
        ("read", _read(summary)),
        ("used", _used(summary)),
        ("duplicates", _duplicates(summary)),
        ("classes", _classes(summary)),
        ("lengths", _lengths(summary)),
    )


def _remarks(summary: DataSummary) -> tuple[str, ...]:
    unseen = unseen_classes(summary)
    return (*([unseen] if unseen else []), *summary.remarks)


def _read(summary: DataSummary) -> str:
    splits = [summary.train, *([summary.evaluation] if summary.evaluation else [])]
    if summary.evaluation:
        rows = f"{summary.train.num_rows:,} training rows and {summary.evaluation.num_rows:,} evaluation rows"
    else:
        rows = _count(summary.train.num_rows, "row")
    notes = f" ({', '.join(summary.notes)})" if summary.notes else ""
    left_out = list(
        _counted(
            (
                (sum(split.num_without_text for split in splits), "without a text"),
                (sum(split.num_without_label for split in splits), "without a label"),
                (summary.num_dropped_duplicates, "to train on whose text is evaluated on"),
            )
        )
    )
    return f"{rows}{notes}; left out: {', '.join(left_out) if left_out else 'none'}"


def _used(summary: DataSummary) -> str:
    held_out = "" if summary.evaluation else ", held out of the same rows"
    train = f"{summary.num_train:,} to train on{_drawn(summary.num_train, summary.num_available_train)}"
    return (
        f"{train}; {summary.num_eval:,} to evaluate on{_drawn(summary.num_eval, summary.num_available_eval)}{held_out}"
    )


def _drawn(num: int, available: int) -> str:
    return f", drawn from {available:,}" if num < available else ""


def _duplicates(summary: DataSummary) -> str:
    splits = [summary.train, *([summary.evaluation] if summary.evaluation else [])]
    repeated, contradicting = (
        sum(each) for each in zip(*((s.num_repeated, s.num_contradicting) for s in splits), strict=True)
    )
    where = " of their split" if summary.evaluation else ""
    if not repeated:
        return "no row repeats an earlier text"
    other = f", {contradicting:,} of them with another class" if contradicting else ""
    return f"{_count(repeated, 'row')} repeat{'s' if repeated == 1 else ''} an earlier text{where}{other}; kept, but for those left out above"


def _classes(summary: DataSummary) -> str:
    listed = [f"{in_quotes(each.name)} {each.num_train:,} + {each.num_eval:,}" for each in summary.classes]
    if others := summary.num_classes - len(summary.classes):
        listed.append(f"{others:,} others {summary.num_other_train:,} + {summary.num_other_eval:,}")
    most = f"{in_quotes(summary.majority_class)} is {summary.majority_share:.1%} of the evaluation rows"
    return f"{summary.num_classes:,}, with rows to train + to evaluate on: {', '.join(listed)}; {most}"


def _lengths(summary: DataSummary) -> str:
    lengths = summary.lengths
    told = (
        f"median {lengths.median:,} tokens, 95% have at most {lengths.quantile_95:,}, the longest {lengths.longest:,}"
    )
    if not lengths.truncated_share:
        return f"{told}; none is longer than {lengths.limit:,} and truncated"
    return f"{told}; {lengths.truncated_share:.1%} are longer than {lengths.limit:,} and truncated ({lengths.truncated_eval_share:.1%} of those to evaluate on)"


def _counted(counts: Iterable[tuple[int, str]]) -> Iterator[str]:
    return (f"{count:,} {words}" for count, words in counts if count)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
