"""The first files of a repository: noxfile, settings, justfile, workflow files."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from tradai_tasks.errors import BrokenTomlError, SettingsError
from tradai_tasks.extras import NAME, carries_pins, declarations, run_options
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.release.images.image_specs import image_contexts
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.workflows.adoption.conceded_settings import Adoption, Conceded, adoption_tables
from tradai_tasks.workflows.adoption.existing_tasks import registering
from tradai_tasks.workflows.checkout import Checkout
from tradai_tasks.workflows.drift import FileTexts, plan
from tradai_tasks.workflows.render import Values, render
from tradai_tasks.workflows.repository_traits import RepositoryTraits, gather
from tradai_tasks.workflows.selection import nox_command, workflows
from tradai_tasks.workspace.discovery import Workspace

_OWN = "yours stays in place of ours"
_EXTRAS = {"platform": "release", "strategies": "backtest,release"}
_CODE = '''\
"""The sessions of this repository: see `nox -l`."""

import nox
import tradai_tasks

tradai_tasks.register()

if __name__ == "__main__":
    nox.main()
'''
# Needed for builds by hand; a release builds from the commit, which has none of these files.
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
# recipes that exist only if their session does
_OPTIONAL = (
    "backtest-data", "backtest-full", "backtest-smoke", "codeartifact-login", "docs", "doctor",
    "mlflow-register", "release",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece(FileTexts):
    """One file, and what to do about it."""

    new: str
    state: Literal["new", "added to", "same", "kept"]
    hint: str = ""  # a hint on a file that is kept


def pieces(  # noqa: PLR0913 - everything to look at
    tree: Tree,
    workspace: Workspace,
    settings: Settings,
    *,
    sessions: Collection[str],
    locks: Collection[str],
    versions: Mapping[str, str],
    checkout: Checkout,
    force: bool = False,
    adopted: Adoption | None = None,
) -> tuple[Piece, ...]:
    """Return every file that the library works with, with its present and wanted text, by path.

    Args:
        settings: Its present settings.
        sessions: Names of the library's sessions.
        locks: Lock files that are committed.
        versions: The versions of `nox` and `tradai-tasks` to pin if nothing else does.
        force: Whether ours take the place of workflows of the user.
        adopted: What its checks came to as it is, for settings under which they are green.

    Raises:
        SettingsError: pyproject.toml has a form to which no table can be added.
    """
    present, folder = checkout.files, checkout.folder
    conceded = adopted.conceded if adopted else None
    noxfile = noxfile_piece(tree, workspace, versions, conceded, sessions)
    kept = noxfile.old if noxfile.state == "kept" else noxfile.new

    def wanted(given: Mapping[str, Any]) -> tuple[RepositoryTraits, dict[str, str]]:
        asked = msgspec.structs.replace(settings.workflows, **given)
        traits = gather(
            tree,
            workspace,
            msgspec.structs.replace(settings, workflows=asked),
            sessions=sessions,
            noxfile=kept or "",
            locks=locks,
            present=present,
            folder=folder,
        )
        return traits, workflows(traits, asked)

    is_other = checkout.branch not in {None, settings.workflows.branch}
    chosen: dict[str, Any] = {"branch": checkout.branch} if is_other else {}
    repository, files = wanted(chosen)
    foreign = [one for one in plan(files, present, folder) if one.state == "foreign" and not force]
    if foreign:  # those of the user stay, and ours are not written beside them
        names = (posixpath.basename(one.path) for one in foreign)
        chosen["exclude"] = (*settings.workflows.exclude, *names)
        repository, files = wanted(chosen)
    made = [noxfile, *_settings(tree, workspace.kind, chosen, adopted)]
    made += _justfile(tree, repository) + _gitignore(tree, checkout.unignored)
    made += _ignore_files(tree, image_contexts(workspace, settings.images, tree))
    made = [replace(one, path=f"{folder}{one.path}") for one in made]
    for path, text in files.items():
        made.append(_piece_of(present.get(path), path, text))
    made += [
        _piece_of(present[one.twin or one.path], one.twin or one.path, str(one.new), hint=_OWN)
        for one in foreign
    ]
    return tuple(made)


def _gitignore(tree: Tree, unignored: Collection[str]) -> list[Piece]:
    """Return the .gitignore with what is missing from it, if anything is."""
    if not unignored:
        return []
    lines = "".join(f"{one}\n" for one in unignored)
    old = _read(tree, ".gitignore")
    if old is None:
        return [Piece(path=".gitignore", old=None, new=lines, state="new")]
    end = "" if old.endswith("\n") or not old else "\n"
    return [Piece(path=".gitignore", old=old, new=f"{old}{end}{lines}", state="added to")]


def _justfile(tree: Tree, repository: RepositoryTraits) -> list[Piece]:
    """Return the justfile, unless there is one by another of the names that just looks for."""
    own = [name for name in tree.files(".") if name.lower() in {"justfile", ".justfile"}]
    path = next(iter(sorted(own)), "justfile")
    return [_piece(tree, path, justfile(repository))]


def _ignore_files(tree: Tree, contexts: Collection[str]) -> list[Piece]:
    """Return a .dockerignore for each build context of images that has none."""
    files = (join(context, ".dockerignore") for context in contexts)
    return [_piece(tree, file, _DOCKERIGNORE) for file in files if not tree.is_file(file)]


def justfile(repository: RepositoryTraits) -> str:
    """Return the justfile of a repository, with a recipe for each session."""
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


def _read(tree: Tree, path: str) -> str | None:
    return tree.read(path).decode("utf-8", "replace") if tree.is_file(path) else None


def _piece(tree: Tree, path: str, new: str, *, hint: str = "") -> Piece:
    return _piece_of(_read(tree, path), path, new, hint=hint)


def _piece_of(old: str | None, path: str, new: str, *, hint: str = "") -> Piece:
    state: Literal["new", "same", "kept"] = "new"
    if old is not None:
        state = "same" if old == new else "kept"
    return Piece(path=path, old=old, new=new, state=state, hint=hint if state == "kept" else "")


def noxfile_piece(
    tree: Tree,
    workspace: Workspace,
    versions: Mapping[str, str],
    conceded: Conceded | None = None,
    sessions: Collection[str] = (),
) -> Piece:
    """Return the noxfile; it pins its own requirements unless the project declares the library."""
    comments = conceded.noxfile if conceded is not None else ()
    new = "".join(f"{line}\n" for line in comments) + _CODE
    if not declarations(workspace.root_document):
        pins = f'"nox[uv]=={versions["nox"]}", '
        pins += f'"{NAME}[{_EXTRAS[workspace.kind]}]=={versions[NAME]}"'
        new = f"# /// script\n# dependencies = [{pins}]\n# ///\n{new}"
    old = _read(tree, "noxfile.py")
    if old is not None and "tradai_tasks" in old:
        return Piece(path="noxfile.py", old=old, new=old, state="same")
    return _piece(
        tree,
        "noxfile.py",
        new,
        hint="; ".join(
            [f"add to it: {registering(old or '', sessions)}", *_declaring(old, workspace)]
        ),
    )


def _declaring(noxfile: str | None, workspace: Workspace) -> list[str]:
    """Return the command that adds the library to the project, if it is not declared yet."""
    document = workspace.root_document
    if not document or declarations(document) or carries_pins(noxfile or ""):
        return []
    return [f'add the library to the project: uv add --dev "{NAME}[{_EXTRAS[workspace.kind]}]"']


def local_nox(noxfile: str, workspace: Workspace) -> str:
    """Return the command for nox in a checkout, depending on how the library is declared."""
    document = workspace.root_document
    if carries_pins(noxfile):
        return "uvx nox"
    if not declarations(document):
        return f'uvx --with "{NAME}[{_EXTRAS[workspace.kind]}]" nox'
    return " ".join(["uv run", *run_options(document), "nox"])


def has_settings(tree: Tree) -> bool:
    """Return whether a repository has settings of its own, besides those that say where it is."""
    return bool((present_settings(tree)[1] or {}).keys() - {"members"})


def present_settings(tree: Tree) -> tuple[str, dict[str, Any] | None]:
    """Return the file for settings, and those that are there."""
    if not tree.is_file("pyproject.toml"):
        file = "tradai-tasks.toml"
        return file, parse_toml(tree.read(file), file) if tree.is_file(file) else None
    file = "pyproject.toml"
    found: dict[str, Any] | None = parse_toml(tree.read(file), file).get("tool", {}).get(NAME)
    return file, found


def opened_settings(tree: Tree, kind: RepositoryKind) -> tuple[str, str, list[str]]:
    """Return the file for settings, what names of tables begin with, and what it begins with."""
    file, present = present_settings(tree)
    prefix = f"tool.{NAME}." if file == "pyproject.toml" else ""
    head = f"[tool.{NAME}]\n" if prefix else ""
    return file, prefix, [f'{head}kind = "{kind}"\n'] if present is None else []


def _settings(
    tree: Tree, kind: RepositoryKind, chosen: Mapping[str, Any], adopted: Adoption | None
) -> list[Piece]:
    """Return the settings file with the tables that are missing, if any is."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in chosen.items()]
    file, prefix, parts = opened_settings(tree, kind)
    old = _read(tree, file)
    parts += adoption_tables(adopted, prefix) if adopted else []
    own = (present_settings(tree)[1] or {}).get("workflows")
    if lines and own is None:
        parts.append(f"[{prefix}workflows]\n" + "\n".join(lines) + "\n")
    elif lines:  # a table of the user's is not rewritten
        hint = f"set in its table `workflows`: {'; '.join(lines)}"
        return [Piece(path=file, old=old, new=old or "", state="kept", hint=hint)]
    if not parts:
        return []
    new = with_tables(old, parts, file)
    return [Piece(path=file, old=old, new=new, state="new" if old is None else "added to")]


def with_tables(old: str | None, parts: Collection[str], file: str) -> str:
    """Return a settings file's text with further tables; raise SettingsError if it takes none."""
    if old is None:
        return "\n".join(parts)
    end = "\r\n" if "\r\n" in old else "\n"
    new = old.rstrip() + ("\n\n" + "\n".join(parts)).replace("\n", end)
    try:
        parse_toml(new.encode(), file)
    except BrokenTomlError:
        raise SettingsError(
            f"{file}: [tool.{NAME}] cannot be added, since `tool` is a table in one line; "
            f"write its entries as [tool.NAME]; nothing was written"
        ) from None
    return new
