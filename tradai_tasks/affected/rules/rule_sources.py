"""Identify the rules that a noxfile adds by their sources, so that no cache outlives a change."""

from __future__ import annotations

import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from tradai_tasks.affected.rules.edge_rule import EdgeRule

_LIBRARY = __name__.partition(".")[0]


def sources_of(rules: Sequence[EdgeRule]) -> list[str] | None:
    """Return what identifies rules: their fields, and a digest of every source they may use.

    These are the modules of the rules, others of the same packages, and whatever else is loaded and
    is neither the standard library nor installed. None where the source of a rule cannot be had:
    what such a rule finds is not to be kept.
    """
    if not rules:
        return []
    digest = hashlib.sha256()
    try:
        files = {inspect.getfile(type(rule)) for rule in rules}
        files.update(_loaded_beside({type(rule).__module__.partition(".")[0] for rule in rules}))
        for file in sorted(files):
            digest.update(f"{file}\0".encode())
            digest.update(Path(file).read_bytes())
    except (OSError, TypeError):
        return None
    return [*(f"{rule.name} {vars(rule)!r}" for rule in rules), digest.hexdigest()]


def _loaded_beside(packages: set[str]) -> Iterator[str]:
    installed = tuple(
        f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
    for name, module in list(sys.modules.items()):
        top, file = name.partition(".")[0], getattr(module, "__file__", None) or ""
        is_own = top in packages or not file.startswith(installed)
        if file.endswith(".py") and is_own and top != _LIBRARY:
            yield file
