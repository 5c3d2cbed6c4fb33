"""Divide packages into sets that uv can install together, by the conflicts of a uv.lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from tradai_tasks.workspace.locks.lock_file import LockedConflict, LockedRequirement, LockFile
from tradai_tasks.workspace.locks.locked_tools import parts_reached


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallSet:
    """Packages and dependency groups that can be installed together."""

    packages: tuple[str, ...]
    groups: tuple[str, ...]
    left_out: tuple[str, ...]  # groups that the conflicts exclude with an earlier one


def install_sets(
    lock: LockFile, packages: Iterable[str], groups: Sequence[str]
) -> tuple[InstallSet, ...]:
    """Divide packages into as few sets as the lock's conflicts allow.

    A package goes with all that it needs, so two that need conflicting ones are apart as well. The
    lock repeats `tool.uv.conflicts` of every pyproject.toml. `groups` are in order of preference.
    """
    barred = [frozenset(map(_key, entries)) for entries in lock.conflicts]

    def fits(active: frozenset[str]) -> bool:
        return all(len(active & one) <= 1 for one in barred)

    found: list[tuple[tuple[str, ...], list[str], frozenset[str]]] = []
    for name in packages:
        kept: tuple[str, ...] = ()
        for group in groups:
            if fits(_active(lock, name, (*kept, group))):
                kept = (*kept, group)
        active = _active(lock, name, kept)
        for position, (with_groups, held, others) in enumerate(found):
            if with_groups == kept and fits(active | others):
                held.append(name)
                found[position] = (with_groups, held, active | others)
                break
        else:
            found.append((kept, [name], active))
    return tuple(
        InstallSet(
            packages=tuple(held),
            groups=kept,
            left_out=tuple(group for group in groups if group not in kept),
        )
        for kept, held, _ in found
    )


def _active(lock: LockFile, package: str, groups: Iterable[str]) -> frozenset[str]:
    """Return the packages, extras and groups that an installation of one package has."""
    requirements = [LockedRequirement(name=package)]
    own = []
    for group in map(canonicalize_name, groups):
        if needed := lock.required_by(package, "group", group):
            own.append(f"{package}:{group}")
            requirements += needed
    parts = parts_reached(lock, requirements)
    return frozenset(f"{name}[{extra}]" if extra else name for name, extra in parts).union(own)


def _key(one: LockedConflict) -> str:
    if one.extra is not None:
        return f"{one.package}[{canonicalize_name(one.extra)}]"
    if one.group is not None:
        return f"{one.package}:{canonicalize_name(one.group)}"
    return one.package
