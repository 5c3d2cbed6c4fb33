"""A real Docker Engine for tests: the one that answers, else one started by hand on a socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.real import need


def answers(host: str | None) -> bool:
    """Tell whether an engine answers at a DOCKER_HOST, None for the default one."""
    if shutil.which("docker") is None:
        return False
    env = {**os.environ, **({"DOCKER_HOST": host} if host else {})}
    argv = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(argv, env=env, capture_output=True, check=False).returncode == 0


@contextmanager
def engine(folder: Path) -> Iterator[str]:
    """Yield the DOCKER_HOST of a running engine."""
    given = os.environ.get("DOCKER_HOST")
    if answers(given):
        yield given or "unix:///var/run/docker.sock"
        return
    daemon = shutil.which("dockerd")
    need(daemon is not None and os.geteuid() == 0, "a Docker engine (running, or dockerd and root)")
    socket = folder / "d.sock"
    host = f"unix://{socket}"
    argv = [str(daemon), "--iptables=false", "--bridge=none", f"--data-root={folder / 'data'}"]
    argv += [f"--exec-root={folder / 'exec'}", f"--pidfile={folder / 'pid'}", f"--host={host}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            for _ in range(300):
                if answers(host) or process.poll() is not None:
                    break
                time.sleep(0.1)
            started = process.poll() is None and answers(host)
            need(started, f"a Docker engine (dockerd: {(folder / 'log').read_text()[-500:]})")
            yield host
        finally:
            process.terminate()
            process.wait(timeout=60)
            unmount_below(folder)


def unmount_below(folder: Path) -> None:
    """Unmount what the daemon leaves mounted, so that the folder can be removed."""
    mounts = Path("/proc/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    for place in sorted((line.split(" ")[1] for line in lines), reverse=True):
        if Path(place).is_relative_to(folder.resolve()):
            subprocess.run(["umount", place], check=True, capture_output=True)


def import_busybox(host: str, folder: Path, name: str) -> None:
    """Make an image of the machine's static busybox, so that nothing needs to be pulled."""
    busybox = shutil.which("busybox")
    need(busybox is not None, "busybox (Debian's busybox-static)")
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy2(str(busybox), root / "bin" / "busybox")
    for tool in ("sh", "cat", "echo", "sleep", "touch", "true", "false"):
        (root / "bin" / tool).symlink_to("busybox")
    env = {**os.environ, "DOCKER_HOST": host}
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["docker", "import", "-", name],
            stdin=tar.stdout,
            env=env,
            check=True,
            capture_output=True,
        )
