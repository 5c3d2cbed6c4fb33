"""Add sessions to nox, and remember their names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import nox
from nox._option_set import Source
from nox._options import NoxConfig

from tradai_tasks.errors import SettingsError
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.error_door import guarded
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.sessions.core.parallel.parallel_output import folded
from tradai_tasks.sessions.core.registry.catalog import Environment
from tradai_tasks.workspace.discovery import Package


class SessionRegistry(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions that one `register()` adds to nox."""

    repository: Repository
    noxfile: Path
    options: NoxConfig | None  # nox's options; None if nox is not running
    exclude: frozenset[str]  # names of sessions to leave out
    names: list[str] = []  # names of the added sessions, with their ids
    aliases: set[str] = set()  # other names by which nox selects them
    absent: dict[str, str] = {}  # those that do not fit, and why
    left_out: set[str] = set()  # names in `exclude` that matched a session
    clashes: set[str] = set()  # names of sessions that the noxfile has defined itself
    edge_rules: tuple[Any, ...] = ()  # rules of affected selection that the noxfile adds

    def context(self) -> Context:
        """Return what the body of a session is given, once all sessions were added."""
        return Context(
            repository=self.repository,
            noxfile=self.noxfile,
            names=tuple(self.names),
            exclude=self.exclude,
            left_out=frozenset(self.left_out),
            edge_rules=self.edge_rules,
        )

    def add(  # noqa: PLR0913 - the parameters of a nox session
        self,
        body: Callable[..., None],
        *,
        name: str,
        doc: str,
        packages: Sequence[Package] | None = None,
        every_python: bool = False,
        environment: Environment = "none",
        default: bool = False,
        parallel: bool = True,
        requires: list[str] | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        """Add a session, or one for each package.

        Args:
            body: Called with the nox session, and with the package if `packages` are given.
            doc: Description for `nox -l`.
            every_python: Whether it runs on each Python in the settings.
            default: Whether a bare `nox` runs it.
            parallel: Whether it may run in parallel with others under `-j`.
            requires: Sessions that run before it.
        """
        if self._is_left_out(name):
            return
        repository = self.repository
        by_id = {repository.workspace.session_id(one): one for one in packages or ()}
        if environment == "none":
            body = _nothing_to_install(body)
        function: Any = self._session_body(body, by_id, is_folded=environment != "none")
        function.__name__ = name
        function.__doc__ = doc
        if packages is not None:
            params = [nox.param(one, id=one, tags=[one]) for one in by_id]
            function = nox.parametrize("package", params)(function)
        is_isolated = environment in {"packages", "tools"}
        several = every_python and is_isolated and repository.has_several_pythons
        stated = repository.python
        if environment == "tools" and not repository.settings.python:
            stated = None  # what the packages require does not count for tools
        python = stated if is_isolated else False
        nox.session(
            function,
            name=name,
            python=list(repository.pythons) if several else python,
            venv_backend="uv" if is_isolated else "none",
            reuse_venv=True if is_isolated and self._reuses() else None,
            default=default,
            allow_parallel=parallel,
            tags=list(tags),
        )
        # nox copies a list that it is given, and reads this one after the whole noxfile
        nox.registry.get()[name]._requires = [] if requires is None else requires  # noqa: SLF001
        self.names.extend(repository.session_names(name, packages, every_python=several))
        # in a parallel run nox uses this name, test-3.12(a), even if its listing does not
        for version in repository.pythons if several else filter(None, [python]):
            self.aliases.update(
                f"{name}-{version}{end}" for end in ("", *(f"({i})" for i in by_id))
            )

    def _session_body(
        self, body: Callable[..., None], by_id: Mapping[str, Package], *, is_folded: bool
    ) -> Callable[..., None]:
        # a string, since nox writes parameters to its --report as JSON
        def session_body(session: nox.Session, package: str | None = None) -> None:
            # what a session that needs no environment prints may be read by a program
            fold = folded(session) if is_folded else contextlib.nullcontext()
            with contextlib.chdir(self.repository.root), fold:  # nox runs in the noxfile's folder
                guarded(body, session, **({} if package is None else {"package": by_id[package]}))

        return session_body

    def _is_left_out(self, name: str) -> bool:
        """Return whether a session is not added: it is excluded, or the noxfile has it already."""
        met = self.exclude & {name, name.partition("(")[0]}
        self.left_out.update(met)
        if not met and name in nox.registry.get():
            self.clashes.add(name)
            return True
        return bool(met)

    def check_clashes(self) -> None:
        """Raise SettingsError for names that the noxfile has defined itself."""
        if self.clashes:
            shown = ", ".join(map(repr, sorted(self.clashes)))
            what = f"sessions {shown}" if len(self.clashes) > 1 else f"a session {shown}"
            raise SettingsError(
                f"register(): the noxfile has {what} already; leave the library's out: "
                f"register(exclude={sorted(self.clashes | self.exclude)!r})"
            )

    def _reuses(self) -> bool:
        """Return whether environments are reused; `--reuse-venv=no` and `-N` turn that off."""
        options = self.options
        return (
            options is None
            or options.reuse_venv != "no"
            or options.provenance("reuse_venv") is not Source.COMMAND_LINE
        )


def _nothing_to_install(body: Callable[..., None]) -> Callable[..., None]:
    """Return a body that does nothing under `nox --install-only`."""

    def acting(session: nox.Session, **given: Any) -> None:
        end_of_install(session)
        body(session, **given)

    return acting
