"""Base class and value types of all tables of settings.

Each table has a module of its own; `settings.model.Settings` contains them all.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


def whole(pattern: str, *, max_length: int | None = None) -> Meta:
    r"""Return the constraint that a whole string matches a pattern.

    msgspec searches, and `$` would allow a final line break; `\Z` is the very end.
    """
    return Meta(pattern=rf"^{pattern}\Z", max_length=max_length)


def doc(text: str) -> Meta:
    """Return what the documentation and the schema say of a setting."""
    return Meta(description=text)


RepositoryKind = Literal["platform", "strategies"]
Level = Literal["low", "medium", "high"]
Percent = Annotated[float, Meta(ge=0, le=100)]
Name = Annotated[str, Meta(min_length=1)]
PythonVersion = Annotated[str, whole(r"3\.[0-9]{1,2}")]
ObjectPath = Annotated[str, whole(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")]
# MLflow's rule for the name of a tag
MetadataKey = Annotated[str, whole(r"[A-Za-z0-9_][A-Za-z0-9_./ -]*", max_length=250)]
Variable = Annotated[str, whole(r"[A-Za-z_][A-Za-z0-9_]*")]  # environment variables
# likewise, with * for any characters; * alone is refused, since it would allow all
VariablePattern = Annotated[str, whole(r"[A-Za-z_][A-Za-z0-9_*]*")]
Marker = Annotated[str, whole(r"[A-Za-z_]\w*")]
# https, or http on this machine; no user or password, since settings are committed
WebAddress = Annotated[
    str,
    whole(
        r"(https://[^\s@?#/\\]|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(?![^:/]))"
        r"[^\s@?#\\]*"
    ),
]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A TOML table whose keys are written with hyphens."""
