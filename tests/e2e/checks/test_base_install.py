"""The package as it is installed without extras: the whole catalog, on both examples."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from nox.virtualenv import UV

from tests.support.real import REPOSITORY, Result, clean_env, copy_example, edit, git
from tradai_tasks.sessions.core.registry.catalog import CATALOG

# the least that each session needs to get to its work; none where it needs nothing
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "affected": ("--base", "HEAD"),
    "bump": ("tradai-data", "patch", "--dry-run"),
    "changes": ("--base", "HEAD"),
    "deploy": ("v1.0.0", "--dry-run"),
    "devcontainer": ("--help",),  # builds an image with what it downloads
    "docs-freshness": ("--external",),
    "images": ("v1.0.0", "--dry-run"),
    "infra": ("preview", "dev", "--comment", "--pull-request", "1"),
    "lambdas": ("v1.0.0", "--dry-run"),
    "release": ("v1.0.0", "--dry-run"),
    "tag": ("v1.0.0",),
    "workflows": ("--check",),  # a release wants a clean tree
}
OF_STRATEGIES: Mapping[str, tuple[str, ...]] = {
    **ARGUMENTS,
    "bump": ("momentum", "patch", "--dry-run"),
    "images": ("momentum-v1.0.0", "--dry-run"),
    "mlflow-register": ("momentum-v1.0.0",),
    "release": ("momentum-v1.0.0", "--dry-run"),
    "tag": ("momentum-v1.0.0",),
}
# one of a session that there is of each package
PACKAGES = {"test": "candle-gaps", "perf": "tradai-data"}
NEED_AN_EXTRA = {
    "platform": "build deploy docs-freshness images infra lambdas publish release",
    "strategies": "backtest-full docs-freshness",
}
NOWHERE = {  # no service is near, so that nothing of this machine is asked
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "ECR_REGISTRY": "127.0.0.1:9",
    "GITHUB_TOKEN": "x",
    "GITHUB_REPOSITORY": "o/r",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "NOX_SCRIPT_MODE": "none",
    "NEEDS": '{"lint": {"result": "success"}}',
}


@dataclass(frozen=True)
class Installed:
    """An environment with the package, and a program that it may call."""

    python: Path
    tools: Path

    def nox(self, home: Path, *args: str) -> Result:
        env = clean_env(**NOWHERE)
        env["PATH"] = f"{self.tools}:{env['PATH']}"
        argv = [str(self.python), "-m", "nox", *args]
        done = subprocess.run(
            argv, cwd=home, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The built wheel alone, in an environment of its own; `pulumi` finds nothing to change."""
    home = tmp_path_factory.mktemp("installed")
    python = home / "env/bin/python"
    for argv in (
        [UV, "build", "--quiet", "--wheel", "--out-dir", str(home / "dist"), str(REPOSITORY)],
        [UV, "venv", "--quiet", str(home / "env")],
    ):
        subprocess.run(argv, check=True, env=clean_env())
    (wheel,) = (home / "dist").glob("*.whl")
    install = [UV, "pip", "install", "--quiet", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True, env=clean_env())
    tools = home / "tools"
    tools.mkdir()
    (tools / "pulumi").write_text('#!/bin/sh\necho \'{"steps": [], "changeSummary": {}}\'\n')
    (tools / "pulumi").chmod(0o755)
    return Installed(python=python, tools=tools)


def committed(home: Path, tag: str) -> Path:
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-fA")
    git(home, "commit", "-qm", "All")
    git(home, "tag", tag)
    return home


@pytest.fixture(scope="module")
def platform(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The platform, with the library in a group that `uv run` does not install unasked."""
    home = copy_example("tradai-uv", tmp_path_factory.mktemp("platform") / "tradai-uv")
    noxfile = home / "noxfile.py"
    noxfile.write_text(noxfile.read_text().partition("# ///\n")[2])
    edit(home / "pyproject.toml", "[dependency-groups]", '[dependency-groups]\nci = ["six"]')
    result = installed.nox(home, "-s", "lock")
    assert result.status == 0, result.text
    # what is declared is only read: no index here has the library
    edit(home / "pyproject.toml", 'ci = ["six"]', 'ci = ["tradai-tasks"]')
    return committed(home, "v1.0.0")


@pytest.fixture(scope="module")
def strategies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The strategies, with pins in the noxfile."""
    home = copy_example("tradai-strategies", tmp_path_factory.mktemp("strategies") / "s")
    edit(home / "noxfile.py", "tradai-tasks[backtest,release]", "tradai-tasks")
    return committed(home, "momentum-v1.0.0")


def in_order(result: Result, session: str) -> None:
    """A run that did its work, or said in one line why it did not."""
    assert "Traceback" not in result.text, result.text
    assert "the check itself failed" not in result.text, result.text
    if result.status:
        ends = re.findall(
            r"^(?:nox > Session \S+ aborted|nox > Session \S+ failed|tradai-tasks): .+$",
            result.log,
            re.MULTILINE,
        )
        assert ends, f"{session}: {result.text}"


def run_all(
    installed: Installed, home: Path, arguments: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Run one of each session that is there and return the last line of those that failed."""
    listed = installed.nox(home, "-l")
    assert listed.status == 0, listed.text
    names = re.findall(r"^[-*] (\S+)", listed.out, re.MULTILINE)
    said = {}
    for entry in CATALOG:
        mine = [name for name in names if name.partition("(")[0] == entry.name]
        if not mine:
            continue
        wanted = f"{entry.name}({PACKAGES.get(entry.name, 'momentum')})"
        name = wanted if wanted in mine else mine[0]
        result = installed.nox(home, "-s", name, "--", *arguments.get(entry.name, ()))
        in_order(result, name)
        said[entry.name] = result.text
    return said


def extra_missing(said: Mapping[str, str]) -> set[str]:
    return {name for name, text in said.items() if "which comes with the extra" in text}


def test_no_extra_is_installed(installed: Installed) -> None:
    code = "import importlib.util as u; print([m for m in MODULES if u.find_spec(m)])"
    modules = ["boto3", "httpx", "matplotlib", "tenacity", "twine"]
    argv = [str(installed.python), "-c", f"MODULES = {modules}; {code}"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    version = subprocess.run(
        [str(installed.python.with_name("tradai-tasks")), "--version"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.fullmatch(r"tradai-tasks \d+\.\d+\.\d+\n", version.stdout)


def test_the_catalog_on_the_platform(installed: Installed, platform: Path) -> None:
    said = run_all(installed, platform, ARGUMENTS)
    there = {entry.name for entry in CATALOG} - set(said)
    assert there == {
        "backtest-data", "backtest-full", "backtest-smoke", "freqtrade", "lookahead",
        "mlflow-register", "recursive",
    }  # fmt: skip
    missing = extra_missing(said) - {"doctor"}
    assert missing >= set(NEED_AN_EXTRA["platform"].split())
    for name in missing:
        line = next(one for one in said[name].splitlines() if "which comes with" in one)
        assert "the extra 'release' of tradai-tasks; add it with: uv add --group ci" in line
        assert '"tradai-tasks[release]"' in line
    assert "uv add --group ci" in said["doctor"]


def test_the_catalog_on_the_strategies(installed: Installed, strategies: Path) -> None:
    said = run_all(installed, strategies, OF_STRATEGIES)
    assert extra_missing(said) >= set(NEED_AN_EXTRA["strategies"].split())
    assert 'in line 2 of noxfile.py, write "tradai-tasks[backtest]==' in said["backtest-full"]
    assert 'in line 2 of noxfile.py, write "tradai-tasks[release]==' in said["docs-freshness"]
