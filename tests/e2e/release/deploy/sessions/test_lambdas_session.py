"""The session lambdas by nox: a real registry, a real engine, a loopback Lambda."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deploy_place import Place
from tests.support.lambda_api import FunctionState
from tests.support.real import clean_env, git


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
        (["v1.2.0", "--only", "gap"], "did you mean 'gaps'?"),
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
