"""The options of a strategy's class, and what else it says of itself before it is made."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.plan.train_plan import Strategy

__all__ = ["fields_of", "missing", "options_of", "rest_of"]

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


def missing(cls: type[Strategy]) -> str | None:
    """Say which packages a strategy needs that are not installed, and what installs them; None where it can run."""
    absent = [name for name in getattr(cls, "needs", ()) if find_spec(name) is None]
    if not absent:
        return None
    extras = ",".join(dict.fromkeys(_EXTRAS[name] for name in absent if name in _EXTRAS))
    wanted = [f"'finetune-bench[{extras}]'"] if extras else []
    return f"needs {' and '.join(absent)}: pip install {' '.join(wanted + [name for name in absent if name not in _EXTRAS])}"


def fields_of(cls: type[Strategy]) -> tuple[dataclasses.Field[Any], ...]:
    """List the fields of a strategy."""
    return dataclasses.fields(cast("Any", cls))


def _takes_rest(field: dataclasses.Field[Any]) -> bool:
    return bool(field.metadata.get("rest"))


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
