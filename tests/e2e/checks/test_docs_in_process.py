"""The sessions `docs` and `devcontainer` in this process, their commands recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, run
from tests.support.real import git, write

__all__ = ["run"]

LOCK = 'version = 1\n[[package]]\nname = "x"\nversion = "1"\n'
FILES = {
    "pyproject.toml": (
        '[project]\nname = "x"\nversion = "1"\n'
        '[tool.tradai-tasks.docs]\nproject = "acme-docs"\n'
        '[tool.tradai-tasks.devcontainer]\nimage = "ghcr.io/acme/dev"\n'
    ),
    "uv.lock": LOCK,
    "mkdocs.yml": "site_name: x\n",
    "docs/index.md": "# Hello\n",
    ".devcontainer/devcontainer.json": "{}",
    ".gitignore": ".nox/\nbuild/\n",
}


def tool(folder: Path, name: str, text: str = "exit 0") -> None:
    write(folder, {name: f"#!/bin/sh\n{text}\n"})
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    run.home = run.home / "it"
    run.files(FILES)
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "One")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "marked-token")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "a1")
    tool(folder, "wrangler")
    return folder


def command_of(argv: Sequence[str]) -> list[str]:
    """The command itself, without the sandbox that it runs in where there is one."""
    module = "tradai_tasks.sandbox"
    return list(argv[argv.index(module) + 2 :] if module in argv else argv)


def builds(
    home: Path, *, status: int = 0, page: bool = True, wrangler: int = 0
) -> Callable[..., int]:
    def script(argv: Sequence[str]) -> int:
        name = Path(command_of(argv)[0]).name
        if name == "mkdocs" and page:
            write(home / "build/site", {"index.html": ""})
        return {"mkdocs": status, "wrangler": wrangler}.get(name, 0)

    return script


def test_docs(run: InProcess, tools: Path) -> None:
    ran = run("-s", "docs", script=builds(run.home))
    assert ran.status == 0, ran.log
    assert "built into build/site" in ran.log
    site = str(run.home / "build/site")
    built = ["mkdocs", "build", "--strict", "--site-dir", site]
    assert [one for one in map(command_of, ran.commands) if one[0] == "mkdocs"] == [built]
    assert ran.starting("wrangler") == []
    dry = run("-s", "docs", "--", "--deploy", "--dry-run", script=builds(run.home))
    assert f"wrangler pages deploy {site} --project-name=acme-docs --branch=main" in dry.out
    assert dry.starting("wrangler") == []
    deployed = run("-s", "docs", "--", "--deploy", script=builds(run.home))
    assert deployed.status == 0, deployed.log
    (argv,) = deployed.starting("wrangler")
    assert argv[1:4] == ["pages", "deploy", site]
    assert "marked-token" not in deployed.log + " ".join(argv)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"status": 1}, "mkdocs does not build the site; each warning above is an error"),
        ({"page": False}, "mkdocs built no index.html"),
        ({"wrangler": 1}, "wrangler did not deploy the site"),
    ],
)
def test_docs_that_fail(run: InProcess, tools: Path, given: dict[str, int], said: str) -> None:
    ran = run("-s", "docs", "--", "--deploy", script=builds(run.home, **given))  # type: ignore[arg-type]  # of one test each
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert len(ran.starting("wrangler")) == int("wrangler" in given)


def test_docs_without_credentials(
    run: InProcess, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUDFLARE_ACCOUNT_ID")
    ran = run("-s", "docs", "--", "--deploy")
    assert ran.status == 1
    assert "docs: CLOUDFLARE_ACCOUNT_ID not set" in ran.log
    assert [one for one in map(command_of, ran.commands) if one[0] == "mkdocs"] == []


def container(tools: Path, *, up: str | None = None, login: int = 0) -> None:
    said = json.dumps({"outcome": "success", "containerId": "a" * 64}) if up is None else up
    tool(tools, "devcontainer", f"echo noise\necho '{said}'")
    tool(tools, "docker", f'cat >/dev/null\necho "$@" >> {tools}/ran\nexit {login}')


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "robot")
    monkeypatch.setenv("GITHUB_TOKEN", "marked-token")


@pytest.mark.usefixtures("login")
def test_devcontainer(run: InProcess, tools: Path) -> None:
    container(tools)
    ran = run("-s", "devcontainer", "--", "--test", "--push")
    assert ran.status == 0, ran.log
    assert [one[:2] for one in ran.commands] == [
        ["devcontainer", "build"],
        ["devcontainer", "exec"],
        ["docker", "push"],
    ]
    assert "pushed ghcr.io/acme/dev:latest" in ran.log
    removed, logged = (tools / "ran").read_text().splitlines()
    assert removed == f"rm --force {'a' * 64}"
    assert logged == "login ghcr.io --username robot --password-stdin"
    dry = run("-s", "devcontainer", "--", "--test", "--push", "--dry-run")
    assert len(dry.out.splitlines()) == 3


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("build", "the image could not be built"),
        ("exec", "uv run nox -s test failed in the container"),
        ("push", "ghcr.io/acme/dev:latest could not be pushed"),
    ],
)
def test_devcontainers_that_fail(run: InProcess, tools: Path, word: str, said: str) -> None:
    container(tools)
    ran = run(
        "-s", "devcontainer", "--", "--test", "--push", script=lambda argv: int(argv[1] == word)
    )
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert ran.commands[-1][1] == word


@pytest.mark.usefixtures("login")
def test_a_container_that_does_not_start_and_a_login_that_is_refused(
    run: InProcess, tools: Path
) -> None:
    for said in ("[1]", "{}", '{"containerId": "x; y"}'):
        container(tools, up=said)
        ran = run("-s", "devcontainer", "--", "--test")
        assert ran.status == 1
        assert "the container did not start: no message" in ran.log
    container(tools, login=1)
    refused = run("-s", "devcontainer", "--", "--push")
    assert refused.status == 1
    assert "ghcr.io: login refused" in refused.log
    assert "marked-token" not in refused.log + refused.out


def test_devcontainer_without_what_it_needs(run: InProcess, tools: Path) -> None:
    container(tools)
    assert "--push needs GITHUB_ACTOR and GITHUB_TOKEN to be set" in (
        run("-s", "devcontainer", "--", "--push", env={"GITHUB_ACTOR": "", "GITHUB_TOKEN": ""}).log
    )
    run.files({"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'})
    assert "devcontainer.image: not set; name the image" in (
        run("-s", "devcontainer", "--", "--push").log
    )
