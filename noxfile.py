"""The library used on itself, and its tour."""

import sys

import nox

import tradai_tasks

tradai_tasks.register()


@nox.session(venv_backend="none", default=False)
def tour(session: nox.Session) -> None:
    """See it at work on a copy of an example monorepo."""
    # nox and the library are where this runs, so the copy needs no environment of its own
    session.run(sys.executable, "tools/tour.py", *session.posargs, external=True)
