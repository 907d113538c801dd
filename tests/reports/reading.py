"""What a report says, read back from its text alone: letters, values, and every sentence that sets two strategies apart."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from rich.console import Console

from reports.charts.theme import styles_of
from reports.terminal import summary_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Table", "check_words", "in_terminal", "of_markdown", "of_page", "of_terminal", "over_setting", "svg_texts"]

SPEED, MEMORY, QUALITY = "speed", "memory", "accuracy"
_UNITS = {"": 1.0, "B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_HIGHER = {SPEED: True, MEMORY: False, QUALITY: True}
_MINUS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_CELL = re.compile(
    r"(?P<value>[\d,.]+)(?P<unit>%| [KMG]?iB| B)?"
    rf"(?: (?P<against>[+{_MINUS}]?[\d.e+-]+(?:{_TIMES}| points)))?"
    r"(?: \((?P<bounds>[^)]*)\))?(?: (?P<group>[a-z]\w*))?"
)


@dataclass
class Table:
    """The main table as one output shows it."""

    values: dict[tuple[str, str], float] = field(default_factory=dict)
    against: dict[tuple[str, str], float] = field(default_factory=dict)
    letters: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    reference: str = ""
    badges: dict[str, str] = field(default_factory=dict)
    at_chance: set[str] = field(default_factory=set)
    is_paired: bool = True
    """Whether all strategies have the same seeds: else values do not say which way a difference over common seeds points."""

    def add(self, name: str, cells: list[str]) -> None:
        for metric, text in zip((SPEED, MEMORY, QUALITY), cells, strict=True):
            found = _CELL.fullmatch(text)
            if found is None:
                assert text == "\N{EN DASH}", text
                continue
            unit = (found["unit"] or "").strip()
            self.values[metric, name] = float(found["value"].replace(",", "")) * _UNITS.get(unit, 1.0)
            if found["against"]:
                change = re.sub(f"{_TIMES}| points", "", found["against"])
                self.against[metric, name] = float(change.replace(_MINUS, "-"))
            if found["group"]:
                self.letters[metric, name] = frozenset(re.findall(r"[a-z]\d*", found["group"]))

    def names(self, metric: str) -> list[str]:
        return [name for known, name in self.letters if known == metric]

    def relation(self, metric: str, one: str, other: str) -> int | None:
        """1: one is better; -1: worse; 0: they share a letter; None: the table does not say."""
        ours, theirs = self.letters.get((metric, one)), self.letters.get((metric, other))
        if ours is None or theirs is None:
            return None
        if ours & theirs:
            return 0
        same = 0.0 if metric == QUALITY else 1.0
        if self.reference in {one, other}:  # as compared over the common seeds
            name, sign = (one, 1) if other == self.reference else (other, -1)
            gain = sign * (self.against.get((metric, name), same) - same)
        else:
            gain = self.values[metric, one] - self.values[metric, other] if self.is_paired else 0.0
        if not gain:  # as rounded
            return None
        return 1 if (gain > 0) == _HIGHER[metric] else -1


def of_markdown(text: str) -> Table:
    table = Table(is_paired="compared over the common seed" not in text)
    for line in text.splitlines():
        if line.startswith("| **"):
            name, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            said = re.fullmatch(r"\*\*(.+?)\*\*(.*)", name)
            assert said, name
            strategy = re.sub(r"\\(.)", r"\1", said[1])
            table.reference = strategy if "(reference)" in said[2] else table.reference
            if "majority class" in said[2]:
                table.at_chance.add(strategy)
            table.add(strategy, [re.sub(r"\\(.)", r"\1", cell) for cell in cells[:3]])
    return table


def of_terminal(text: str, names: list[str]) -> Table:
    """Read a table whose rows stand on one line each: wide enough a terminal."""
    table = Table()
    for line in text.splitlines():
        name = next((name for name in names if line.startswith((f"{name}  ", f"{name} (", f"{name};"))), None)
        columns = re.split(r" {2,}", line.strip())
        if name and len(columns) > 3:
            table.reference = name if "reference" in line else table.reference
            table.add(name, columns[-5:-2])
    return table


def of_page(html: str) -> Table:
    table = Table()
    body = re.search(r"<caption>Every strategy, failed ones too</caption>.*?</tbody>", html, re.DOTALL)
    for row in re.findall(r"<tr role=\"row\" class=.*?</tr>", body[0] if body else "", re.DOTALL):
        name = re.sub("<wbr>", "", re.search(r'<span class="name">(.*?)</span>', row)[1])
        if '<span class="tag">reference</span>' in row:
            table.reference = name
        if badge := re.search(r'<span class="tag best">(.*?)</span>', row):
            table.badges[name] = badge[1]
        cells = [
            re.sub(r'<span class="(label|bounds)">.*?</span>', "", cell)
            for cell in re.findall(r"<td .*?</td>", row, re.DOTALL)[:3]
        ]
        table.add(name, [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in cells])
    return table


def check_words(table: Table, text: str, names: list[str]) -> int:
    """Hold every sentence that is known to set strategies apart against the letters; give how many there were."""
    said = list(_sentences(text, names))
    for kind, found in said:
        for one in _listed(found["who"], names):
            assert _CHECKS[kind](_Said(table, one, found, names)), f"{found[0]!r} of {one}"
    return len(said)


@dataclass
class _Said:
    """One sentence about one strategy."""

    table: Table
    one: str
    found: re.Match[str]
    names: list[str]

    def against(self, metric: str, other: str = "") -> int | None:
        return self.table.relation(metric, self.one, other or self.table.reference)

    def is_better(self, metric: str, other: str = "") -> bool:
        return self.against(metric, other) in {1, None}

    def is_tied(self, metric: str, other: str = "") -> bool:
        return self.against(metric, other) in {0, None}

    @property
    def others(self) -> list[str]:
        """Those that the sentence does not name, where it names or the table marks all that it is about."""
        named = _listed(self.found["who"], self.names)
        if re.search(r"\d+ others?$", self.found["who"]):
            named = list(self.table.badges)
            if not named:
                return []
        return [name for name in self.table.names(SPEED) if name not in {self.one, *named}]

    def is_fastest(self) -> bool:
        base = self.table.reference
        return all(
            self.is_better(SPEED, other)
            or (self.table.relation(QUALITY, other, base) == -1 and self.is_better(QUALITY, other))
            for other in self.others
        )

    def has_no_faster(self) -> bool:
        return not any(self.against(SPEED, other) == -1 and self.is_tied(QUALITY, other) for other in self.others)

    def is_alike(self) -> bool:
        others = {*_listed(self.found["who"], self.names), self.table.reference} - {self.one}
        if "each of" in self.found[0]:
            others = {self.table.reference}
        return all(self.is_tied(metric, other) for metric in (SPEED, QUALITY) for other in others)

    def excludes_no_change(self) -> int | None:
        """1: above; -1: below; 0: holds it; None: its bounds are not written."""
        bounds = re.search(r"([\d.]+) to ([\d.]+)", self.found["numbers"])
        if not bounds:
            return None
        low, high = map(float, bounds.groups())
        return 1 if low > 1 else -1 if high < 1 else 0

    def is_on_the_frontier(self) -> bool:
        for other in set(self.table.names(SPEED)) - self.table.at_chance:
            standings = [self.table.relation(metric, other, self.one) for metric in (SPEED, MEMORY, QUALITY)]
            if None not in standings and 1 in standings and -1 not in standings:
                return False
        return self.one not in self.table.at_chance


_CHECKS: dict[str, Callable[[_Said], bool]] = {
    "fastest": _Said.is_fastest,
    "best": lambda it: all(it.is_better(QUALITY, other) for other in it.others),
    "fastest reference": lambda it: all(it.is_better(SPEED, other) for other in it.others),
    "ahead reference": lambda it: all(
        it.is_better(SPEED, other) or it.is_better(QUALITY, other) for other in it.others
    ),
    "none is faster": _Said.has_no_faster,
    "faster": lambda it: it.is_better(SPEED),
    "reaches": lambda it: it.is_better(SPEED),
    "better": lambda it: it.is_better(QUALITY),
    "detected faster": lambda it: it.is_better(SPEED),
    "detected lighter in memory": lambda it: it.is_better(MEMORY),
    "detected more accurate": lambda it: it.is_better(QUALITY),
    "not told": lambda it: all(it.is_tied(it.found["metric"], other) for other in _listed(it.found["whom"], it.names)),
    "alike": _Said.is_alike,
    "each alike": _Said.is_alike,
    "memory": lambda it: it.against(MEMORY) in {1 if it.found["more"] == "less" else -1, None},
    "speed": lambda it: (SPEED, it.one) not in it.table.letters or it.against(SPEED) != 0,
    "tied": lambda it: it.is_tied(SPEED) and it.excludes_no_change() in {0, None},
    "looks": lambda it: (
        it.is_tied(SPEED) and it.excludes_no_change() in {1 if it.found["way"] == "faster" else -1, None}
    ),
    "quality": lambda it: (
        (QUALITY, it.one) not in it.table.letters
        or it.against(QUALITY) in {1 if it.found["factor"].startswith("+") else -1, None}
    ),
    "quality tied": lambda it: it.is_tied(QUALITY),
    "telling": lambda it: it.is_tied(it.found["metric"]),
    "frontier": _Said.is_on_the_frontier,
}


def _sentences(text: str, names: list[str]) -> Iterator[tuple[str, re.Match[str]]]:
    one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    many = rf"(?:(?:{one})(?:, | and )?)+(?:\d+ others?)?"
    number = rf"[+{_MINUS}]?[\d.e+]+"
    patterns = {
        "fastest": rf"(?P<who>{many}) (?:is|are) the fastest without a detected loss",
        "fastest reference": rf"(?P<who>{one}) is the fastest, and no strategy",
        "ahead reference": rf"(?P<who>{one}) is ahead, and no strategy",
        "none is faster": rf"No strategy is faster than (?P<who>{one}) without a detected loss",
        "faster": rf"(?P<who>{many}) (?:is|are) faster than (?:{one}) without a detected loss",
        "not told": rf"(?P<who>{one}) is (?:faster|more accurate) than (?:{one})[^\n]*?\. "
        rf"It is not told apart in (?P<metric>speed|accuracy) from (?P<whom>{many})",
        "best": rf"(?P<who>{many}) (?:is|are) best in accuracy",
        "better": rf"(?P<who>{many}) (?:is|are) more accurate than (?:{one})",
        "alike": rf"[Nn]o difference detected in speed or accuracy between (?P<who>{many})(?! and each)",
        "each alike": rf"[Nn]o difference detected in speed or accuracy between (?:{one}) and each of (?P<who>{many})",
        "memory": rf"(?P<who>{many}) uses? (?P<more>less|more) memory than",
        "speed": rf"(?P<who>{one}) is (?P<factor>{number}){_TIMES} as fast as (?:{one})",
        "tied": rf"(?P<who>{one}) is tied with (?:{one}) in speed \((?P<numbers>[^)]*)\)",
        "looks": rf"(?P<who>{one}) looks (?P<way>faster|slower) than (?:{one}) \((?P<numbers>[^)]*)\)",
        "quality": rf"(?P<who>{one}) (?:is|looks|ran) [^;\n]*?, accuracy (?P<factor>[+{_MINUS}][\d.]+) points"
        r"(?! \(no interval)[ .;]",
        "quality tied": rf"(?P<who>{one}) (?:is|looks|ran) [^\n]*?, accuracy tied \((?P<numbers>[^)]*)\)",
        "telling": rf"Telling (?P<who>{many}) from (?:{one}) in (?P<metric>speed|accuracy)",
        "frontier": rf"On the frontier of speed, memory and accuracy: (?P<who>every strategy|{many})",
        "reaches": rf"(?P<who>{one}) reaches where (?:{one}) ends",
        **{
            f"detected {word}": rf"(?:: |, )(?P<who>none|{many}) (?:is|are) {word}(?=[,\n]|$)"
            for word in ("faster", "lighter in memory", "more accurate")
        },
    }
    for kind, pattern in patterns.items():
        for found in re.finditer(pattern if pattern.startswith("(?::") else rf"(?<![\w:=+.-]){pattern}", text):
            yield kind, found


def _listed(text: str, names: list[str]) -> list[str]:
    parts = re.split(r", | and ", text.removesuffix(", ").removesuffix(" and "))
    known = {"none", "every strategy", *names}
    assert all(part in known or re.fullmatch(r"\d+ others?", part) for part in parts), text
    return [part for part in parts if part in names]


def svg_texts(svg):
    """All texts of a figure."""
    root = ET.fromstring(svg.replace("xlink:href", "href"))
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def over_setting(make, comparisons):
    """Make a chart over a setting, with a style for every strategy."""
    return make(comparisons, styles_of(result.strategy for comparison in comparisons for result in comparison.results))


def in_terminal(comparison, width=140):
    """What a terminal of a width shows, without colours."""
    console = Console(file=io.StringIO(), width=width)
    console.print(summary_table(comparison))
    return console.file.getvalue()
