"""A real MLflow server on loopback, in an environment of its own beside the repository."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from nox.virtualenv import UV

from tests.support.real import clean_env, need

VERSION = "3.17.2"  # .ci/run makes the environment of this version


def environment() -> Path:
    """Return the folder of its environment, which 850 MB are installed into."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tradai-tasks-tests" / f"mlflow-{VERSION}"


def install() -> None:
    """Make the environment where it lacks."""
    home = environment()
    if (home / "made").exists():
        return
    env = clean_env()
    subprocess.run([UV, "venv", "-q", "--clear", str(home)], check=True, env=env)
    python = str(home / "bin" / "python")
    subprocess.run(
        [UV, "pip", "install", "-q", "--python", python, f"mlflow=={VERSION}"],
        check=True,
        env=env,
        timeout=1200,
    )
    (home / "made").touch()


@contextmanager
def mlflow(folder: Path) -> Iterator[str]:
    """Yield the address of a running server with nothing in it."""
    if os.environ.get("TRADAI_TASKS_REQUIRE_ALL"):
        install()
    program = environment() / "bin" / "mlflow"
    need(
        program.exists(),
        f"MLflow {VERSION} (install it with: uv run python -m tests.support.mlflow_server)",
    )
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [str(program), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    argv += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    argv += ["--artifacts-destination", str(folder / "artifacts")]
    # without the other parts that it would start
    env = clean_env(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=env, cwd=folder)
        try:
            for _ in range(3000):
                if process.poll() is not None or _answers(address):
                    break
                time.sleep(0.1)
            assert process.poll() is None, (folder / "log").read_text()
            assert _answers(address), (folder / "log").read_text()
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    install()
