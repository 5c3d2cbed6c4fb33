"""Run the sessions of `nox -j` in forks of the nox that has loaded everything.

nox starts a process for each session, which loads nox, the noxfile and the repository again: of a
small test that is half the cost. A fork takes nox's own steps with the command line that nox made.
Where it is not safe (not on Linux, or with threads), nox starts its processes.
"""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import nox.virtualenv
from nox import _cli, _options, _parallel, logger, tasks
from nox.manifest import Manifest

from tradai_tasks.errors import TasksError
from tradai_tasks.repository import Repository, base_of
from tradai_tasks.sessions.core.parallel.fork_server import Fork, ForkServer, may_fork
from tradai_tasks.sessions.core.registry.catalog import CATALOG
from tradai_tasks.workspace.locks.lock_file import read_lock


def fork_sessions(repository: Repository) -> None:
    """Have nox fork the processes of a parallel run."""
    own = vars(_parallel)  # nox has no public way
    whole = own["run_manifest_parallel"]
    whole = getattr(whole, "__wrapped__", whole)  # noxfiles may be loaded twice

    def run(manifest: Manifest, config: _options.NoxConfig, jobs: int) -> Any:
        if not may_fork():
            return whole(manifest, config, jobs)
        _load(repository, {base_of(one.name) for one in manifest._queue})  # noqa: SLF001 - as below
        try:
            server = ForkServer(partial(_run_session, manifest))
        except OSError:  # no room for a process now
            return whole(manifest, config, jobs)

        def started(argv: Sequence[str], **given: Any) -> Fork | subprocess.Popen[bytes]:
            return server.start(argv, given["cwd"]) or subprocess.Popen(argv, **given)

        own["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": started})
        try:
            return whole(manifest, config, jobs)
        finally:
            own["subprocess"] = subprocess
            server.close()

    run.__wrapped__ = whole  # type: ignore[attr-defined]  # for the next time
    own["run_manifest_parallel"] = run


def _load(repository: Repository, names: set[str]) -> None:
    """Load what sessions of such names need; what fails here fails in them, which then say why."""
    for entry in CATALOG:
        if entry.name in names:
            with contextlib.suppress(ImportError):
                importlib.import_module(f"tradai_tasks.sessions.{entry.body.partition(':')[0]}")
    with contextlib.suppress(TasksError, OSError):
        repository.inventory.sources(".")  # lists all files, and divides them
        read_lock(repository.tree, ".")
    if "test" in names and repository.settings.results.replay != "never":
        importlib.import_module("tradai_tasks.sessions.checks.testing.whole_replay")
        from tradai_tasks.results.run_key import own_code  # noqa: PLC0415 - if in use

        own_code()
    _ = nox.virtualenv.UV_VERSION  # asks uv, once


def _run_session(manifest: Manifest, argv: Sequence[str]) -> int:
    """Do what `python -m nox` would with its arguments, but for what is loaded already."""
    sys.argv = [sys.modules[nox.__name__].__file__ or "", *argv[3:]]
    config = _options.options.parse_args()
    logger.setup_logging(
        color=config.color, verbose=config.verbose, add_timestamp=config.add_timestamp
    )

    def discovered(module: object, global_config: _options.NoxConfig) -> Manifest:
        del module
        manifest._config = global_config  # noqa: SLF001 - nox has no public way
        for session in manifest._all_sessions:  # noqa: SLF001 - as above
            session.global_config = global_config
        return manifest

    module = sys.modules["user_nox_module"]
    vars(tasks).update(_load_and_exec_nox_module=lambda _: module, discover_manifest=discovered)
    status = _cli.execute_workflow(config)
    return status or int(not manifest._consumed)  # noqa: SLF001 - nox takes no session for success
