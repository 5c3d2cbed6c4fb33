"""The repository as sessions see it, and how a session is added to nox."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nox
from nox._option_set import Source
from nox._options import NoxConfig

from tradai_tasks.checks.pythons import python_for
from tradai_tasks.checks.testing.coverage_scope import shares
from tradai_tasks.errors import FileNotWrittenError, SettingsError
from tradai_tasks.files.atomic_write import ignore_folder
from tradai_tasks.files.file_tree import Tree
from tradai_tasks.files.path_guard import require_inside
from tradai_tasks.sessions.core.error_door import guarded
from tradai_tasks.sessions.core.fitting import Fitting
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.file_list import files_of
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.inventory import Inventory, inventory_of
from tradai_tasks.workspace.layout import Layout, layout_of

__all__ = ["Context", "in_ci"]

_DEFAULT_FLOOR = {"platform": 60.0, "strategies": 80.0}  # percent


def in_ci() -> bool:
    """Return whether this is a CI job, by the variable CI that GitHub Actions and others set."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


@dataclass(frozen=True, kw_only=True)
class Context:
    """The repository as sessions see it."""

    root: Path
    noxfile: Path
    tree: Tree
    settings: Settings
    settings_file: str
    workspace: Workspace
    exclude: frozenset[str] = frozenset()
    options: NoxConfig | None = None  # nox's options
    names: list[str] = field(default_factory=list)  # names of the added sessions, with their ids
    aliases: set[str] = field(default_factory=set)  # other names by which nox selects them
    absent: dict[str, str] = field(default_factory=dict)  # those that do not fit, and why
    left_out: set[str] = field(default_factory=set)  # names in `exclude` that matched a session
    _layouts: dict[str, Layout] = field(default_factory=dict)

    @functools.cached_property
    def pythons(self) -> tuple[str, ...]:
        """Python versions of the settings; empty if the one that runs nox is used.

        If the settings name none, it is that of `.python-version`, or one that the packages allow
        if they do not allow the one that runs nox.
        """
        python = self.settings.python
        if python is None:
            running = ".".join(map(str, sys.version_info[:3]))
            python = python_for(self.tree, self.workspace.packages, running)
        return (python,) if isinstance(python, str) else tuple(dict.fromkeys(python or ()))

    @functools.cached_property
    def _reuses(self) -> bool:
        """Whether environments are reused; `--reuse-venv=no` and `-N` turn that off."""
        options = self.options
        return (
            options is None
            or options.reuse_venv != "no"
            or options.provenance("reuse_venv") is not Source.COMMAND_LINE
        )

    @property
    def python(self) -> str | None:
        """The Python of sessions that run on one version: the first of the list."""
        return self.pythons[0] if self.pythons else None

    def layout(self, package: Package) -> Layout:
        """Return where a package keeps its code and tests."""
        if package.path not in self._layouts:
            self._layouts[package.path] = layout_of(self.tree, package, nested=self._nested)
        return self._layouts[package.path]

    @functools.cached_property
    def _nested(self) -> frozenset[str]:
        return frozenset(package.path for package in self.workspace.packages)

    @functools.cached_property
    def tested_packages(self) -> tuple[Package, ...]:
        """Packages with a test session: see `shares`."""
        return tuple(self.shares)

    @functools.cached_property
    def shares(self) -> Mapping[Package, Layout]:
        """Each package with a test session, and the code that its coverage measures."""
        layouts = {package: self.layout(package) for package in self.workspace.packages}
        return shares(self.tree, self.workspace, layouts, self.inventory, self.markers)

    @functools.cached_property
    def inventory(self) -> Inventory:
        """Every Python file: what it is, and which sessions look at it."""
        return inventory_of(
            files_of(self.tree, self._nested),
            tree=self.tree,
            workspace=self.workspace,
            layouts={package: self.layout(package) for package in self.workspace.packages},
            settings=self.settings,
        )

    @property
    def markers(self) -> tuple[str, str]:
        """Markers of tests that have a session of their own."""
        return self.settings.contract.marker, self.settings.integration.marker

    @property
    def markers_elsewhere(self) -> tuple[str, ...]:
        """Those of `markers` whose session there is: tests with another are run by `test`.

        No reading of files finds every marker: a hook or a plugin can give it.
        """
        return tuple(
            getattr(self.settings, name).marker
            for name in ("contract", "integration")
            if name not in self.absent or name in self.exclude
        )

    @functools.cached_property
    def backtested_packages(self) -> tuple[Package, ...]:
        """Strategies with backtest sessions: all, unless settings say no."""
        return tuple(
            package
            for package in self.workspace.strategies
            if for_strategy(self.settings.backtest, package.settings.backtest).enabled
        )

    @functools.cached_property
    def fitting(self) -> Fitting:
        """The traits of the repository that decide which sessions it has."""
        return Fitting(
            tree=self.tree,
            settings=self.settings,
            workspace=self.workspace,
            layouts={package: self.layout(package) for package in self.workspace.packages},
            shares=self.shares,
        )

    def floor(self, package: Package) -> float:
        """Return a package's coverage floor in percent: its own, the settings', or the kind's."""
        for floor in (package.settings.floor, self.settings.test.floor):
            if floor is not None:
                return floor
        return _DEFAULT_FLOOR[self.workspace.kind]

    def reports(self, *parts: str) -> Path:
        """Create and return a folder for a session's reports, which CI uploads.

        It is below `build/reports` and always ignored by git.
        """
        top = self.root / "build" / "reports"
        folder = top.joinpath(*parts)
        require_inside(self.root, folder / ".gitignore")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ignore_folder(top)
        except OSError as error:
            raise FileNotWrittenError(
                f"{folder}: cannot be written: {error.strerror}; sessions keep their reports there"
            ) from None
        return folder

    def add(  # noqa: PLR0913 - the parameters of a nox session
        self,
        body: Callable[..., None],
        *,
        name: str,
        doc: str,
        packages: Sequence[Package] | None = None,
        every_python: bool = False,
        isolated: bool = True,
        installs: bool = True,
        prepares: bool = False,
        default: bool = False,
        parallel: bool = True,
        requires: list[str] | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        """Add a session, or one for each package.

        Args:
            body: Called with the nox session, and with the package if `packages` are given.
            name: The session's name.
            doc: Description for `nox -l`.
            packages: Packages that get a session, `name(package)`.
            every_python: Whether it runs on each Python in the settings.
            isolated: Whether it has an environment of its own.
            installs: Whether packages are installed there, so that their `requires-python` counts.
            prepares: Whether `--install-only` has something to do although it has no environment
                of its own: its body must call `end_of_install`.
            default: Whether a bare `nox` runs it.
            parallel: Whether it may run in parallel with others under `-j`.
            requires: Sessions that run before it.
            tags: Tags to select it by.
        """
        if self._is_left_out(name) or (packages is not None and not packages):
            return
        ids = [self.workspace.session_id(one) for one in packages or ()]
        if not (isolated or prepares):
            body = _nothing_to_install(body)
        function: Any = self._session_body(body, dict(zip(ids, packages or (), strict=True)))
        function.__name__ = name
        function.__doc__ = doc
        if packages is not None:
            params = [nox.param(one, id=one, tags=[one]) for one in ids]
            function = nox.parametrize("package", params)(function)
        several = every_python and isolated and isinstance(self.settings.python, tuple)
        stated = self.python if installs or self.settings.python else None
        python = stated if isolated else False
        nox.session(
            function,
            name=name,
            python=list(self.pythons) if several else python,
            venv_backend="uv" if isolated else "none",
            reuse_venv=True if isolated and self._reuses else None,
            default=default,
            allow_parallel=parallel,
            tags=list(tags),
        )
        # nox copies a list that it is given, and reads this one after the whole noxfile
        nox.registry.get()[name]._requires = [] if requires is None else requires  # noqa: SLF001
        self.names.extend(self.names_of(name, ids, every_python=several))
        # in a parallel run nox uses this name, test-3.12(a), even if its listing does not
        for version in self.pythons if several else filter(None, [python]):
            self.aliases.update(f"{name}-{version}{end}" for end in ("", *(f"({i})" for i in ids)))

    def _session_body(
        self, body: Callable[..., None], by_id: Mapping[str, Package]
    ) -> Callable[..., None]:
        # a string, since nox writes parameters to its --report as JSON
        def session_body(session: nox.Session, package: str | None = None) -> None:
            with contextlib.chdir(self.root):  # nox runs in the noxfile's folder
                guarded(body, session, **({} if package is None else {"package": by_id[package]}))

        return session_body

    def names_of(self, name: str, ids: Sequence[str], *, every_python: bool = False) -> list[str]:
        """Return nox's names for the sessions of one name; package ids are in brackets."""
        several = every_python and isinstance(self.settings.python, tuple)
        prefixes = [f"{name}-{version}" for version in self.pythons] if several else [name]
        suffixes = [f"({one})" for one in ids] or [""]
        return [prefix + suffix for prefix in prefixes for suffix in suffixes]

    def _is_left_out(self, name: str) -> bool:
        """Return whether the noxfile excludes a session; raise if it defines the same one."""
        met = self.exclude & {name, name.partition("(")[0]}
        self.left_out.update(met)
        if not met and name in nox.registry.get():
            # nox would let the later one win, with a deprecation warning
            raise SettingsError(
                f"register(): the noxfile has a session {name!r} already; leave the library's out: "
                f"register(exclude=[{name!r}])"
            )
        return bool(met)


def _nothing_to_install(body: Callable[..., None]) -> Callable[..., None]:
    """Return a body that does nothing under `nox --install-only`."""

    def acting(session: nox.Session, **given: Any) -> None:
        end_of_install(session)
        body(session, **given)

    return acting
