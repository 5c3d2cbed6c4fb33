"""A machine without user namespaces: a namespace in which the kernel allows no further one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.real import Result, clean_env, need

__all__ = ["without_namespaces"]

_FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


def without_namespaces(
    argv: Sequence[str], home: Path, env: Mapping[str, str] | None = None
) -> Result:
    """Run a command where it cannot make namespaces."""
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", _FORBID, "sh"]
    probe = subprocess.run([*inside, "true"], capture_output=True, check=False)
    need(probe.returncode == 0, "util-linux's unshare, and user namespaces to forbid them in")
    done = subprocess.run(
        [*inside, *argv],
        cwd=home,
        env=clean_env(**(env or {})),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
