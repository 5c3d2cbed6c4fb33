"""Making all sessions of a repository."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tradai_tasks.errors import SettingsError
from tradai_tasks.sessions.aggregate import add_aggregates, command_line, refuse_posargs
from tradai_tasks.sessions.context import Context
from tradai_tasks.sessions.lock import add_lock
from tradai_tasks.sessions.perf import add_perf
from tradai_tasks.sessions.security import add_security
from tradai_tasks.sessions.services import add_services
from tradai_tasks.sessions.style import add_style
from tradai_tasks.sessions.test import add_test
from tradai_tasks.sessions.typecheck import add_typecheck
from tradai_tasks.settings_load import load_settings
from tradai_tasks.tree import DiskTree
from tradai_tasks.workspace import discover

__all__ = ["register_all"]

_ADDERS = (add_style, add_typecheck, add_test, add_security, add_lock, add_perf, add_services)


def register_all(
    noxfile: str | None,
    *,
    exclude: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Add the sessions that fit the repository.

    Args:
        noxfile: Path of the noxfile, whose folder is the workspace root; the current folder
            when None.
        exclude: Names of sessions to leave out.
        settings: A table laid over what the files say.

    Raises:
        TasksError: Settings or repository are at fault.
    """
    root = Path(noxfile).resolve().parent if noxfile else Path.cwd()
    tree = DiskTree(root)
    loaded = load_settings(tree, settings)
    workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    excluded = frozenset([exclude] if isinstance(exclude, str) else exclude)
    everything = Context(
        root=root,
        tree=tree,
        settings=loaded.settings,
        settings_file=loaded.file,
        workspace=workspace,
        exclude=excluded,
    )
    for add in _ADDERS:
        add(everything)
    add_aggregates(everything)
    _check_excluded(excluded, everything)
    refuse_posargs(*command_line(), everything.names)


def _check_excluded(excluded: frozenset[str], context: Context) -> None:
    for name in sorted(excluded - context.left_out):
        known = sorted({other.partition("(")[0] for other in context.names} | context.left_out)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        raise SettingsError(f"register(exclude=...): no session is called {name!r}; {hint}")
