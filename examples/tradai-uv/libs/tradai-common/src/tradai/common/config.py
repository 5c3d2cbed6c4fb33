"""Settings from environment variables, into frozen dataclasses, every fault told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

__all__ = ["ConfigError", "from_env"]

T = TypeVar("T")

_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class ConfigError(ValueError):
    """One or more variables are absent or make no sense; the message has a line for each."""


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return any(d is not dataclasses.MISSING for d in (field.default, field.default_factory))


def _flag(text: str) -> bool:
    return _WORDS[text.lower()]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _flag,
    Decimal: Decimal,
    Path: Path,
    tuple[str, ...]: _words,
}


def from_env(settings: type[T], prefix: str, environ: Mapping[str, str]) -> T:
    """Build a dataclass from variables such as `PREFIX_FIELD_NAME`.

    Args:
        settings: A dataclass; a field without a default must be set.
        prefix: What the variables' names begin with, before the underscore.
        environ: Where to look, usually `os.environ`.

    Raises:
        ConfigError: Variables are absent or cannot be read.
        TypeError: The class is no dataclass, or a field is of a type that no variable can give.
    """
    if not dataclasses.is_dataclass(settings):
        raise TypeError(f"{settings.__name__} is no dataclass")
    hints = get_type_hints(settings)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(settings):
        reader = _READERS.get(hints[field.name])
        if reader is None:
            raise TypeError(f"{settings.__name__}.{field.name}: no reader for its type")
        variable = f"{prefix}_{field.name}".upper()
        text = environ.get(variable)
        if text is None:
            if not _has_default(field):
                faults.append(f"{variable} is not set")
            continue
        try:
            values[field.name] = reader(text)
        except (ValueError, KeyError, InvalidOperation):
            # The value itself may be a secret: name the variable only.
            faults.append(f"{variable} is not a valid {field.type}")
    if faults:
        raise ConfigError("\n".join(faults))
    return settings(**values)
