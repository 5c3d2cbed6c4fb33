"""List what the settings let pass, so that no concession is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Package

_DISABLED = "--disable-error-code="  # of mypy


def concessions(
    settings: Settings, packages: Iterable[Package], *, floor: float
) -> tuple[tuple[str, str], ...]:
    """Return what is let pass, each with its setting; `floor` is the usual one, in percent."""
    return tuple(_concessions(settings, packages, floor))


def _concessions(
    settings: Settings, packages: Iterable[Package], floor: float
) -> Iterator[tuple[str, str]]:
    for package in packages:
        if not package.settings.test:
            yield f"{package.name} is not tested", f"packages.{package.name}.test = false"
        if (own := package.settings.floor) is not None and own < floor:
            what = f"coverage of {package.name} from {own:g} % up, instead of {floor:g} %"
            yield what, f"packages.{package.name}.floor = {own:g}"
    if settings.test.floor is not None and settings.test.floor < floor:
        what = f"coverage from {settings.test.floor:g} % up, instead of {floor:g} %"
        yield what, f"test.floor = {settings.test.floor:g}"
    if settings.test.require is False:
        yield "packages without tests", "test.require = false"
    if not settings.lint.format:
        yield "any format of the code", "lint.format = false"
    if settings.lint.ignore:
        yield f"findings of ruff: {', '.join(settings.lint.ignore)}", "lint.ignore"
    codes = [arg.partition("=")[2] for arg in settings.typecheck.args if arg.startswith(_DISABLED)]
    if codes:
        yield f"errors of mypy: {', '.join(codes)}", "typecheck.args"
    if settings.security.severity != "low":
        what = f"findings of bandit of less than {settings.security.severity} severity"
        yield what, f'security.severity = "{settings.security.severity}"'
    if settings.security.confidence == "high":
        yield "findings of bandit of less than high confidence", 'security.confidence = "high"'
    for advisory in settings.security.ignore:
        yield f"{advisory.id}: {advisory.reason}", "security.ignore"
    for entry in settings.security.not_audited:
        yield f"{entry.name} is not audited: {entry.reason}", "security.not-audited"
    for files in settings.unchecked:
        shown = ", ".join(files.paths[:3]) + (", ..." if len(files.paths) > 3 else "")  # noqa: PLR2004
        yield f"{shown} unchecked: {files.reason}", "unchecked"
