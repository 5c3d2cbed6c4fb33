"""The first files of a repository: noxfile, settings, justfile, workflow files."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from tradai_tasks.errors import BrokenTomlError, SettingsError
from tradai_tasks.extras import NAME, carries_pins, declarations, run_options
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.release.images.image_specs import image_contexts
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.table import Kind
from tradai_tasks.workflows.render import Values, render
from tradai_tasks.workflows.repository_traits import RepositoryTraits, gather
from tradai_tasks.workflows.selection import nox_command, workflows
from tradai_tasks.workspace.discovery import Workspace

__all__ = ["Piece", "diff_of_pieces", "local_nox", "pieces"]

_EXTRAS = {"platform": "release", "strategies": "backtest,release"}
_CODE = '''\
"""The sessions of this repository: see `nox -l`."""

import nox
import tradai_tasks

tradai_tasks.register()

if __name__ == "__main__":
    nox.main()
'''
# A release builds images from the commit, where none of this is; a build by hand needs it.
_DOCKERIGNORE = """\
# What never belongs into an image.
**/.git
**/.nox
**/.venv
**/.env
**/.env.*
**/__pycache__
**/*.py[co]
**/.*_cache
**/.coverage*
**/.DS_Store
"""
# recipes that are there only where their session is
_OPTIONAL = (
    "backtest-data", "backtest-full", "backtest-smoke", "codeartifact-login", "docs", "doctor",
    "mlflow-register", "release",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One file, and what there is to do about it."""

    path: str  # from the root
    old: str | None  # None if there is none
    new: str
    state: Literal["new", "added to", "same", "kept"]
    hint: str = ""  # what to do about a file that is kept


def pieces(  # noqa: PLR0913 - all that there is to look at
    tree: Tree,
    workspace: Workspace,
    settings: Settings,
    *,
    sessions: Collection[str],
    locks: Collection[str],
    versions: Mapping[str, str],
) -> tuple[Piece, ...]:
    """Return every file that the library works with, as it is and as it should be.

    Args:
        tree: The repository's files.
        workspace: What is in it.
        settings: Its settings, so far.
        sessions: Names of the library's sessions.
        locks: Lock files that are committed.
        versions: The versions of `nox` and `tradai-tasks` to pin where nothing else does.

    Raises:
        SettingsError: pyproject.toml is written so that no table can be added to it.
    """
    noxfile = _noxfile(tree, workspace, versions)
    kept = noxfile.old if noxfile.state == "kept" else noxfile.new
    repository = gather(
        tree, workspace, settings, sessions=sessions, noxfile=kept or "", locks=locks
    )
    made = [noxfile, *_settings(tree, workspace.kind)]
    made.append(_piece(tree, "justfile", justfile(repository)))
    made += _ignore_files(tree, image_contexts(workspace, settings.images, tree))
    for path, text in workflows(repository, settings.workflows).items():
        made.append(_piece(tree, path, text))
    return tuple(made)


def _ignore_files(tree: Tree, contexts: Collection[str]) -> list[Piece]:
    """Return a .dockerignore for each folder that images are built from and that has none."""
    files = (join(context, ".dockerignore") for context in contexts)
    return [_piece(tree, file, _DOCKERIGNORE) for file in files if not tree.is_file(file)]


def justfile(repository: RepositoryTraits) -> str:
    """Return the justfile of a repository: a recipe a session."""
    values = Values(
        text={"nox": nox_command(repository)},
        conditions={name: name in repository.sessions for name in _OPTIONAL},
        parts={},
    )
    return render(
        f"justfile-{repository.kind}",
        values,
        header="# Short names for sessions; `nox -l` lists all. NOX=nox calls another nox.\n",
    )


def diff_of_pieces(found: Collection[Piece]) -> str:
    """Return a unified diff of all that would be written."""
    lines: list[str] = []
    for piece in found:
        if piece.state != "same":
            lines += difflib.unified_diff(
                (piece.old or "").splitlines(keepends=True),
                piece.new.splitlines(keepends=True),
                "/dev/null" if piece.old is None else f"a/{piece.path}",
                f"b/{piece.path}",
            )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _read(tree: Tree, path: str) -> str | None:
    return tree.read(path).decode("utf-8", "replace") if tree.is_file(path) else None


def _piece(tree: Tree, path: str, new: str, *, hint: str = "") -> Piece:
    old = _read(tree, path)
    state: Literal["new", "same", "kept"] = "new"
    if old is not None:
        state = "same" if old == new else "kept"
    return Piece(path=path, old=old, new=new, state=state, hint=hint if state == "kept" else "")


def _noxfile(tree: Tree, workspace: Workspace, versions: Mapping[str, str]) -> Piece:
    """Return the noxfile; with its own pins unless the project declares the library."""
    new = _CODE
    if not declarations(workspace.root_document):
        pins = f'"nox[uv]=={versions["nox"]}", '
        pins += f'"{NAME}[{_EXTRAS[workspace.kind]}]=={versions[NAME]}"'
        new = f"# /// script\n# dependencies = [{pins}]\n# ///\n{_CODE}"
    old = _read(tree, "noxfile.py")
    if old is not None and "tradai_tasks" in old:
        return Piece(path="noxfile.py", old=old, new=old, state="same")
    return _piece(
        tree,
        "noxfile.py",
        new,
        hint="; ".join(
            ["add to it: import tradai_tasks; tradai_tasks.register()", *_declaring(old, workspace)]
        ),
    )


def _declaring(noxfile: str | None, workspace: Workspace) -> list[str]:
    """Return the command that declares the library, where nothing does so yet."""
    document = workspace.root_document
    if not document or declarations(document) or carries_pins(noxfile or ""):
        return []
    return [f'add the library to the project: uv add --dev "{NAME}[{_EXTRAS[workspace.kind]}]"']


def local_nox(noxfile: str, workspace: Workspace) -> str:
    """Return how nox is called in a checkout of this repository, by how it has the library."""
    document = workspace.root_document
    if carries_pins(noxfile):
        return "uvx nox"
    if not declarations(document):
        return f'uvx --with "{NAME}[{_EXTRAS[workspace.kind]}]" nox'
    return " ".join(["uv run", *run_options(document), "nox"])


def _settings(tree: Tree, kind: Kind) -> list[Piece]:
    """Return the settings table, where there is none yet."""
    table = f'kind = "{kind}"\n'
    if not tree.is_file("pyproject.toml"):
        made = _piece(tree, "tradai-tasks.toml", table)
        # settings that are there are the user's, whatever they say
        return [made] if made.old is None else []
    text = tree.read("pyproject.toml").decode("utf-8")
    if NAME in parse_toml(text.encode(), "pyproject.toml").get("tool", {}):
        return []
    end = "\r\n" if "\r\n" in text else "\n"
    new = text.rstrip() + f"\n\n[tool.{NAME}]\n{table}".replace("\n", end)
    _make_sure_it_is_toml(new)
    return [Piece(path="pyproject.toml", old=text, new=new, state="added to")]


def _make_sure_it_is_toml(text: str) -> None:
    try:
        parse_toml(text.encode(), "pyproject.toml")
    except BrokenTomlError:
        raise SettingsError(
            f"pyproject.toml: [tool.{NAME}] cannot be added, since `tool` is a table in one line; "
            f"write its entries as [tool.NAME]; nothing was written"
        ) from None
