"""The members of a workspace as the import graph sees them."""

from __future__ import annotations

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python project of the workspace, as far as imports are concerned."""

    name: str  # PEP 503-normalised
    path: str  # its folder, POSIX from the workspace root; "." for the root itself
    source_roots: tuple[str, ...]  # folders that are on sys.path for it, from the workspace root
    closure: frozenset[str]  # members reachable from it in uv.lock (all extras and groups), and it
    entry_points: tuple[tuple[str, str], ...] = ()  # (group, "module:attribute") it declares
    scripts: tuple[tuple[str, str], ...] = ()  # (command, "module:attribute") it installs
    # member that it reaches through a locked third-party dependency -> that dependency
    third_party_members: dict[str, str] = {}

    @property
    def home(self) -> str:
        """Its folder; "" for the root."""
        return "" if self.path == "." else self.path

    @property
    def project_file(self) -> str:
        """The path of its pyproject.toml, which stands for it in the graph."""
        return f"{self.home}/pyproject.toml" if self.home else "pyproject.toml"

    @property
    def is_project(self) -> bool:
        """Whether it is told what is installed with it; a unit's closure is what it may import."""
        return not self.name.startswith(("services:", "lambdas:", "stacks:"))
