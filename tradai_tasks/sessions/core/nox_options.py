"""Read the options and the noxfile of the nox that is running."""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import nox
from nox import _option_set, _options
from nox.logger import logger

__all__ = [
    "end_of_install",
    "explain_absent",
    "given",
    "is_made",
    "noxfile",
    "only_installs",
    "rerun",
]

_LOADED = "user_nox_module"  # the name under which nox loads a noxfile


def noxfile() -> Path:
    """Return the noxfile that is being loaded, wherever in it the library is called from."""
    module = sys.modules.get(_LOADED) or sys.modules.get("__main__")
    file = getattr(module, "__file__", None)
    # nox goes by the folder that a linked noxfile is found in, not by the one that it leads to
    found = Path(file).absolute() if file else Path.cwd() / "noxfile.py"
    return found.parent.resolve() / found.name


def given() -> _options.NoxConfig | None:
    """Return the options of the nox that is running; None if it is not nox that runs.

    A noxfile that runs as a script calls nox at its end, which loads it once more.
    """
    if _LOADED not in sys.modules or "_ARGCOMPLETE" in os.environ:
        return None
    return _options.options.parse_args()


def explain_absent(reasons: Mapping[str, str]) -> None:
    """Have nox say why there is no such session, where it says that there is none.

    Only nox knows that: the noxfile may have one of its own by that name.

    Args:
        reasons: Why there is none, by its name.
    """
    for one in [one for one in logger.filters if isinstance(one, _Explaining)]:
        logger.removeFilter(one)
    logger.addFilter(_Explaining(reasons))


class _Explaining(logging.Filter):
    """Adds the reasons to what nox logs."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__()
        self._reasons = reasons

    def filter(self, record: logging.LogRecord) -> bool:
        """Let all through, with the reasons where sessions were not found."""
        said, colon, names = str(record.msg).partition("Sessions not found: ")
        if colon and not said:
            absent = dict.fromkeys(word.strip().partition("(")[0] for word in names.split(","))
            known = [f"{one}: {self._reasons[one]}" for one in absent if one in self._reasons]
            record.msg = "; ".join([str(record.msg), *known]).replace("%", "%%")
        return True


def only_installs(session: nox.Session) -> bool:
    """Return whether nox was told to install and to run nothing (`--install-only`)."""
    return bool(session._runner.global_config.install_only)  # noqa: SLF001 - nox tells it nowhere else


def end_of_install(session: nox.Session) -> None:
    """Go no further under `--install-only`: what follows is the session's work."""
    if only_installs(session):
        session.skip("only installed, as --install-only says")


def is_made(session: nox.Session) -> bool:
    """Return whether an environment that sessions share is there, and nothing may be installed.

    nox by itself knows only the environments that it makes.
    """
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
