"""What `images` costs beside the docker commands that a workflow would run by hand.

    uv run python benchmarks/images.py [--images N] [--runs N]

On a real engine and a real registry on loopback, with N services of one small layer each:

1. a new version: built, pushed, `latest` moved, against `docker build`, `docker push` twice, one
   image after the other, as the workflows that this replaces do it;
2. the same again, with nothing changed, against the same commands.

The requests are those that the registry was sent.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.engine import engine, import_busybox  # noqa: E402 - needs the path
from tests.support.real import clean_env, git, write  # noqa: E402 - as above
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry  # noqa: E402 - as above

BASE = "stand-in/base:1"


def platform(home: Path, images: int) -> None:
    """Write a platform of services with a Dockerfile each."""
    noxfile = "import tradai_tasks\n\ntradai_tasks.register()\n"
    files = {
        "noxfile.py": noxfile,
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
        '[tool.tradai-tasks.images]\nnetwork = "host"\nservice-image = "ours/{name}"\n',
        "uv.lock": "version = 1\n",
        ".gitignore": "build/\n.nox/\n__pycache__/\n",
        "libs/one/pyproject.toml": '[project]\nname = "one"\nversion = "1.0.0"\n',
    }
    for number in range(images):
        for folder in ("services", "hand"):  # apart, or one would build from the other's cache
            files[f"{folder}/web-{number}/Dockerfile"] = (
                f"FROM {BASE}\nCOPY {folder}/web-{number}/message /message\n"
                "RUN cat /message > /copy\n"
            )
    write(home, files)
    git(home, "init", "-q", "-b", "main")


def release(home: Path, tag: str, images: int) -> None:
    """Change every service, commit and tag."""
    for number in range(images):
        for folder in ("services", "hand"):
            message = f"{number} of {tag} in {folder}\n"
            (home / folder / f"web-{number}" / "message").write_text(message)
    git(home, "add", "-A")
    git(home, "commit", "-qm", tag)
    git(home, "tag", tag)


def by_hand(home: Path, tag: str, images: int, host: str, env: dict[str, str]) -> None:
    """Do what a workflow does: build with both tags, push both, one image after the other."""
    login = ["docker", "login", "-u", USER, "--password-stdin", host]
    run(login, home, env, PASSWORD)
    for number in range(images):
        name = f"{host}/theirs/web-{number}"
        file = f"hand/web-{number}/Dockerfile"
        build = ["docker", "build", "--network=host", "-f", file, "-t", f"{name}:{tag}"]
        run([*build, "-t", f"{name}:latest", "."], home, env)
        run(["docker", "push", f"{name}:{tag}"], home, env)
        run(["docker", "push", f"{name}:latest"], home, env)


def run(argv: list[str], cwd: Path, env: dict[str, str], text: str | None = None) -> None:
    """Run a command, and end the benchmark where it fails."""
    done = subprocess.run(
        argv, cwd=cwd, env=env, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")


@contextmanager
def servers(scratch: Path) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """Yield a registry and the environment that leads to it and to an engine."""
    (scratch / "engine").mkdir()
    with (
        engine(scratch / "engine") as docker,
        registry(scratch / "registry") as host,
        proxy(host) as front,
    ):
        import_busybox(docker, scratch / "busybox", BASE)
        env = {"DOCKER_HOST": docker, "ECR_REGISTRY": front.host, "DOCKER_BUILDKIT": "0"}
        env |= {"REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
        env |= {"DOCKER_CONFIG": str(scratch / "login")}
        # compiled once, as on a machine that is used, and beside the sources
        env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(scratch / "compiled")}
        yield front, clean_env(**env)


def timed(front: Proxy, action: Callable[[], None]) -> str:
    """Return how long an action takes and what the registry is sent meanwhile."""
    front.forget()
    start = time.perf_counter()
    action()
    taken = time.perf_counter() - start
    return (
        f"{taken:6.1f} s  {len(front.requests):4} requests, {len(front.writes()):3} of them write"
    )


def main() -> None:
    """Run both, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        home = scratch / "platform"
        platform(home, options.images)
        with servers(scratch) as (front, env):
            run([sys.executable, "-m", "nox", "-s", "images", "--", "--help"], home, env)
            for number in range(options.runs):
                tag = f"v1.0.{number}"
                release(home, tag, options.images)
                session = [sys.executable, "-m", "nox", "-s", "images", "--", tag]
                print(f"\n{options.images} images, {tag}, on {os.cpu_count()} CPUs")
                for what in ("new", "again"):
                    ours = timed(front, partial(run, session, home, env))
                    theirs = timed(
                        front, partial(by_hand, home, tag, options.images, front.host, env)
                    )
                    print(f"  {what:6} nox -s images        {ours}")
                    print(f"  {what:6} docker build, push   {theirs}", flush=True)


if __name__ == "__main__":
    main()
