"""What nox was called with, as nox itself reads it: its options, and the noxfile that it loads."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path

import nox
from nox import _option_set, _options

__all__ = ["given", "noxfile", "only_installs", "rerun"]

_LOADED = "user_nox_module"  # the name under which nox loads a noxfile


def noxfile() -> Path:
    """Return the noxfile that is being loaded, wherever in it the library is called from."""
    module = sys.modules.get(_LOADED) or sys.modules.get("__main__")
    file = getattr(module, "__file__", None)
    # nox goes by the folder that a linked noxfile is found in, not by the one that it leads to
    found = Path(file).absolute() if file else Path.cwd() / "noxfile.py"
    return found.parent.resolve() / found.name


def given() -> _options.NoxConfig | None:
    """Return the options of the nox that is running; None where it is not nox that runs.

    A noxfile that runs as a script calls nox at its end, which loads it once more.
    """
    if _LOADED not in sys.modules or "_ARGCOMPLETE" in os.environ:
        return None
    return _options.options.parse_args()


def only_installs(session: nox.Session) -> bool:
    """Tell whether nox was told to install and to run nothing (`--install-only`)."""
    return bool(session._runner.global_config.install_only)  # noqa: SLF001 - nox tells it nowhere else


def rerun(session: nox.Session, names: list[str]) -> list[str]:
    """Return the command that runs other sessions in parallel, with the options of this run."""
    config = copy.deepcopy(session._runner.global_config)  # noqa: SLF001 - as above
    chosen = {"sessions": names, "keywords": None, "tags": None, "report": None, "posargs": []}
    for name, value in {**chosen, "parallel": "auto", "parallel_worker": False}.items():
        config.set_value(name, value, _option_set.Source.COMMAND_LINE)
    return [sys.executable, "-m", "nox", *_option_set.to_argv(config)]
