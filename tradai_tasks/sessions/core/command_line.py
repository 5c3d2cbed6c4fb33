"""Check nox's command line for unknown sessions and for arguments to aggregates."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.repository import base_of
from tradai_tasks.sessions.core.registry.catalog import AGGREGATES
from tradai_tasks.sessions.core.registry.session_registry import SessionRegistry
from tradai_tasks.workspace.discovery import Package, unknown_package

_ONE = re.compile(r"^(?P<base>[^()]+)\((?P<id>[^()]+)\)\Z")


def check_command_line(registry: SessionRegistry) -> None:
    """Check nox's command line before any session runs.

    Raises:
        BadArgumentsError: It selects a package's session that does not exist, or gives arguments
            after `--` to an aggregate.
    """
    options = registry.options
    if options is None:
        return
    # with `--python`, sessions get names that only nox knows
    further = options.extra_pythons or options.force_pythons
    for word in map(str.strip, options.sessions or ()):
        if word not in registry.names and word not in registry.aliases:
            _check_known(registry, word, any_python=bool(further))
    # nox passes arguments after `--` to every session, and runs those that an aggregate requires
    # first, so the aggregate itself would refuse too late
    for word in options.sessions or () if options.posargs else ():
        if base_of(word) in AGGREGATES and {word, base_of(word)} & {*registry.names}:
            raise BadArgumentsError(refusal(word))


def _check_known(registry: SessionRegistry, word: str, *, any_python: bool) -> None:
    """Raise if a package has no such session; other unknown names are left to nox."""
    match = _ONE.match(word)
    bases = {base_of(name) for name in registry.names if "(" in name}
    if match is None or base_of(word) not in bases:
        return
    base, wanted = base_of(word), match["id"]
    there = [name for name in registry.names if base_of(name) == base]
    if near := [name for name in there if name.endswith(f"({wanted})")]:
        if any_python:
            return
        raise BadArgumentsError(f"{word}: no such session; there is {', '.join(near)}")
    workspace = registry.repository.workspace
    known = {workspace.session_id(package): package for package in workspace.packages}
    package = known.get(wanted) or known.get(canonicalize_name(wanted))
    if package is None:
        ids = [name.partition("(")[2][:-1] for name in there]
        raise BadArgumentsError(f"{word}: {unknown_package(wanted, dict.fromkeys(ids))}")
    name = workspace.session_id(package)
    if name != wanted:
        raise BadArgumentsError(f"{word}: no such session; write it {base}({name})")
    if base == "perf" and registry.repository.layout(package).tests:
        raise BadArgumentsError(
            f"{word}: no such session; no test of {package.name} takes the `benchmark` fixture"
        )
    raise BadArgumentsError(f"{word}: no such session; {_why(registry, package)}")


def _why(registry: SessionRegistry, package: Package) -> str:
    if not package.settings.test:
        return f"settings say that {package.name} has no tests"
    if not registry.repository.layout(package).tests:
        root = next((other for other in registry.repository.shares if other.path == "."), None)
        if root is not None and registry.repository.layout(package).has_code:
            return f"{package.name} has no tests of its own, it is tested by test({root.name})"
        return f"{package.name} has no tests"
    return f"all tests of {package.name} have sessions of their own: contract, integration"


def refusal(name: str) -> str:
    """Return the error for arguments to an aggregate."""
    return (
        f"{name}: takes no arguments after `--`, since nox would hand them to every session it "
        f'requires; give them to one, such as: nox -s "test(PACKAGE)" -- -k NAME'
    )
