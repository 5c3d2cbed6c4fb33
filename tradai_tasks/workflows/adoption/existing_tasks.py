"""What a repository runs by other means, and which of it no session does."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from tradai_tasks.extras import NAME
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.text import listed
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.inventory import Inventory
from tradai_tasks.workspace.project_hints import unread_dependencies

_HOOKS = ".pre-commit-config.yaml"
_HOOK = re.compile(r"^\s*(?:-\s+)?id:\s*['\"]?([\w.-]+)", re.MULTILINE)
# hooks that do what sessions do
_COVERED_HOOK = re.compile(
    r"(?:legacy-)?(?:ruff|ruff-check|ruff-format|mypy|pyright|basedpyright|ty|pyrefly|bandit|"
    r"uv-lock|pip-audit|check-(?:ast|toml))\Z"
)
_TARGETS = {
    "Makefile": re.compile(r"^([A-Za-z][\w-]*)\s*:(?![=:])", re.MULTILINE),
    "justfile": re.compile(r"^@?([A-Za-z][\w-]*)(?:[ \t][^:\n]*)?:(?!=)", re.MULTILINE),
    "tox.ini": re.compile(r"^\[testenv:([\w.-]+)\]", re.MULTILINE),
}
# targets whose work is a session's, or that do nothing of their own
_COVERED = re.compile(
    r"(?:all|audit|build|bump|check|ci|clean|coverage|cov|default|dev|fix|fmt|format|help|init|"
    r"install|lint|list|lock|mypy|publish|pyright|py\d+|release|ruff|run|security|setup|sync|"
    r"tests?|typecheck|types|type|typing|unit|update|upgrade|venv)(?:[-_]\w+)?\Z"
)


def own_sessions(noxfile: str) -> tuple[str, ...]:
    """Return the names of the sessions that a noxfile defines, as far as its text shows them."""
    try:
        tree = ast.parse(noxfile)
    except SyntaxError:
        return ()
    found = []
    for node in ast.walk(tree):
        for one in getattr(node, "decorator_list", ()):
            call = one.func if isinstance(one, ast.Call) else one
            if ast.unparse(call) not in {"nox.session", "session", "nox_uv.session"}:
                continue
            keywords = {key.arg: key.value for key in getattr(one, "keywords", ())}
            name = keywords.get("name")
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.append(name.value)
            elif isinstance(node, ast.FunctionDef):
                found.append(node.name)
    return tuple(dict.fromkeys(found))


def registering(noxfile: str, sessions: Collection[str]) -> str:
    """Return the line for a noxfile of one's own, leaving out what it has by the same names."""
    met = sorted({*own_sessions(noxfile)} & {*sessions})
    given = f"exclude={met!r}" if met else ""
    return f"import tradai_tasks; tradai_tasks.register({given})"


def notes(
    tree: Tree, workspace: Workspace, inventory: Inventory, sessions: Collection[str]
) -> Iterator[str]:
    """Yield a line on each thing that is there and that no session looks at."""
    for path, document in sorted(
        {".": workspace.root_document, **{p.path: p.document for p in workspace.packages}}.items()
    ):
        yield from unread_dependencies(document, join(path, "pyproject.toml"))
    projects = [file.area.path for file in inventory.files if file.area.noun == "project"]
    if projects:
        yield (
            f"beside the {'workspace' if workspace.is_uv_workspace else 'members'}, and not "
            f"checked: {listed(list(dict.fromkeys(projects)))}; list them in "
            f"tool.uv.workspace.members, or in the setting `members`"
        )
    hooks = _HOOK.findall(_text(tree, _HOOKS))
    if left := [hook for hook in dict.fromkeys(hooks) if not _COVERED_HOOK.match(hook)]:
        yield (
            f"{_HOOKS}: no session runs {listed(left)}; `lint` does with this line under "
            f"[tool.{NAME}.lint]: "
            f'commands = [["uvx", "pre-commit", "run", "--all-files"]]'
        )
    for file, names in _targets(tree):
        if left := [n for n in names if n not in sessions and not _COVERED.match(n)]:
            yield f"{file}: not done by any session: {listed(left)}"


def _targets(tree: Tree) -> Iterator[tuple[str, list[str]]]:
    """Yield the files of other runners, with the names of their targets."""
    for name in tree.files("."):
        kind = "justfile" if name.lower() in {"justfile", ".justfile"} else name
        if kind in _TARGETS:
            yield name, list(dict.fromkeys(_TARGETS[kind].findall(_text(tree, name))))
    if tree.is_file("pyproject.toml"):
        tool = parse_toml(tree.read("pyproject.toml"), "pyproject.toml").get("tool", {})
        if isinstance(tasks := tool.get("poe", {}).get("tasks"), dict):
            yield "pyproject.toml, [tool.poe.tasks]", [*tasks]
        if isinstance(envs := tool.get("tox", {}).get("env"), dict):
            yield "pyproject.toml, [tool.tox.env]", [*envs]


def _text(tree: Tree, path: str) -> str:
    return tree.read(path).decode("utf-8", "replace") if tree.is_file(path) else ""
