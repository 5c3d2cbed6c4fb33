"""Read the options and the noxfile of the nox that is running."""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import nox
from nox import _option_set, _options
from nox.logger import logger

from tradai_tasks.repository import base_of

_LOADED = "user_nox_module"  # module name under which nox loads a noxfile


def noxfile() -> Path:
    """Return the path of the noxfile that is being loaded."""
    module = sys.modules.get(_LOADED) or sys.modules.get("__main__")
    file = getattr(module, "__file__", None)
    # for a linked noxfile, nox uses the folder of the link, not of its target
    found = Path(file).absolute() if file else Path.cwd() / "noxfile.py"
    return found.parent.resolve() / found.name


def given() -> _options.NoxConfig | None:
    """Return the options of the running nox; None if nox is not running.

    A noxfile that runs as a script calls nox at its end, which loads it a second time.
    """
    if _LOADED not in sys.modules or "_ARGCOMPLETE" in os.environ:
        return None
    return _options.options.parse_args()


def runs_only(options: _options.NoxConfig | None, names: Collection[str]) -> bool:
    """Return whether nox lists nothing, and runs only sessions of these names without a package."""
    if options is None or options.list_sessions or options.usage or not options.sessions:
        return False
    by_name = options.tags is None and not options.keywords
    return by_name and all(base_of(name.strip()) in names for name in options.sessions)


def explain_absent(reasons: Mapping[str, str]) -> None:
    """Add the reason to nox's message that a session does not exist, as only nox knows it."""
    for one in [one for one in logger.filters if isinstance(one, _Explaining)]:
        logger.removeFilter(one)
    logger.addFilter(_Explaining(reasons))


class _Explaining(logging.Filter):
    """Log filter that adds the reasons to nox's message."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__()
        self._reasons = reasons

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record; add the reasons to the one on sessions that were not found."""
        said, colon, names = str(record.msg).partition("Sessions not found: ")
        if colon and not said:
            absent = dict.fromkeys(word.strip().partition("(")[0] for word in names.split(","))
            known = [f"{one}: {self._reasons[one]}" for one in absent if one in self._reasons]
            record.msg = "; ".join([str(record.msg), *known]).replace("%", "%%")
        return True


def only_installs(session: nox.Session) -> bool:
    """Return whether nox only installs and runs nothing (`--install-only`)."""
    return bool(session._runner.global_config.install_only)  # noqa: SLF001 - nox tells it nowhere else


def end_of_install(session: nox.Session) -> None:
    """End the session here under `--install-only`."""
    if only_installs(session):
        session.skip("only installed, as --install-only says")


def is_made(session: nox.Session) -> bool:
    """Return whether a shared environment exists and nothing may be installed into it."""
    no_install = session._runner.global_config.no_install  # noqa: SLF001 - as above
    folder = session.env.get("UV_PROJECT_ENVIRONMENT")
    return bool(no_install and folder and (Path(folder) / "pyvenv.cfg").is_file())


def rerun(session: nox.Session, names: list[str]) -> list[str]:
    """Return the command that runs other sessions in parallel, with the options of this run."""
    config = copy.deepcopy(session._runner.global_config)  # noqa: SLF001 - as above
    chosen = {"sessions": names, "keywords": None, "tags": None, "report": None, "posargs": []}
    for name, value in {**chosen, "parallel": "auto", "parallel_worker": False}.items():
        config.set_value(name, value, _option_set.Source.COMMAND_LINE)
    return [sys.executable, "-m", "nox", *_option_set.to_argv(config)]
