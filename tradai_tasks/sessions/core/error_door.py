"""Wrap every session's body: checks before it runs, and one-line errors after it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nox
from nox.virtualenv import VirtualEnv

from tradai_tasks.background import terminable
from tradai_tasks.checks.pythons import answers, interpreter_of, own_interpreter
from tradai_tasks.errors import TasksError, WrongPythonError
from tradai_tasks.report import machine_fault
from tradai_tasks.sessions.core.parallel.parallel_output import WARNING
from tradai_tasks.text import safe, safe_lines

_TALKATIVE = (
    "boto3", "botocore", "docker", "httpcore", "httpx", "id", "requests", "s3transfer", "twine",
    "urllib3",
)  # fmt: skip
# variables for uv that nox sets if the noxfile has its own requirements (PEP 723)
_OF_ENVIRONMENT = ("UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")


def guarded(body: Callable[..., None], session: nox.Session, **given: Any) -> None:
    """Run a session's body; an error that the user can fix ends it with its message.

    SIGTERM ends it as Ctrl-C does: nox says so, and no command is left running.
    """
    _quieten()
    keep_text_safe()
    try:
        with terminable(), _without_own_environment():
            _check_python(session)
            body(session, **given)
    except TasksError as error:
        session.error(str(error))
    except ModuleNotFoundError as error:
        from tradai_tasks.extras import missing_extra  # noqa: PLC0415 - imported only when needed

        missing = missing_extra(error)
        if missing is None:
            raise
        session.error(f"{session.name}: {missing}")
    except (OSError, UnicodeEncodeError) as error:
        said = machine_fault(error)
        if said is None:
            raise
        session.error(said)


class _SafeText(logging.Filter):
    """Log filter that escapes control characters in names and paths that nox logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the message, line by line."""
        text = record.getMessage()
        fault = record.exc_info and record.exc_info[1] and machine_fault(record.exc_info[1])
        if fault:  # met by nox itself, which would log a traceback
            text, record.exc_info = fault, None
        if record.levelno == logging.WARNING and not text.lower().startswith("warning"):
            text = f"{WARNING}{text}"
        several = record.levelno >= logging.ERROR or record.levelno < logging.DEBUG
        record.msg = safe_lines(text) if several else safe(text, longest=None)
        record.args = ()
        return True


def keep_text_safe() -> None:
    """Escape control characters in the log, and characters that the terminal cannot show."""
    log = logging.getLogger("nox")
    if not any(isinstance(one, _SafeText) for one in log.filters):
        log.addFilter(_SafeText())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _without_own_environment() -> Iterator[None]:
    """Hide the environment that nox runs in from uv: it is not the repository's.

    nox exports the path of the environment that it makes for a noxfile with requirements of its
    own. Values that others have set are kept.
    """
    hidden = {
        name: value
        for name in _OF_ENVIRONMENT
        if (value := os.environ.get(name)) and Path(value).resolve() == Path(sys.prefix).resolve()
    }
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _check_python(session: nox.Session) -> None:
    """Recreate an environment whose Python is not the one requested now; nox would reuse it.

    Raises:
        WrongPythonError: The new environment has another Python, too.
    """
    venv = session.virtualenv
    own = own_interpreter()
    if not isinstance(venv, VirtualEnv):
        # `--no-venv` uses the Python that runs nox; conda manages its own
        asked = session.python if not venv.is_sandboxed else None
        if isinstance(asked, str) and answers(own, asked, own) is False:
            session.warn(f"without an environment it runs on {own}, not on {asked}")
        return
    folder = Path(venv.location)
    found = interpreter_of(folder)
    if venv._reused and (found is None or not answers(found, venv.interpreter, own)):  # noqa: SLF001 - nox has no public name for it
        session.log(
            f"{venv.location_name} has {found or 'an unknown Python'}, and {_request(venv)} is "
            f"asked for: it is recreated"
        )
        venv.reuse_existing = venv._reused = False  # noqa: SLF001 - so that --no-install installs
        venv.create()
        found = interpreter_of(folder)
    if found is not None and answers(found, venv.interpreter, own) is False:
        raise WrongPythonError(
            f"{session.name}: its environment has {found}, but {_request(venv)} is asked for; "
            f"remove {venv.location_name}, and see which Python is found: uv python list"
        )


def _request(venv: VirtualEnv) -> str:
    request = venv.interpreter
    if request is None:
        return f"the {own_interpreter()} that runs nox"
    return f"Python {request}" if request[:1].isdigit() else request


def _quieten() -> None:
    """Limit the logs of other libraries to warnings: botocore's hold responses with tokens."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
