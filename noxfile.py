"""The library used on itself, and its tour."""

import os
import sys

import nox

import tradai_tasks

# CI has a job for each Python of the settings; elsewhere the one that runs nox is enough
_RUNNING = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}

tradai_tasks.register(
    exclude=["contract", "integration", "perf"],  # such words stand in texts of tests only
    settings=None if os.environ.get("GITHUB_ACTIONS") else _RUNNING,
)


@nox.session(venv_backend="none", default=False)
def tour(session: nox.Session) -> None:
    """See it at work on a copy of an example monorepo."""
    # nox and the library are where this runs, so the copy needs no environment of its own
    session.run(sys.executable, "tools/tour.py", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def servers(session: nox.Session) -> None:
    """Install the servers that the end-to-end tests start: apt."""
    rights = [] if os.geteuid() == 0 else ["sudo"]
    session.run(*rights, ".ci/run", "--servers", external=True)


if __name__ == "__main__":
    nox.main()
