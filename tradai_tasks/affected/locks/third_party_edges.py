"""Members that a third party loads: one that is installed and needs a member of the workspace."""

from __future__ import annotations

from tradai_tasks.affected.resolve.module_index import ModuleIndex

__all__ = ["loaded_by_others"]

_TESTS = ("test/", "tests/")


def loaded_by_others(index: ModuleIndex) -> dict[int, set[str]]:
    """Return the modules of members that third parties may load, each with who installs these.

    Which of its modules a third party loads cannot be told, but none of its tests.
    """
    users: dict[str, set[str]] = {}
    for member in index.members:
        project = "pyproject.toml" if member.path == "." else f"{member.path}/pyproject.toml"
        for name in member.behind - {member.name}:
            users.setdefault(name, set()).add(project)
    if not users:
        return {}
    found: dict[int, set[str]] = {}
    for number, path in enumerate(index.paths):
        owner = index.owners[number]
        if owner < 0 or index.members[owner].name not in users:
            continue
        home = index.members[owner].path
        inner = path if home == "." else path.removeprefix(f"{home}/")
        if not inner.startswith(_TESTS):
            found[number] = users[index.members[owner].name]
    return found
