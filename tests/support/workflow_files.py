"""Reading workflow files as GitHub does, and the form that a `run:` may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

__all__ = ["jobs", "load", "steps", "thin"]

# libyaml's reads ten times as fast; some Pythons have no wheel with it
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOX = r"(?:uv run (?:--locked )?nox|uvx nox)"
# once all is installed: nothing is fetched, built or installed
_READY = r"(?:uv run --no-sync nox -R|uvx --offline nox --script-mode reuse -R)"
_SESSION = r"[a-z][a-z-]*"
# a plain word, one in quotes that bash reads as it is, or a variable in quotes
_WORD = r"(?:(?:\.\./)?[A-Za-z0-9][A-Za-z0-9.=:,/-]*|--[a-z-]+|"
_WORD += r"\"[A-Za-z0-9.=:,/\[\]-]+\"|\"\$[A-Z_]+\")"
_THIN = re.compile(
    rf"(?:{_NOX}(?: --install-only)?|{_READY})(?P<named> -s {_SESSION})?(?: --(?: {_WORD})+)?"
)


def load(text: str) -> dict[str, Any]:
    document = yaml.load(text, _LOADER)
    # YAML 1.1 reads a bare `on` as true; GitHub does not
    document["on"] = document.pop(True)
    return dict(document)


def jobs(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from document["jobs"].items()


def steps(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs(document):
        for step in job.get("steps", ()):
            yield name, step


def thin(step: dict[str, Any]) -> bool:
    """Tell whether a step's script is one call of nox and nothing else."""
    match = _THIN.fullmatch(step["run"])
    if match is None:
        return False
    named = match["named"] is not None
    return named != bool(step.get("env", {}).get("NOXSESSION"))
