"""Imports of what a package does not declare, and where these can work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.reachability import reached
from tradai_tasks.affected.rules.path_facts import SOURCES


class _Named(NamedTuple):
    """What is named though it is no dependency, by the member that names it.

    A file that belongs to no member stands for itself.
    """

    in_any_way: Mapping[str, AbstractSet[str]]
    by_path: Mapping[str, AbstractSet[str]]  # not by an import


class UndeclaredImports:
    """The edges of a graph that are imports which the importing member does not declare."""

    def __init__(
        self,
        members: Mapping[str, Member],
        users: Mapping[str, frozenset[str]],
        undeclared: Mapping[str, tuple[str, ...]],
        owner_of: Callable[[str], str | None],
    ) -> None:
        self._members = members
        self._users = users
        self._undeclared = undeclared
        self._owner_of = owner_of

    @cached_property
    def edges(self) -> frozenset[tuple[str, str]]:
        """Pairs of a file and of one that imports it."""
        importers = frozenset(self._undeclared)
        return frozenset(
            (target, user)
            for target, users in self._users.items()
            if is_python(target)
            for user in users & importers
            if self._is_undeclared(target, user)
        )

    def _is_undeclared(self, target: str, user: str) -> bool:
        parts = target.removesuffix(".pyi").removesuffix(".py").split("/")
        tops = {name.partition(".")[0] for name in self._undeclared[user]}
        member = self._members.get(self._owner_of(user) or "")
        needed = self._owner_of(target)
        return (
            member is not None
            and needed is not None
            and needed not in member.closure
            and not tops.isdisjoint(parts)
        )

    def failing_for(self, name: str) -> frozenset[tuple[str, str]]:
        """Return the edges that lead nowhere in the environment of a member's tests.

        Installed there, beside what the lock says, is taken to be what the member's own files name,
        and what code that is installed names by its path or by a folder around it.
        """
        member = self._members.get(name)
        if member is None or member.installed is None:
            return frozenset()
        by_path = self._named.by_path

        def closure(one: str) -> AbstractSet[str]:
            return self._members[one].closure if one in self._members else {one}

        def named_by(one: str) -> Iterable[str]:
            return (named for other in closure(one) for named in by_path.get(other, ()))

        start = {named for one in member.installed for named in by_path.get(one, ())}
        more = reached(start.union(self._named.in_any_way.get(name, ())), named_by)
        found = member.installed.union(*map(closure, more))
        return frozenset(
            (target, user)
            for target, user in self.edges
            if self._owner_of(target) not in found and self._owner_of(user) != name
        )

    @cached_property
    def _named(self) -> _Named:
        in_any_way: dict[str, set[str]] = {}
        by_path: dict[str, set[str]] = {}
        for target, users in self._users.items():
            needed = self._members_at(target)
            for user in users:
                owner = self._owner_of(user) or user
                others = needed - self._members[owner].closure if owner in self._members else needed
                if others:
                    in_any_way.setdefault(owner, set()).update(others)
                    if (target, user) not in self.edges:
                        by_path.setdefault(owner, set()).update(others)
        return _Named(in_any_way, by_path)

    def _members_at(self, target: str) -> frozenset[str]:
        """Return the members that a path leads to, or the path itself if it is in none."""
        folder = target.removesuffix(SOURCES)
        below = {
            name
            for name, member in self._members.items()
            if folder.endswith("/") and member.path.startswith(folder)
        }
        return frozenset({self._owner_of(target) or target, *below})
