"""`images` and `lambdas` on the examples, with a real engine and a real registry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bases import import_python
from tests.support.engine import engine
from tests.support.inprocess import InProcess, Ran, run
from tests.support.real import clean_env, copy_example, git
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry
from tests.support.yard import A, docker, open_yard
from tradai_tasks.errors import DirtyTreeError, NotARepositoryError
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.clients.registry import RemoteImage
from tradai_tasks.release.images.image_decisions import SOURCES
from tradai_tasks.release.images.image_tools import open_image_tools
from tradai_tasks.settings.images import ImagesSettings

__all__ = ["run"]

SERVICES = ("backend", "data-collection", "mlflow", "strategy-service")
LAMBDAS = ("candle-gaps", "heartbeat", "order-alerts")
BASES = ("python:3.11-slim", "public.ecr.aws/lambda/python:3.12", "freqtradeorg/freqtrade:stable")
STUBS = ("uv==0.13.9", "mlflow==3.17.2", "httpx==0.28.1", "pandas==2.3.3", "numpy==2.3.5")


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("engine")
    with engine(folder) as host:
        import_python(host, folder / "bases", *BASES, stubs=STUBS)
        yield host


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry") / "it") as host:
        yield host


@pytest.fixture
def front(upstream: str) -> Iterator[Proxy]:
    with proxy(upstream) as made:
        yield made


@pytest.fixture
def platform(
    run: InProcess, docker_host: str, front: Proxy, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> InProcess:  # fmt: skip
    home = run.home / "platform"
    copy_example("tradai-uv", home)
    # each test has a part of the registry of its own
    prefix = f"{front.host}/{abs(hash(request.node.name)):x}"
    env = {"DOCKER_HOST": docker_host, "ECR_REGISTRY": prefix, "TMPDIR": str(run.home)}
    env |= {"REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
    env |= {name: said for name, said in clean_env().items() if name.startswith("GIT_")}
    for name, said in env.items():
        monkeypatch.setenv(name, said)
    monkeypatch.setattr(tempfile, "tempdir", None)  # it remembers where it once was
    with (home / "pyproject.toml").open("a") as settings:
        settings.write('\n[tool.tradai-tasks.images]\nnetwork = "host"\n')
    subprocess.run(["uv", "lock", "--quiet"], cwd=home, check=True, env=clean_env())
    git(home, "init", "-q", "-b", "main")
    commit(home, "Begin", "v1.2.0")
    run.home = home
    return run


def commit(home: Path, message: str, tag: str) -> str:
    git(home, "add", "-A")
    git(home, "commit", "-q", "--allow-empty", "-m", message)
    git(home, "tag", tag)
    return git(home, "rev-parse", "HEAD")


def there(front: Proxy, image: str, tag: str) -> RemoteImage | None:
    host, _, prefix = os.environ["ECR_REGISTRY"].partition("/")
    settings = ImagesSettings()
    with open_image_tools(settings, Home(host=host), root=Path(), env=os.environ) as tools:
        return tools.registry.image(f"{prefix}/{image}", tag)


def images(platform: InProcess, *args: str, session: str = "images") -> Ran:
    return platform("-s", session, "--", *args)


def test_every_service_is_built_and_pushed(platform: InProcess, front: Proxy) -> None:
    head = git(platform.home, "rev-parse", "HEAD")
    dry = images(platform, "v1.2.0", "--dry-run")
    assert dry.status == 0, dry.log
    assert "this is a dry run; 4 steps are to do" in dry.log
    assert front.writes() == []
    first = images(platform, "v1.2.0")
    assert first.status == 0, first.log + first.out
    for name in SERVICES:
        image = there(front, f"tradai/{name}", "v1.2.0")
        assert image is not None
        assert image.labels["org.opencontainers.image.revision"] == head
        assert image.labels["org.opencontainers.image.version"] == "1.2.0"
        assert not image.is_list
        latest = there(front, f"tradai/{name}", "latest")
        assert latest is not None
        assert latest.digest == image.digest
        assert image.digest[:20] in first.out.replace("\n", "")
    front.forget()
    second = images(platform, "v1.2.0")
    assert second.status == 0, second.log
    assert "nothing was changed" in second.log
    assert front.writes() == []
    commit(platform.home, "Next", "v1.2.1")
    third = images(platform, "v1.2.1", "--only", "backend", "--keep-latest")
    assert third.status == 0, third.log
    latest = there(front, "tradai/backend", "latest")
    assert latest is not None
    assert latest.labels["org.opencontainers.image.version"] == "1.2.0"
    assert there(front, "tradai/mlflow", "v1.2.1") is None
    fourth = images(platform, "v1.2.1", "--only", "backend", "--move-latest", "--dry-run", "--json")
    step = json.loads(fourth.out)["steps"][0]
    assert (step["step"], step["state"]) == ("backend", "to do")
    assert "latest moves from 1.2.0" in step["note"]


def test_a_test_tag_is_released_from_two_commits(platform: InProcess, front: Proxy) -> None:
    digests = []
    for message in ("One", "Two"):
        head = commit(platform.home, message, "v0.0.0-test")
        ran = images(platform, "v0.0.0-test", "--only", "data-collection")
        assert ran.status == 0, ran.log
        image, latest = (
            there(front, "tradai/data-collection", tag) for tag in ("v0.0.0-test", "latest")
        )
        assert image is not None
        assert latest is not None
        assert image.labels["org.opencontainers.image.revision"] == head
        assert latest.digest == image.digest
        digests.append(image.digest)
        git(platform.home, "tag", "-d", "v0.0.0-test")
    assert digests[0] != digests[1]


def test_the_lambdas_are_built_on_their_base(
    platform: InProcess, front: Proxy, docker_host: str
) -> None:
    first = images(platform, "v1.2.0", "--images-only", session="lambdas")
    assert first.status == 0, first.log + first.out
    base = there(front, "tradai/lambda-base", "v1.2.0")
    assert base is not None
    for name in LAMBDAS:
        image = there(front, f"tradai/lambda-{name}", "v1.2.0")
        assert image is not None
        assert not image.is_list
        # it has every layer of the base, by digest
        layers = [layer["digest"] for layer in json.loads(image.manifest)["layers"]]
        below = [layer["digest"] for layer in json.loads(base.manifest)["layers"]]
        assert layers[: len(below)] == below
    name = f"{os.environ['ECR_REGISTRY']}/tradai/lambda-base:v1.2.0"
    listed = docker(docker_host, "run", "--rm", "--network=none", name, "pip", "list")
    assert "tradai-common 1.4.0" in " ".join(listed.split())
    front.forget()
    second = images(platform, "v1.2.0", "--images-only", session="lambdas")
    assert second.status == 0, second.log
    assert front.writes() == []
    alone = images(platform, "v1.2.0", "--images-only", "--only", "base", session="lambdas")
    assert alone.status == 0, alone.log


def test_the_matrix_of_all_images(platform: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECR_REGISTRY")
    output = platform.home / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    jobs = json.loads(images(platform, "--matrix").out)["include"]
    assert [job["name"] for job in jobs] == list(SERVICES)
    assert jobs[0] == {
        "name": "backend", "image": "tradai/backend",
        "dockerfile": "services/backend/Dockerfile",
    }  # fmt: skip
    assert output.read_text().endswith("\nany=true\n")
    ran = images(platform, "--matrix", session="lambdas")
    assert [job["name"] for job in json.loads(ran.out)["include"]] == list(LAMBDAS)
    one = json.loads(images(platform, "--matrix", "--only", "mlflow").out)["include"]
    assert [job["name"] for job in one] == ["mlflow"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["v9.9.9"], "no such tag in this clone"),
        (["main"], "no release tag"),
        (["v1.2.0", "--only", "bakend"], "--only bakend: no such image; did you mean 'backend'?"),
        (["v1.2.0", "--move-latest", "--keep-latest"], "give one of the two"),
    ],
)
def test_what_is_refused(platform: InProcess, args: list[str], said: str) -> None:
    ran = images(platform, *args)
    assert ran.status != 0
    assert said in ran.log
    assert "Traceback" not in ran.log


def test_without_a_registry(platform: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECR_REGISTRY")
    ran = images(platform, "v1.2.0")
    assert ran.status != 0
    assert "images.registry: not set" in ran.log


def test_a_killed_run_is_finished_by_the_next(platform: InProcess, front: Proxy) -> None:
    """Killed between the push of the version and that of `latest`."""
    argv = [sys.executable, "-m", "nox", "-s", "images", "--", "v1.2.0", "--only", "mlflow"]
    environ = {**clean_env(), **{n: os.environ[n] for n in ("TMPDIR", "ECR_REGISTRY")}}
    child = subprocess.Popen(
        argv, cwd=platform.home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    front.fail("PUT", r"/manifests/latest$", "drop")
    front.before["PUT", r"/manifests/latest$"] = lambda: os.kill(child.pid, signal.SIGKILL)
    out, _ = child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL, out.decode()
    front.before.clear()
    image = there(front, "tradai/mlflow", "v1.2.0")
    assert image is not None
    front.forget()
    again = images(platform, "v1.2.0", "--only", "mlflow")
    assert again.status == 0, again.log
    # nothing was built: the manifest that was there became `latest`
    assert [path.rpartition("/")[2] for _, path in front.writes()] == ["latest"]
    latest = there(front, "tradai/mlflow", "latest")
    assert latest is not None
    assert latest.digest == image.digest
    assert not list(Path(os.environ["TMPDIR"]).glob("tradai-tasks-login-*"))


def test_the_images_of_strategies_keep_the_guides_shape(
    docker_host: str, front: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_example("tradai-strategies", tmp_path / "strategies")
    beside = copy_example("tradai-uv", tmp_path / "tradai-uv")
    lock = ["uv", "lock", "--quiet", "--project", "strategies/momentum"]
    subprocess.run(lock, cwd=home, check=True, env=clean_env())
    # the image takes just what the lock pins
    locked = tomllib.loads((home / "strategies/momentum/uv.lock").read_text())["package"]
    pinned = {one["name"]: one["version"] for one in locked}
    stubs = tuple(f"{name}=={pinned[name]}" for name in ("pandas", "numpy", "freqtrade"))
    import_python(docker_host, tmp_path / "base", BASES[2], stubs=stubs)
    yard = open_yard(docker_host, front, home, monkeypatch)
    yard.judged = ("strategies/momentum",)
    spec = yard.spec(
        "momentum", kind="strategy", context="strategies/momentum", takes_wheels=True,
        dockerfile="strategies/momentum/Dockerfile",
    )  # fmt: skip
    with pytest.raises(NotARepositoryError):  # of which commit would it be?
        yard.run("momentum-v1.0.0", A, spec=spec)
    git(beside, "init", "-q", "-b", "main")
    git(beside, "add", "-A")
    git(beside, "commit", "-qm", "The library")
    library = beside / "libs/tradai-strategy/src/tradai_strategy/__init__.py"
    written = library.read_text()
    library.write_text(f"{written}\nraise SystemExit\n")
    with pytest.raises(DirtyTreeError, match=r"tradai_strategy/__init__\.py is not committed"):
        yard.run("momentum-v1.0.0", A, spec=spec)
    library.write_text(written)
    # one that was left behind there is not taken
    wheels = home / "strategies/momentum/wheels"
    wheels.mkdir()
    (wheels / "tradai_strategy-9.9.9-py3-none-any.whl").write_bytes(b"stale")
    look = yard.run("momentum-v1.0.0", A, spec=spec)
    assert look.state == "done"
    image = f"{spec.repository}:momentum-v1.0.0"
    words = ["run", "--rm", "--network=none", "--entrypoint", "pip", image, "list"]
    listed = docker(docker_host, *words).split()
    assert "momentum" in listed
    assert "tradai-strategy" in listed
    labels = json.loads(docker(docker_host, "image", "inspect", image))[0]["Config"]["Labels"]
    assert json.loads(labels[SOURCES]) == {"tradai-strategy": git(beside, "rev-parse", "HEAD")}
    config = json.loads(docker(docker_host, "image", "inspect", image))[0]["Config"]
    assert config["Entrypoint"] == ["freqtrade", "trade"]


def test_a_strategys_image_waits_for_its_gates(platform: InProcess, tmp_path: Path) -> None:
    home = copy_example("tradai-strategies", tmp_path / "strategies")
    for name in ("momentum", "ml-rsi", "trend-following"):
        (home / "strategies" / name / "uv.lock").write_text("version = 1\n")
    git(home, "init", "-q", "-b", "main")
    commit(home, "Begin", "momentum-v1.0.0")
    platform.home = home
    ran = images(platform, "momentum-v1.0.0")
    assert ran.status != 0
    assert "evidence" in ran.log
    refused = images(platform, "momentum-v1.0.0", "--only", "momentum")
    assert "a strategy's tag names the one image" in refused.log
    jobs = json.loads(images(platform, "--matrix").out)["include"]
    assert [job["name"] for job in jobs] == ["ml-rsi", "momentum", "trend-following"]
