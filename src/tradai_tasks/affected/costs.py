"""Which files cost the most selections, and what would be saved if they were split.

An `__init__.py` that imports all of its package's modules makes everybody who imports one of them
depend on them all, whatever looks at the imports.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

__all__ = ["Cost", "costs"]

_CANDIDATES = 40  # of the dearest files, for which a split is worked out


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one file costs."""

    path: str
    selects: int  # packages, beside its own, that a change of it selects
    saved: int  # selections, over all files, that vanish if it loads nothing by itself


def costs(
    users: Mapping[str, AbstractSet[str]], owner_of: Callable[[str], str | None], *, most: int = 20
) -> tuple[Cost, ...]:
    """Return the files that cost the most selections, dearest first.

    Args:
        users: File -> files that load it.
        owner_of: The package that a file belongs to.
        most: How many to return.
    """
    loads: dict[str, list[str]] = {}
    for path, found in users.items():
        for user in found:
            loads.setdefault(user, []).append(path)
    owners = {path: owner_of(path) for path in {*users, *loads}}
    names = sorted({owner for owner in owners.values() if owner is not None})
    bits = {name: 1 << number for number, name in enumerate(names)}
    own = {path: bits[o] if (o := owners[path]) is not None else 0 for path in owners}
    reach = _reach(own, loads, None)
    files = [path for path in reach if not path.startswith("?")]
    selects = {path: (reach[path] & ~own[path]).bit_count() for path in files}
    # a file that loads much and is loaded by many is where a split can save the most
    weights = {p: selects[p] * (1 + len(loads.get(p, ()))) for p in files if selects[p]}
    dear = sorted(weights, key=lambda path: (-weights[path], path))
    total = sum(mask.bit_count() for path, mask in reach.items() if not path.startswith("?"))
    rows = []
    for path in dear[:_CANDIDATES]:
        saved = 0
        if loads.get(path):
            without = _reach(own, loads, path)
            saved = total - sum(without[other].bit_count() for other in files)
        rows.append(Cost(path=path, selects=selects[path], saved=saved))
    rows.sort(key=lambda cost: (-cost.saved, -cost.selects, cost.path))
    return tuple(rows[:most])


def _reach(
    own: Mapping[str, int], loads: Mapping[str, list[str]], without: str | None
) -> dict[str, int]:
    """Return for each file the packages that a change of it selects, as bits."""
    reach = dict(own)
    queue = deque(loads)
    waiting = set(queue)
    while queue:
        user = queue.popleft()
        waiting.discard(user)
        if user == without:
            continue
        mask = reach[user]
        for path in loads[user]:
            if mask & ~reach[path]:
                reach[path] |= mask
                if path in loads and path not in waiting:
                    waiting.add(path)
                    queue.append(path)
    return reach
