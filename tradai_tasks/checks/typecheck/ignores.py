"""Find the files whose errors mypy ignores by configuration or comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from typing import Any

from tradai_tasks.files.file_tree import Tree

# A comment for the whole file: `# mypy: ignore-errors`, or `# type: ignore` before any code.
_COMMENT = re.compile(
    rb"(?:\s*#[^\n]*\n)*?\s*#\s*type:\s*ignore\b(?!\[)|"
    rb"(?:.*\n)*?#\s*mypy:[^\n]*\bignore[-_]errors\b(?!\s*[=:]\s*(?i:false|no|0))"
)


def ignored_files(
    tree: Tree, modules: Mapping[str, str], settings: Mapping[str, Any] | ConfigParser | None
) -> tuple[str, ...]:
    """Return the files whose errors are ignored, by mypy's configuration or by a comment.

    `settings` are what mypy reads: `tool.mypy`, or a file in INI format.
    """
    patterns = [_regex(pattern) for pattern in _ignored_modules(settings)]
    return tuple(
        file
        for name, file in modules.items()
        if any(regex.fullmatch(name) for regex in patterns)
        or (b"ignore" in (content := tree.read(file)) and _COMMENT.match(content))
    )


def _ignored_modules(settings: Mapping[str, Any] | ConfigParser | None) -> Iterator[str]:
    """Yield the patterns of modules for which the configuration has `ignore_errors`."""
    if isinstance(settings, ConfigParser):
        for section in settings.sections():
            name, dash, modules = section.partition("-")
            if name == "mypy" and _is_on(settings[section].get("ignore_errors")):
                yield from modules.split(",") if dash else ["*"]
        return
    table: Mapping[str, Any] = settings or {}
    if _is_on(table.get("ignore_errors")):
        yield "*"
    for entry in table.get("overrides", ()):
        if isinstance(entry, Mapping) and _is_on(entry.get("ignore_errors")):
            modules = entry.get("module", ())
            yield from [modules] if isinstance(modules, str) else map(str, modules)


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() in {"true", "yes", "on", "1"}


def _regex(pattern: str) -> re.Pattern[str]:
    """Return a pattern of mypy's as a regular expression: `a.*` is `a` and all below it."""
    first, *others = pattern.strip().split(".")
    text = ".*" if first == "*" else re.escape(first)
    text += "".join(r"(\..*)?" if one == "*" else re.escape(f".{one}") for one in others)
    return re.compile(text)
