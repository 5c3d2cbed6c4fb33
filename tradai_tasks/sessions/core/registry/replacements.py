"""Sessions that the noxfile puts in place of the library's: `register(exclude=[...])`.

The noxfile may define them after `register()`, so they are looked up when they are needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import nox.registry

from tradai_tasks.repository import base_of
from tradai_tasks.sessions.core.context import Context

NOT_REPLACED = (
    "register(exclude=...) leaves it out, and the noxfile has no session of that name in its place"
)
_VALUE = re.compile(r"""(?:\w+=)?(['"]?)(?P<value>.*)\1\Z""")


class LateNames(list[str]):
    """A list of session names that is computed whenever it is read."""

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._names = names

    def __iter__(self) -> Iterator[str]:
        """Return the names as of now."""
        return iter(self._names())


def own_names(context: Context, base: str) -> tuple[str, ...]:
    """Return nox's names of the noxfile's session in place of one that is left out."""
    function = nox.registry.get().get(base) if base in context.exclude else None
    if function is None:
        return ()
    pythons = function.python if isinstance(function.python, (list, tuple, set)) else None
    stems = [base] if pythons is None else [f"{base}-{python}" for python in pythons]
    params = getattr(function, "parametrize", None)
    ends = [""] if params is None else [f"({param})" for param in params]
    return tuple(stem + end for stem in stems for end in ends)


def known_names(context: Context) -> frozenset[str]:
    """Return the names of all sessions of the noxfile, with those it defines itself."""
    own = {base: own_names(context, base) for base in context.exclude}
    return frozenset(context.names).union(
        (base for base, names in own.items() if names),  # nox runs all of them by this name
        *own.values(),
    )


def sessions_of(context: Context, base: str, one: str | None = None) -> tuple[str, ...]:
    """Return the sessions of a name, the library's or the noxfile's in their place.

    `base` is the name without Python and package. With `one`, the id of a package, only its
    sessions are; a session of the noxfile without packages is that of every package.
    """
    ours = [name for name in context.names if base_of(name) == base]
    names = tuple(ours) or own_names(context, base)
    if one is None:
        return names
    workspace = context.repository.workspace
    if not ours:
        ids = {workspace.session_id(package) for package in workspace.packages}
        if not any(_values(name) & ids for name in names):
            return names
    return tuple(name for name in names if one in _values(name))


def _values(name: str) -> set[str]:
    """Return the parameters in the brackets of a session's name."""
    _, bracket, inner = name.partition("(")
    words = inner.removesuffix(")").split(", ") if bracket else []
    return {found["value"] for word in words if (found := _VALUE.match(word))}


def unreplaced(context: Context, bases: Iterable[str]) -> tuple[str, ...]:
    """Return the sessions that the noxfile leaves out and puts nothing in place of."""
    return tuple(
        base for base in bases if base in context.left_out and not own_names(context, base)
    )
