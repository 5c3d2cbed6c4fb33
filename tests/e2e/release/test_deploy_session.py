"""`deploy` and `lambdas` by nox: a real registry, a real engine, loopback ECS and Lambda."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ecs import Ecs, Service, ecs_server
from tests.support.engine import engine, import_busybox
from tests.support.inprocess import InProcess, Ran, run
from tests.support.lambda_api import FunctionState, Lambda, lambda_server
from tests.support.real import clean_env, git, write
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

__all__ = ["run"]

BASE = "stand-in/base:1"
SETTINGS = """
[tool.uv.workspace]
members = ["services/*"]
[tool.tradai-tasks.images]
network = "host"
patience = 5
[tool.tradai-tasks.deploy]
interval = 0.05
timeout = 120
tags = [
    { kind = "prerelease", environment = "staging" },
    { match = "v1.*", environment = "prod" },
]
[tool.tradai-tasks.deploy.environments.prod]
region = "eu-central-1"
cluster = "main"
services = { backend = "backend-api" }
function-prefix = "prod-"
[tool.tradai-tasks.deploy.environments.staging]
region = "eu-central-1"
cluster = "stage"
[tool.tradai-tasks.deploy.environments.dev]
region = "eu-central-1"
cluster = "small"
"""
FILES = {
    "pyproject.toml": SETTINGS,
    ".gitignore": "build/\n.nox/\n__pycache__/\n",
    "uv.lock": "version = 1\n",
    "services/backend/pyproject.toml": '[project]\nname = "backend"\nversion = "1"\n',
    "services/backend/Dockerfile": f"FROM {BASE}\n",
    "services/web/Dockerfile": f"FROM {BASE}\n",
    "services/web/pyproject.toml": '[project]\nname = "web"\nversion = "1"\n',
    "lambdas/base/Dockerfile": f"FROM {BASE}\nCOPY uv.lock /lock\n",
    "lambdas/gaps/Dockerfile": (
        f'ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY handler.py /\nCMD ["handler.run"]\n'
    ),
    "lambdas/gaps/handler.py": "def run(event, context): ...\n",
    "lambdas/beat/Dockerfile": (
        f'ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY handler.py /\nCMD ["handler.run"]\n'
    ),
    "lambdas/beat/handler.py": "def run(event, context): return 1\n",
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry") / "it") as host:
        yield host


@pytest.fixture(scope="module")
def clouds() -> Iterator[tuple[Ecs, Lambda]]:
    with ecs_server() as ecs, lambda_server() as functions:
        yield ecs, functions


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("engine")
    with engine(folder) as host:
        import_busybox(host, folder / "busybox", BASE)
        yield host


@dataclass
class Place:
    """A platform, what it is deployed to, and the way to run nox on it."""

    run: InProcess
    front: Proxy
    ecs: Ecs
    functions: Lambda
    prefix: str

    @property
    def home(self) -> Path:
        return self.run.home

    def __call__(self, session: str, *args: str) -> Ran:
        ran = self.run("-s", session, "--", *args)
        assert "Traceback" not in ran.log
        assert PASSWORD not in ran.log + ran.out
        assert "marked-secret" not in ran.log + ran.out
        return ran

    def repository(self, name: str) -> str:
        return f"{self.front.host}/{self.prefix}/tradai/{name}"

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://{self.front.host}", auth=(USER, PASSWORD))

    def push(self, name: str, *tags: str, of: tuple[str, str] | None = None) -> str:
        """Put an image of no layers under some tags, different for each set; return its digest.

        `of` are the version and the commit that its labels state.
        """
        labels = {"tags": str(tags)}
        for key, value in zip(("version", "revision"), of or (), strict=False):
            labels[f"org.opencontainers.image.{key}"] = value
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}
        ).encode()
        path = f"/v2/{self.prefix}/tradai/{name}"
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        kind = "application/vnd.oci.image"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{kind}.manifest.v1+json",
                "config": {
                    "mediaType": f"{kind}.config.v1+json",
                    "digest": digest,
                    "size": len(config),
                },
                "layers": [],
            }
        ).encode()
        with self._client() as client:
            begun = client.post(f"{path}/blobs/uploads/")
            where = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
            client.put(f"http://{self.front.host}{where.raw_path.decode()}", content=config)
            for tag in tags:
                done = client.put(
                    f"{path}/manifests/{tag}",
                    content=manifest,
                    headers={"Content-Type": f"{kind}.manifest.v1+json"},
                )
                assert done.status_code == 201, done.text
        return f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    def resolve(self, image: str) -> str | None:
        """Return the digest that a pull of an image would give, from the registry itself."""
        name, _, tag = image.removeprefix(f"{self.front.host}/").rpartition(":")
        kinds = "application/vnd.oci.image.manifest.v1+json, "
        kinds += "application/vnd.docker.distribution.manifest.v2+json"
        with self._client() as client:
            found = client.head(f"/v2/{name}/manifests/{tag}", headers={"Accept": kinds})
        digest: str | None = found.headers.get("Docker-Content-Digest")
        return digest

    def tag(self, text: str) -> str:
        git(self.home, "commit", "-q", "--allow-empty", "-m", text)
        git(self.home, "tag", text)
        return git(self.home, "rev-parse", "HEAD")


@pytest.fixture
def place(
    run: InProcess,
    upstream: str,
    clouds: tuple[Ecs, Lambda],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Place]:
    ecs, functions = clouds
    functions.reset()
    # each test has a part of the registry of its own
    prefix = f"t{abs(hash(request.node.name)):x}"
    with proxy(upstream) as front:
        made = Place(run, front, ecs, functions, prefix)
        ecs.reset(made.resolve)
        run.home = run.home / "platform"
        write(run.home, {"noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n", **FILES})
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        env = {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "marked-secret",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "AWS_ENDPOINT_URL_LAMBDA": functions.url,
            "ECR_REGISTRY": f"{front.host}/{prefix}",
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
            "TMPDIR": str(run.home.parent),
        }
        env |= {name: said for name, said in clean_env().items() if name.startswith("GIT_")}
        for name, said in env.items():
            monkeypatch.setenv(name, said)
        git(run.home, "init", "-q", "-b", "main")
        git(run.home, "add", "-A")
        yield made


@dataclass
class Deployed:
    """A platform with two releases in the registry, whose services run the first."""

    place: Place
    old: str
    new: str
    backend: Service
    web: Service


@pytest.fixture
def deployed(place: Place) -> Deployed:
    place.tag("v1.1.0")
    place.tag("v1.2.0")
    digests = {}
    for name in ("backend", "web"):
        digests[name] = (
            place.push(name, f"v1.1.0-{name}", "v1.1.0"),
            place.push(name, f"v1.2.0-{name}", "v1.2.0", "latest"),
        )
    services = {
        name: place.ecs.add(
            "main",
            Service(name=name, image=f"{place.repository(image)}:latest", desired=2),
            running=digests[image][0],
        )
        for name, image in (("backend-api", "backend"), ("web", "web"))
    }
    place.front.forget()
    old, new = digests["backend"]
    return Deployed(place, old, new, services["backend-api"], services["web"])


def test_a_release_is_deployed_where_its_tag_goes(deployed: Deployed) -> None:
    place = deployed.place
    dry = place("deploy", "v1.2.0", "--dry-run", "--json")
    assert dry.status == 0, dry.log
    steps = json.loads(dry.out)["steps"]
    assert [(one["stage"], one["step"], one["state"]) for one in steps] == [
        ("deploy-prod", "backend", "to do"),
        ("deploy-prod", "web", "to do"),
    ]
    assert "v1.2.0 goes to prod" in dry.log
    assert place.ecs.count("UpdateService") == 0
    first = place("deploy", "v1.2.0")
    assert first.status == 0, first.log
    assert deployed.backend.running == [deployed.new] * 2
    assert (deployed.backend.started, deployed.web.started) == (1, 1)
    second = place("deploy", "v1.2.0")
    assert second.status == 0, second.log
    assert "nothing was changed" in second.log
    assert place.ecs.count("UpdateService") == 2
    assert place.front.writes() == []


def test_only_what_differs_is_deployed(deployed: Deployed) -> None:
    place = deployed.place
    assert place("deploy", "v1.2.0", "--only", "web").status == 0
    assert (deployed.backend.started, deployed.web.started) == (0, 1)
    assert place("deploy", "v1.2.0").status == 0
    assert (deployed.backend.started, deployed.web.started) == (1, 1)


def test_a_roll_back_moves_latest_on_purpose(deployed: Deployed) -> None:
    place = deployed.place
    assert place("deploy", "v1.2.0").status == 0
    refused = place("deploy", "v1.1.0")
    assert refused.status == 1
    assert "nox -s deploy -- v1.1.0 --rollback" in " ".join(refused.log.split())
    assert place.front.writes() == []
    dry = place("deploy", "v1.1.0", "--rollback", "--dry-run")
    assert dry.status == 0, dry.log
    assert place.front.writes() == []
    back = place("deploy", "v1.1.0", "--rollback")
    assert back.status == 0, back.log
    assert deployed.backend.running == [deployed.old] * 2
    assert place.resolve(f"{place.repository('backend')}:latest") == deployed.old
    # no layer was sent, only two manifests
    assert [one[1].rpartition("/")[2] for one in place.front.writes()] == ["latest", "latest"]
    again = place("deploy", "v1.1.0", "--rollback")
    assert "nothing was changed" in again.log


def test_services_and_clusters_that_are_not_there(deployed: Deployed) -> None:
    place = deployed.place
    del place.ecs.clusters["main"]["web"]
    missing = place("deploy", "v1.2.0")
    assert missing.status == 1
    assert "cluster main has no ECS service 'web'" in missing.log
    assert place.ecs.count("UpdateService") == 0  # nothing acts before all could be told
    place.ecs.clusters["small"] = {}
    dev = place("deploy", "v1.2.0", "--environment", "dev")
    assert dev.status == 0, dev.log
    assert dev.out.count("skipped") >= 2
    stage = place("deploy", "v1.2.0", "--environment", "staging")
    assert stage.status == 1
    assert "ECS has no cluster 'stage'" in stage.log


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["v2.0.0"], "tag v2.0.0: no rule says to which environment it goes"),
        (["v9.9.9"], "no such tag in this clone"),
        (["v1.2.0", "--environment", "prd"], "did you mean 'prod'?"),
        (["v1.2.0", "--only", "wep"], "--only wep: no such image; did you mean web?"),
        (["main"], "no release tag"),
        (["v1.2.0", "--environment", ""], "--environment: is empty; name one"),
        ([], "which tag?"),
        (["v1.3.0"], "v1.3.0 is not in the registry; push it first: nox -s images -- v1.3.0"),
    ],
)
def test_what_is_refused(deployed: Deployed, args: list[str], said: str) -> None:
    deployed.place.tag("v2.0.0")
    deployed.place.tag("v1.3.0")
    ran = deployed.place("deploy", *args)
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert deployed.place.ecs.count("UpdateService") == 0


def test_a_plan_names_all_that_is_in_the_way_at_once(deployed: Deployed) -> None:
    place = deployed.place
    missing = place("deploy", "v1.9.0", "--dry-run")
    said = " ".join(missing.log.split())
    assert missing.status == 1
    assert "tag v1.9.0: no such tag in this clone" in said
    assert "v1.9.0 is not in the registry; push it first: nox -s images -- v1.9.0" in said
    place.push("backend", "v1.9.0", of=("1.9.0", "a" * 40))  # from another clone, which has the tag
    assert "the tag was moved" not in place("deploy", "v1.9.0", "--dry-run").log
    place.tag("v2.0.0")
    git(place.home, "branch", "v2.0.0")
    for session in ("deploy", "lambdas"):
        refused = place(session, "v2.0.0", "--dry-run")
        said = " ".join(refused.log.split())
        assert refused.status == 1
        assert "a branch has the same name" in said
        assert "tag v2.0.0: no rule says to which environment it goes" in said
    (place.home / "lambdas/gaps/handler.py").write_text("def run(): ...\n")
    (place.home / "uv.lock").unlink()
    several = place("lambdas", "v9.9.9", "--dry-run", "--environment", "staging")
    said = " ".join(several.log.split())
    assert several.status == 1
    for fault in ("no such tag in this clone", "uncommitted changes in lambdas/", "no such lock"):
        assert fault in said
    assert "functions-staging" in several.out  # the plan is shown all the same
    assert place.functions.count("UpdateFunctionCode") == 0


def test_what_git_takes_for_a_commit_is_no_tag(deployed: Deployed) -> None:
    """`git rev-parse refs/tags/v1.2.0-gabc1234` is commit abc1234, tag or no tag."""
    short = git(deployed.place.home, "rev-parse", "--short=7", "HEAD")
    for session in ("deploy", "images", "lambdas", "release"):
        ran = deployed.place(session, f"v1.2.0-g{short}")
        assert ran.status == 1
        assert "no such tag in this clone" in ran.log or "which `release` cannot do" in ran.log


def test_a_test_tag_goes_to_dev_whatever_is_said(deployed: Deployed) -> None:
    place = deployed.place
    place.tag("v0.0.0-test")
    place.push("backend", "v0.0.0-test", "latest")
    place.push("web", "v0.0.0-test", "latest")
    dev = place.ecs.add(
        "small",
        Service(name="web", image=f"{place.repository('web')}:latest"),
        running=deployed.old,
    )
    ran = place("deploy", "v0.0.0-test", "--environment", "prod")
    assert ran.status == 0, ran.log
    assert "v0.0.0-test is a test tag: it goes to dev, not prod" in ran.log
    assert (dev.started, deployed.backend.started, deployed.web.started) == (1, 0, 0)


def test_a_failed_roll_out_fails_and_the_next_run_finishes(deployed: Deployed) -> None:
    place = deployed.place
    deployed.backend.fate = "revert"
    ran = place("deploy", "v1.2.0")
    assert ran.status == 1
    assert "circuit breaker: rolling back" in " ".join(ran.log.split())
    assert "fix that and run the same again" in ran.log
    again = place("deploy", "v1.2.0")
    assert again.status == 0, again.log
    assert (deployed.backend.started, deployed.web.started) == (2, 1)


def workflow_run(place: Place, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    event = {
        "repository": {"full_name": "acme/platform", "default_branch": "main"},
        "workflow_run": {
            "conclusion": "success",
            "event": "push",
            "head_repository": {"full_name": "acme/platform"},
            "head_branch": "v1.2.0",
            "head_sha": git(place.home, "rev-parse", "v1.2.0"),
            **given,
        },
    }
    file = place.home.parent / "event.json"
    file.write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform")
    monkeypatch.setenv("GITHUB_REF_NAME", "main")


def test_in_ci_the_tag_comes_from_the_event(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_run(deployed.place, monkeypatch)
    ran = deployed.place("deploy")
    assert ran.status == 0, ran.log
    assert deployed.backend.running == [deployed.new] * 2


@pytest.mark.parametrize(
    "given",
    [
        {"head_repository": {"full_name": "evil/platform"}},
        {"conclusion": "failure"},
        {"event": "pull_request"},
        {"head_branch": "main"},
        {"head_branch": "refs/tags/v1.2.0"},
        {"head_sha": "0" * 40},
    ],
)
def test_an_event_that_is_not_to_be_trusted_deploys_nothing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    workflow_run(deployed.place, monkeypatch, **given)
    ran = deployed.place("deploy")
    assert ran.status == 1
    assert deployed.place.ecs.requests == []


def test_a_tag_that_was_moved_is_not_rolled_back_to(deployed: Deployed) -> None:
    place = deployed.place
    of = git(place.home, "rev-parse", "v1.1.0")
    old = place.push("web", "v1.1.0", of=("1.1.0", of))
    place.push("backend", "v1.1.0", of=("1.1.0", of))
    git(place.home, "tag", "-f", "v1.1.0", "v1.2.0")
    ran = place("deploy", "v1.1.0", "--rollback")
    assert ran.status == 1
    assert "so the tag was moved; put it back" in ran.log
    assert place.resolve(f"{place.repository('web')}:latest") != old
    assert place.ecs.count("UpdateService") == 0
    git(place.home, "tag", "-f", "v1.1.0", of)
    assert place("deploy", "v1.1.0", "--rollback").status == 0
    assert place.resolve(f"{place.repository('web')}:latest") == old


def test_a_branch_named_like_the_tag_is_refused(deployed: Deployed) -> None:
    git(deployed.place.home, "branch", "v1.2.0")
    for args in (["v1.2.0"], ["v1.2.0", "--rollback"]):
        ran = deployed.place("deploy", *args)
        assert ran.status == 1
        assert "a branch has the same name (refs/heads/v1.2.0)" in ran.log
    assert deployed.place.ecs.requests == []


def test_a_run_that_is_killed_while_it_waits_is_finished_by_the_next(deployed: Deployed) -> None:
    place = deployed.place
    deployed.backend.fate = deployed.web.fate = "stuck"
    argv = [sys.executable, "-m", "nox", "-s", "deploy", "--", "v1.2.0"]
    environ = {
        **clean_env(),
        **{name: said for name, said in os.environ.items() if name.startswith(("AWS_", "E", "RE"))},
    }
    child = subprocess.Popen(
        argv, cwd=place.home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    for _ in range(1200):
        if (deployed.backend.started, deployed.web.started) == (1, 1) or child.poll() is not None:
            break
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, out.decode()
    assert (deployed.backend.started, deployed.web.started) == (1, 1)
    for service in (deployed.backend, deployed.web):
        service.fate = "good"
        service.primary.age = min(service.primary.age, 1)
    ran = place("deploy", "v1.2.0")
    assert ran.status == 0, ran.log
    assert (deployed.backend.started, deployed.web.started) == (1, 1)  # not started twice
    assert deployed.backend.running == [deployed.new] * 2


# --- lambdas -------------------------------------------------------------------------------------


def test_lambdas_from_their_base_to_published_versions(
    place: Place, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    head = place.tag("v1.2.0")
    for name in ("prod-gaps", "prod-beat"):
        place.functions.add(FunctionState(name=name, uri="x@sha256:old"))
    first = place("lambdas", "v1.2.0")
    assert first.status == 0, first.log + first.out
    for name in ("gaps", "beat"):
        function = place.functions.functions[f"prod-{name}"]
        image = f"{place.repository(f'lambda-{name}')}:v1.2.0"
        assert function.uri == f"{image.rpartition(':')[0]}@{place.resolve(image)}"
        assert [one["Description"].split()[:2] for one in function.versions] == [
            ["v1.2.0", head[:12]]
        ]
    place.front.forget()
    second = place("lambdas", "v1.2.0")
    assert second.status == 0, second.log
    assert "nothing was changed" in second.log
    assert place.front.writes() == []
    assert place.functions.count("UpdateFunctionCode") == 2
    assert place.functions.count("PublishVersion") == 2


def lambdas_in(home: Path, *args: str) -> subprocess.Popen[bytes]:
    """Begin `lambdas` in a clone, in a process of its own."""
    kept = ("AWS_", "ECR_", "REGISTRY_")
    given = {name: said for name, said in os.environ.items() if name.startswith(kept)}
    return subprocess.Popen(
        [sys.executable, "-m", "nox", "-s", "lambdas", "--", *args],
        cwd=home,
        env={**clean_env(), **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def said_by(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, " ".join(out.decode().split())


def test_of_two_releases_of_lambdas_in_any_order_the_newer_stays(place: Place) -> None:
    digests, clones = {}, {}
    for tag in ("v1.1.0", "v1.2.0"):
        of = (tag.removeprefix("v"), place.tag(tag))
        for name in ("lambda-base", "lambda-beat", "lambda-gaps"):
            digests[name, tag] = place.push(name, tag, of=of)
        clones[tag] = place.home.parent / tag
        git(place.home, "clone", "-q", "-b", tag, str(place.home), str(clones[tag]))
    names = {"lambda-beat": "prod-beat", "lambda-gaps": "prod-gaps"}
    functions = [
        place.functions.add(FunctionState(name=name, uri="x@sha256:old")) for name in names.values()
    ]

    def run_there() -> set[str]:
        found = {one.uri.partition("@")[2] for one in functions}
        return {tag for name, tag in digests if digests[name, tag] in found}

    both = {tag: lambdas_in(clones[tag], tag) for tag in clones}
    ends = {tag: said_by(process) for tag, process in both.items()}
    assert ends["v1.2.0"][0] == 0, ends["v1.2.0"]
    assert ends["v1.1.0"][0] == 0 or "runs v1.2.0, which is newer" in ends["v1.1.0"][1], ends
    assert run_there() == {"v1.2.0"}
    status, said = said_by(lambdas_in(clones["v1.1.0"], "v1.1.0"))
    assert status == 1
    assert "prod-gaps: runs v1.2.0, which is newer than v1.1.0, and stays at it" in said
    assert "nox -s lambdas -- v1.1.0 --rollback --environment prod" in said
    assert run_there() == {"v1.2.0"}
    assert (
        place.resolve(f"{place.repository('lambda-gaps')}:latest")
        == digests["lambda-gaps", "v1.2.0"]
    )
    status, said = said_by(lambdas_in(clones["v1.1.0"], "v1.1.0", "--rollback"))
    assert status == 0, said
    assert run_there() == {"v1.1.0"}
    record = clones["v1.1.0"] / "build" / "release" / "v1.1.0" / "functions-prod.json"
    assert json.loads(record.read_text())["steps"]["gaps"]["record"]["rollback_from"] == "v1.2.0"
    assert said_by(lambdas_in(clones["v1.2.0"], "v1.2.0"))[0] == 0
    assert run_there() == {"v1.2.0"}


def test_a_dispatch_without_a_tag_takes_a_version_that_is_handed_down(
    place: Place, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    place.tag("v1.2.0")
    place.tag("v1.3.0-rc1")
    place.tag("v0.0.0-test")  # test tags do not count
    git(place.home, "commit", "-q", "--allow-empty", "-m", "Later")
    short = git(place.home, "rev-parse", "--short=7", "HEAD")
    version = f"v1.3.0-rc1-g{short}"
    place.functions.add(FunctionState(name="gaps", uri="x@sha256:old"))
    place.functions.add(FunctionState(name="beat", uri="x@sha256:old"))
    output = place.home.parent / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    matrix = place("lambdas", "--matrix", "--environment", "staging")
    assert [one["name"] for one in json.loads(matrix.out)["include"]] == ["beat", "gaps"]
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert (outputs["version"], outputs["environment"]) == (version, "staging")
    # jobs of the matrix, one of them before the other
    base = place("lambdas", "--version", version, "--only", "base", "--images-only")
    assert base.status == 0, base.log + base.out
    for name in ("gaps", "beat"):
        job = place("lambdas", "--version", version, "--only", name, "--environment", "staging")
        assert job.status == 0, job.log + job.out
        function = place.functions.functions[name]
        assert function.uri.rpartition("@")[2] == place.resolve(
            f"{place.repository(f'lambda-{name}')}:{version}"
        )
    whole = place("lambdas", "--environment", "staging")
    assert whole.status == 0, whole.log
    assert "nothing was changed" in whole.log
    # a version that is of another commit
    git(place.home, "commit", "-q", "--allow-empty", "-m", "Later still")
    late = place("lambdas", "--version", version, "--environment", "staging")
    assert late.status == 1
    assert f"version {version}: is not of the commit that is checked out" in late.log


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "which tag?"),
        (["v1.2.0", "--version", "v1.2.0"], "give a tag or --version, not both"),
        (["--version", "nonsense"], "nonsense: no release tag"),
        (["--environment", "qa"], "environment 'qa': there is none"),
        (["--environment", ""], "--environment: is empty; name one"),
        (["--version", "HEAD"], "is of no tag, so no rule of deploy.tags is for it; say where"),
        (["v2.0.0"], "no rule says to which environment it goes"),
        (["v1.2.0", "--only", "gap"], "did you mean gaps?"),
    ],
)
def test_lambdas_that_are_refused(place: Place, args: list[str], said: str) -> None:
    place.tag("v1.2.0")
    place.tag("v2.0.0")
    if args[:1] == ["v1.2.0"]:
        git(place.home, "checkout", "-q", "v1.2.0")
    if args[-1:] == ["HEAD"]:  # a version of the commit that is checked out
        args = [*args[:-1], f"v2.0.0-g{git(place.home, 'rev-parse', '--short=7', 'HEAD')}"]
    ran = place("lambdas", *args)
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert place.functions.requests == []
    assert place.front.writes() == []


def test_an_uncommitted_change_is_in_no_version(place: Place) -> None:
    place.tag("v1.2.0")
    (place.home / "lambdas/gaps/handler.py").write_text("def run(): ...\n")
    ran = place("lambdas", "--environment", "dev")
    assert ran.status == 1
    assert "uncommitted changes in lambdas/gaps/handler.py" in ran.log


def test_a_tag_may_be_handed_down_as_a_version(place: Place, docker_host: str) -> None:
    place.tag("v1.2.0")
    ran = place("lambdas", "--version", "v1.2.0", "--dry-run", "--json", "--images-only")
    assert ran.status == 0, ran.log
    assert json.loads(ran.out)["tag"] == "v1.2.0"
