"""What is judged is what is released: images are made of the commit, not of the work tree."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from tests.support.engine import engine, import_busybox
from tests.support.platform_yard import BASE, NOXFILE, Place, open_place
from tests.support.real import Result, clean_env, git, nox, write

ALL = f"FROM {BASE}\nCOPY . /src\nRUN env > /env\n"
PLANTED = {
    "services/web/src/app/__pycache__/main.cpython-311.pyc": "planted",
    "lambdas/gaps/__pycache__/handler.cpython-311.pyc": "planted",
    ".env": "BINANCE_API_SECRET=marked-file",
    ".nox/left/behind": "planted",
    "services/web/notes.log": "planted",
}
MARKED = {
    "BINANCE_API_SECRET": "marked-binance",
    "GITHUB_PAT": "marked-pat",
    "MLFLOW_TRACKING_URI": "https://user:marked-mlflow@mlflow.example",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("source")
    (folder / "engine").mkdir()
    with engine(folder / "engine") as host:
        import_busybox(host, folder / "busybox", BASE)
        changed = {
            "noxfile.py": NOXFILE,
            ".gitignore": "build/\n.nox/\n__pycache__/\ndist/\nuv.lock\n.env\n*.log\n",
            "services/web/Dockerfile": ALL,
            "services/web/src/app/main.py": "print('hello')\n",
            "services/backend/Dockerfile": f"FROM {BASE}\nCOPY uv.lock services/web/notes.log /\n",
            "lambdas/base/Dockerfile": f"FROM {BASE}\nCOPY . /base\n",
            "lambdas/gaps/Dockerfile": (
                f"ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY . /task\n"
            ),
        }
        with open_place(folder, host, **changed) as made:
            write(made.home, {"services/web/run.sh": "#!/bin/sh\n"})
            (made.home / "services/web/run.sh").chmod(0o755)
            (made.home / "services/web/link").symlink_to("run.sh")
            git(made.home, "add", "-A")
            made.env |= MARKED
            made.tag("v1.2.0")
            write(made.home, PLANTED)
            yield made


def images(place: Place, *args: str, session: str = "images") -> Result:
    return nox(place.home, "-s", session, "--", *args, env=place.env)


def files_of(place: Place, image: str) -> dict[str, tarfile.TarInfo]:
    """Every file of an image's layers."""
    name = f"{place.front.host}/tradai/{image}"
    env = clean_env(DOCKER_HOST=place.env["DOCKER_HOST"])
    made = subprocess.run(
        ["docker", "create", name, "sh"], env=env, capture_output=True, check=True, text=True
    ).stdout.strip()
    try:
        exported = subprocess.run(
            ["docker", "export", made], env=env, capture_output=True, check=True
        ).stdout
    finally:
        subprocess.run(["docker", "rm", made], env=env, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        if "env" in archive.getnames():
            said = archive.extractfile("env")
            assert said is not None
            assert b"marked-" not in said.read()
        return {one.name: one for one in archive}


def test_an_image_of_a_tag_holds_the_commit_and_the_lock_and_no_more(place: Place) -> None:
    state = place.home.parent / "state"  # of this test alone: others run beside it
    place.env["XDG_STATE_HOME"] = str(state)
    ran = images(place, "v1.2.0", "--only", "web")
    assert ran.status == 0, ran.text
    found = files_of(place, "web:v1.2.0")
    source = {name for name in found if name.startswith("src/") and not found[name].isdir()}
    tracked = git(place.home, "ls-files").splitlines()
    assert source == {f"src/{name}" for name in [*tracked, "uv.lock"]}
    assert found["src/services/web/run.sh"].mode & 0o777 == 0o755
    assert found["src/services/web/link"].linkname == "run.sh"
    assert state.is_dir()
    assert not list(state.glob("**/tradai-tasks-source-*"))


def test_an_image_without_a_tag_is_of_the_commit_too(place: Place) -> None:
    dispatched = ("--environment", "dev", "--images-only", "--version", version(place))
    ran = images(place, *dispatched, session="lambdas")
    assert ran.status == 0, ran.text
    found = files_of(place, f"lambda-gaps:{version(place)}")
    task = {name for name in found if name.startswith("task/") and not found[name].isdir()}
    assert task == {"task/Dockerfile", "task/handler.py"}
    assert not [name for name in found if ".pyc" in name or name.endswith("base/.env")]
    (place.home / "lambdas/gaps/more.py").write_text("")
    try:
        dirty = images(place, *dispatched, session="lambdas")
        assert dirty.status == 1
        assert "uncommitted changes in lambdas/gaps/more.py" in dirty.log
    finally:
        (place.home / "lambdas/gaps/more.py").unlink()


def version(place: Place) -> str:
    return f"v1.2.0-g{git(place.home, 'rev-parse', '--short=7', 'HEAD')}"


def test_an_ignored_file_that_is_copied_is_named(place: Place) -> None:
    ran = images(place, "v1.2.0", "--only", "backend")
    assert ran.status == 1
    assert "Traceback" not in ran.text
    assert "check services/backend/Dockerfile and its context .;" in ran.log
    said = (
        "services/web/notes.log is ignored by git or untracked, so it is not in the commit that "
        "images are built from: commit it, or have the Dockerfile make it"
    )
    assert said in " ".join(ran.log.split()), ran.text
