"""Groups of compositions, each asked for by one name: `@adapters`, `@all`, and those of the table [groups] of a configuration file.

A group is put in the place of its name before anything else is done with a list of strategies; no record names one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bench.errors import UnknownName, UsageError
from bench.experiment.built_in_groups import GROUPS, SIGN
from bench.experiment.meaning import check_no_two_are_one, meaning
from bench.experiment.spec import canonical, parse_strategies, parse_strategy
from bench.inert import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["expand", "read_groups"]


def expand(strategies: str, own: Mapping[str, Sequence[str]]) -> str:
    """Put the compositions of groups in the place of their names, in order, each once: as the list writes it, or the first group.

    Args:
        strategies: A list as the command line has it.
        own: The groups of `read_groups`.

    Raises:
        UnknownName: there is no such group.
        UsageError: a group holds nothing, has options, or stands within a composition; the text does not follow the
            grammar, or itself says one composition twice.

    """
    if SIGN not in strategies:
        return strategies
    members = _members(strategies, own, "--strategies")
    spelled = {meaning(parse_strategy(one)): one for one in members if not one.startswith(SIGN)}
    held = (one for member in members for one in _held(member, own))
    return ",".join(dict.fromkeys(spelled.setdefault(meaning(parse_strategy(one)), one) for one in held))


def read_groups(written: object, path: Path) -> dict[str, tuple[str, ...]]:
    """Read the groups of a configuration file: of each, its compositions, and the names of the built-in groups in it.

    Raises:
        UnknownName: one holds a group that there is not.
        UsageError: one holds nothing or itself, is called as a built-in one, or is no list of compositions.

    """
    if not isinstance(written, dict):
        raise UsageError(f'groups in {path}: it is a table: [groups], and below it mine = ["full", "freeze"]')
    for name in written:
        if name in GROUPS:
            raise UsageError(f"groups.{name} in {path}: {SIGN}{name} comes with bench; give yours another name")
        if not re.fullmatch(r"[\w.-]+", name):
            raise UsageError(f"groups.{name} in {path}: the name of a group has letters, digits, -, _ and . alone")
    return {name: tuple(dict.fromkeys(_flat((name,), written, path))) for name in written}


def _flat(way: tuple[str, ...], written: Mapping[str, Any], path: Path) -> Iterator[str]:
    """List what the last of some groups of a file holds, each of which holds the next."""
    where, listed = f"groups.{way[-1]} in {path}", written[way[-1]]
    if way[-1] in way[:-1]:
        ring = " > ".join(f"{SIGN}{name}" for name in way[way.index(way[-1]) :])
        raise UsageError(f"{where} holds itself: {ring}; take it out")
    if not (isinstance(listed, str) or (isinstance(listed, list) and all(isinstance(one, str) for one in listed))):
        raise UsageError(f"{where} is {shown(listed)}; give a list of compositions")
    text = listed if isinstance(listed, str) else ",".join(listed)
    if not text.strip():
        raise UsageError(f"{where} is empty; give a list of compositions")
    for member in _members(text, written, where):
        name = member.removeprefix(SIGN)
        if member.startswith(SIGN) and name in written:
            yield from _flat((*way, name), written, path)
        else:
            yield member


def _members(text: str, own: Iterable[str], where: str) -> list[str]:
    """Read a list of compositions and groups; the former as records write them."""
    members = [part.strip() for part in text.split(",")]
    known = [f"{SIGN}{name}" for name in (*GROUPS, *own)]
    for member in members:
        if "+" in member and any(term.strip().startswith(SIGN) for term in member.split("+")):
            raise UsageError(
                f"{where}: {member} cannot be: a group is no part of a composition; separate it by a comma"
            )
        if member.startswith(SIGN) and ":" in member:
            raise UsageError(f"{where}: {member} cannot be: a group takes no options; give them to compositions of it")
        if member.startswith(SIGN) and member not in known:
            raise UnknownName(f"group in {where}", member, known)
    if plain := [one for one in members if not one.startswith(SIGN)]:
        # What is written twice is a slip; groups may share what they hold.
        check_no_two_are_one(parse_strategies(",".join(plain), where), where)
    return [one if one.startswith(SIGN) else canonical(one) for one in members]


def _held(member: str, own: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """List the compositions that a name of a group stands for; a composition stands for itself."""
    if not member.startswith(SIGN):
        yield member
        return
    name = member.removeprefix(SIGN)
    held = own[name] if name in own else GROUPS[name].find()
    if not held:
        raise UsageError(f"{member} holds nothing: no strategy of its kind comes with this bench")
    for one in held:
        yield from _held(one, own)
