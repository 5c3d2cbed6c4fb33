"""Rank files by how many packages their changes select, and what splitting them would save.

An `__init__.py` that imports all modules of its package makes every file that imports one of them
depend on all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

_CANDIDATES = 20  # the most expensive files, for which the effect of a split is computed


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of one file costs."""

    path: str
    selects: int  # packages, apart from its own, that a change of it selects
    saved: int  # selections, over all files, that would not happen if it loaded nothing


def costs(
    users: Mapping[str, AbstractSet[str]], owner_of: Callable[[str], str | None]
) -> tuple[Cost, ...]:
    """Return the files that cost the most selections, the most expensive first."""
    loads, own = _inverted(users, owner_of)
    reach = _reach(own, loads)
    files = [path for path in reach if not path.startswith("?")]
    selects = {path: (reach[path] & ~own[path]).bit_count() for path in files}
    # a file that loads much and is loaded by many is where a split can save the most
    weights = {p: selects[p] * (1 + len(loads.get(p, ()))) for p in files if selects[p]}
    expensive = sorted(weights, key=lambda path: (-weights[path], path))
    rows = []
    for path in expensive[:_CANDIDATES]:
        without = _reach(own, {user: held for user, held in loads.items() if user != path})
        saved = sum((reach[other] & ~without[other]).bit_count() for other in files)
        rows.append(Cost(path=path, selects=selects[path], saved=saved))
    return tuple(sorted(rows, key=lambda cost: (-cost.saved, -cost.selects, cost.path)))


def packages_reached(
    users: Mapping[str, AbstractSet[str]], owner_of: Callable[[str], str | None]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return for each file the packages that a change of it selects, and its own, as bits."""
    loads, own = _inverted(users, owner_of)
    return _reach(own, loads), own


def _inverted(
    users: Mapping[str, AbstractSet[str]], owner_of: Callable[[str], str | None]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return what each file loads, and the package of each file, as a bit."""
    loads: dict[str, list[str]] = {}
    for path, found in users.items():
        for user in found:
            loads.setdefault(user, []).append(path)
    owners = {path: owner_of(path) for path in {*users, *loads}}
    names = sorted({owner for owner in owners.values() if owner is not None})
    bits = {name: 1 << number for number, name in enumerate(names)}
    return loads, {path: bits[o] if (o := owners[path]) is not None else 0 for path in owners}


def _reach(start: Mapping[str, int], loads: Mapping[str, list[str]]) -> dict[str, int]:
    """Return for each file the packages that a change of it selects, as bits."""
    reach = dict(start)
    queue = deque(loads)
    waiting = set(queue)
    while queue:
        user = queue.popleft()
        waiting.discard(user)
        mask = reach[user]
        for path in loads.get(user, ()):
            if mask & ~reach[path]:
                reach[path] |= mask
                if path in loads and path not in waiting:
                    waiting.add(path)
                    queue.append(path)
    return reach
