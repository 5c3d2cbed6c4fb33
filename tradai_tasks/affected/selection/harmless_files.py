"""Files that no session reads: those of editors, git and the forge, and documents."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.files.path_globs import GlobSet

# Read by tools that only `lint.commands` may run.
LINTED = (
    *("**/.flake8", "**/.pylintrc", "**/.isort.cfg", "**/.markdownlint*", "**/.yamllint*"),
    *("**/.codespell*", "**/.prettierrc*", "**/.prettierignore", "**/.cspell.json", "**/.yamlfmt"),
    *("**/cspell.*", "**/.pre-commit-config.yaml", "**/.editorconfig", "**/.style.yapf"),
    *("**/*typos.toml", "**/*taplo.toml", "**/.hadolint.y*ml", "**/lychee.toml"),
    *(
        "**/.lycheeignore",
        "**/pylintrc",
        "**/.pydocstyle*",
        "**/.pycodestyle",
        "**/.shellcheckrc",
        "**/.sqlfluff",
    ),
)
# Read by editors, agents, git, the forge and tools that neither a session nor a build runs. The
# setting `affected.ignore` adds to these globs; docs/affected.md lists them.
HARMLESS = (
    *("**/.vscode/**", "**/.idea/**", "**/.zed/**", "**/*.code-workspace"),
    *("**/.agents/**", "**/.claude/**", "**/.cursor/**", "**/.windsurf/**", "**/.cursorrules"),
    *("**/.gitignore", "**/.gitattributes", "**/.git-blame-ignore-revs", "**/.mailmap"),
    *("**/CODEOWNERS", "**/CITATION.cff", "**/.all-contributorsrc", ".changeset/**"),
    *("**/renovate.json*", "**/.renovaterc*"),
    *(".github/dependabot.y*ml", ".github/FUNDING.y*ml", ".github/release.y*ml", ".github/*.md"),
    *(".github/labeler.y*ml", ".github/ISSUE_TEMPLATE/**", ".github/DISCUSSION_TEMPLATE/**"),
    *(".github/PULL_REQUEST_TEMPLATE/**", ".github/instructions/**", ".github/prompts/**"),
    *(".gitlab/issue_templates/**", ".gitlab/merge_request_templates/**", ".readthedocs.y*ml"),
    *("codecov.y*ml", ".codecov.y*ml", "**/.gitkeep", ".mergify.y*ml", "REUSE.toml", ".reuse/**"),
    *("**/.devcontainer/**", ".gitpod.y*ml", "**/*.sublime-project", "**/.vim/**", "**/.project"),
    *("**/.codex/**", "**/.gemini/**", "**/.junie/**", "**/.clinerules", "**/.windsurfrules"),
    *("**/.cursorignore", "**/.aider*", ".coderabbit.y*ml", ".sourcery.y*ml", ".codeclimate.y*ml"),
    *("sonar-project.properties", ".deepsource.toml", ".snyk", ".pyup.y*ml", ".trivyignore"),
    *(".secrets.baseline", ".gitleaks.toml", ".gitlint", ".zenodo.json", "codemeta.json"),
    *("**/cliff.toml", "**/.cz.toml", "**/.bumpversion.*", ".release-please-manifest.json"),
    *("release-please-config.json", ".envrc", "*.nix", "flake.lock", *LINTED),
)
_LINTED = GlobSet(LINTED)
_GLOBS = GlobSet(HARMLESS)
_UP = re.compile(r"\A(?:\.\./)+")
_PROSE = (".adoc", ".md", ".mdx", ".rst")
_FOLDERS = frozenset({"LICENSES", "changelog.d", "docs", "newsfragments"})
_DOCUMENT = re.compile(
    r"(?:README|CHANGELOG|CHANGES|HISTORY|NEWS|LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTING|"
    r"CONTRIBUTORS|SECURITY|CODE_OF_CONDUCT|COPYRIGHT|MAINTAINERS|OWNERS|TODO)(?:[.-][\w.-]+)?",
    re.IGNORECASE,
)


def is_harmless(path: str) -> bool:
    """Tell whether a file is read by editors, git, the forge or tools of no session alone.

    `../` in front of its path does not count.
    """
    return any(_GLOBS.matching(_UP.sub("", path)))


def is_linted(path: str) -> bool:
    """Tell whether a file may be settings of a tool that only `lint.commands` runs."""
    return any(_LINTED.matching(_UP.sub("", path)))


def is_document(path: str, folder: str, kept: Iterable[str]) -> bool:
    """Tell whether a file is prose for readers: README, LICENSE, `docs/`, `*.md` and the like.

    `folder` is that of its package. Files of the import package and tests (`kept`) are not.
    """
    if is_python(path) or path.startswith(tuple(f"{one}/" for one in kept)):
        return False
    inner = path if folder == "." else path.removeprefix(f"{folder}/")
    above, _, name = inner.rpartition("/")
    is_in_docs = not _FOLDERS.isdisjoint(above.split("/"))
    return is_in_docs or name.endswith(_PROSE) or bool(_DOCUMENT.fullmatch(name))
