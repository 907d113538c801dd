"""The options of a strategy's class, and what else it says of itself before it is made."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan.train_plan import Strategy

__all__ = ["fields_of", "missing", "needs_of", "options_of", "pip_line", "rest_of"]

_EXTRAS = {"bitsandbytes": "bnb", "torchao": "torchao"}
"""Of our distribution, by the package that each brings."""


def options_of(cls: type[Strategy]) -> dict[str, tuple[Any, Any]]:
    """List the options of a strategy: type and default, by name.

    Raises:
        UsageError: a type cannot be found.

    """
    try:
        hints = get_type_hints(cls)
    except Exception as error:
        msg = (
            f"the types of the options of {cls.__name__} cannot be found: {error}; import them outside of TYPE_CHECKING"
        )
        raise UsageError(msg) from error
    return {field.name: (hints[field.name], _default(field)) for field in fields_of(cls) if not _takes_rest(field)}


def rest_of(cls: type[Strategy]) -> str | None:
    """Name the field that takes the options that are no field, as text; None where there is none."""
    return next((field.name for field in fields_of(cls) if _takes_rest(field)), None)


def needs_of(strategy: Strategy | type[Strategy]) -> tuple[str, ...]:
    """The packages that a strategy imports, as they are imported; of a class, those that it needs whatever its options."""
    needs = getattr(strategy, "needs", ())
    return needs if isinstance(needs, tuple) else ()  # of a class whose options decide it, it is a property


def missing(strategy: Strategy | type[Strategy]) -> str | None:
    """Say which packages a strategy needs that are not installed, and what installs them; None where it can run."""
    absent = [name for name in needs_of(strategy) if find_spec(name) is None]
    return f"needs {' and '.join(absent)}: {pip_line(absent)}" if absent else None


def pip_line(packages: Sequence[str]) -> str:
    """Write the command that installs packages, given as they are imported, by an extra of ours where one brings them."""
    extras, others = [name for name in packages if name in _EXTRAS], [name for name in packages if name not in _EXTRAS]
    wanted = [f"'finetune-bench[{','.join(dict.fromkeys(map(_EXTRAS.__getitem__, extras)))}]'"] if extras else []
    return f"pip install {' '.join(wanted + others)}"


def fields_of(cls: type[Strategy]) -> tuple[dataclasses.Field[Any], ...]:
    """List the fields of a strategy."""
    return dataclasses.fields(cast("Any", cls))


def _takes_rest(field: dataclasses.Field[Any]) -> bool:
    return bool(field.metadata.get("rest"))


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
