"""Checks of the repository itself, with the door to commands recorded."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.doctor_contexts import repository
from tests.support.project import pyproject
from tradai_tasks.checks import lock_check as locks
from tradai_tasks.doctor import repository as checks_of
from tradai_tasks.doctor.check_list import NAMES, checks
from tradai_tasks.doctor.check_runner import Finding
from tradai_tasks.errors import BadArgumentsError, CommandFailedError
from tradai_tasks.process import Completed

DOCKERFILE = 'ARG BASE_IMAGE=tradai/lambda-base:latest\nFROM ${BASE_IMAGE}\nCMD ["handler.run"]\n'


Door = Callable[[Sequence[str]], tuple[int, str, str]]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Callable[[Door], list[list[str]]]:
    def opened(answer: Door) -> list[list[str]]:
        ran: list[list[str]] = []

        def run(argv: Sequence[str], **given: Any) -> Completed:
            ran.append(list(argv))
            status, out, err = answer(argv)
            if given.get("check", True) and status:
                raise CommandFailedError(f"{argv[0]}: exit status {status}: {err}")
            return Completed(
                argv=tuple(argv), returncode=status, stdout=out.encode(), stderr=err.encode()
            )

        for module in (checks_of, locks):
            monkeypatch.setattr(module, "run", run)
        return ran

    return opened


def printed(text: str, argv: Sequence[str]) -> tuple[int, str, str]:
    return 0, text, ""


def said(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.what


def test_locks(door: Callable[[Door], list[list[str]]]) -> None:
    assert checks_of.locks(repository({})) == Finding(
        state="fault", what="uv.lock: not there", remedy="make it: nox -s lock"
    )
    ran = door(lambda _: (0, "", ""))
    assert said(checks_of.locks(repository({"uv.lock": ""}))) == ("ok", "1 lock file fresh")
    assert ran == [["uv", "lock", "--check", "--project", "."]]
    door(lambda _: (1, "", "warning: x\nerror: The lockfile at `uv.lock` needs to be updated\n"))
    assert checks_of.locks(repository({"uv.lock": ""})) == Finding(
        state="fault", what="uv.lock: stale", remedy="update it with: nox -s lock"
    )
    door(lambda _: (2, "", "Using x\nerror: No interpreter found for Python >=3.99\n\nhint: y\n"))
    assert checks_of.locks(repository({"uv.lock": ""})) == Finding(
        state="fault",
        what="uv.lock (error: No interpreter found for Python >=3.99): uv could not look",
        remedy="see what uv says: nox -s lock -- --check",
    )
    door(lambda _: (1, "", ""))
    assert "uv says nothing" in checks_of.locks(repository({"uv.lock": ""})).what


def test_the_lock_of_a_strategy_is_in_git(
    door: Callable[[Door], list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    door(lambda _: (0, "", ""))
    files = {f"strategies/{name}/pyproject.toml": pyproject(name) for name in ("fast", "slow")}
    files |= {f"strategies/{name}/uv.lock": "" for name in ("fast", "slow")} | {"uv.lock": ""}

    def tracked(root: Path, projects: Sequence[str], *, tracked: bool) -> tuple[str, ...]:
        assert (projects, tracked) == (["strategies/fast", "strategies/slow"], True)
        return ("strategies/fast/uv.lock",)

    monkeypatch.setattr(checks_of, "committed_locks", tracked)
    assert checks_of.locks(repository(files, root="")) == Finding(
        state="fault",
        what="strategies/slow/uv.lock: not in git, so no strategy can be released",
        remedy="take uv.lock out of .gitignore if it is there, and commit the file",
    )


def test_the_engine_is_asked_only_where_something_needs_it() -> None:
    none = "no service, lambda or strategy has a Dockerfile; no compose file"
    for files in ({}, {"Dockerfile": "FROM x\n"}):
        assert said(checks_of.engine(repository(files))) == ("n/a", none)
    with pytest.raises(Exception, match="docker and podman: not found on PATH"):
        checks_of.engine(repository({"compose.yaml": ""}))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"lambdas/gaps/handler.py": ""}, "lambdas/gaps: no Dockerfile, so it is never built"),
        (
            {"lambdas/gaps/Dockerfile": DOCKERFILE, "lambdas/gaps/handler.py": "def run(): ..."},
            "lambdas/gaps/Dockerfile: is built on lambdas/base, which is not there",
        ),
        ({"lambdas/base/README.md": ""}, "lambdas/base: no Dockerfile, so there is no base image"),
        (
            {"lambdas/gaps/Dockerfile": 'FROM x\nCMD ["handler.run"]\n'},
            "its CMD names lambdas/gaps/handler.py, which is not there",
        ),
        (
            {
                "lambdas/gaps/Dockerfile": 'FROM x\nCMD ["handler.run"]\n',
                "lambdas/gaps/handler.py": "def runs(): ...\n",
            },
            "lambdas/gaps/handler.py: has no 'run', which the CMD of lambdas/gaps/Dockerfile",
        ),
        (
            {"lambdas/gaps/Dockerfile": 'FROM x\nCMD ["handler"]\n'},
            "its CMD 'handler' names no module and function",
        ),
    ],
)
def test_lambdas_that_would_not_be_found_or_called(files: dict[str, str], words: str) -> None:
    finding = checks_of.lambdas(repository(files))
    assert finding.state == "fault"
    assert words in finding.what
    assert "lambdas/<name>/Dockerfile" in finding.remedy


@pytest.mark.parametrize(
    "source",
    ["def run(event, context): ...", "from app import run", "import x as run", "run = make()",
     "if True:\n    async def run(): ...", "from app import *", "def broken(:"],
)  # fmt: skip
def test_lambdas_that_are_well(source: str) -> None:
    files = {
        "lambdas/base/Dockerfile": "FROM x\n",
        "lambdas/gaps/Dockerfile": DOCKERFILE,
        "lambdas/gaps/handler.py": source,
        "lambdas/other/Dockerfile": 'FROM x\nENTRYPOINT ["run"]\n',
        "lambdas/web/Dockerfile": 'FROM x\nCMD ["uvicorn", "app:app"]\n',
    }
    assert said(checks_of.lambdas(repository(files))) == ("ok", "3 found")
    assert said(checks_of.lambdas(repository({}))) == ("n/a", "no folder under lambdas/")


WORKFLOW = "env:\n  A: ${{ secrets.AWS_ROLE }}\n  B: ${{ vars.PLACE }}\n"


def test_secrets_of_the_workflows() -> None:
    assert checks_of.secrets(repository({})).state == "n/a"
    files = {".github/workflows/ci.yml": WORKFLOW}
    laptop = checks_of.secrets(repository(files))
    assert laptop.state == "n/a"
    assert "not to be seen from here: AWS_ROLE (ci.yml), PLACE (ci.yml)" in laptop.what
    job = checks_of.secrets(repository(files, {"CI": "true", "PLACE": "x"}))
    assert said(job) == ("fault", "not set: AWS_ROLE (ci.yml)")
    assert "gh secret set" in job.remedy
    full = checks_of.secrets(repository(files, {"AWS_ROLE": "marked-secret", "PLACE": "x"}))
    assert said(full) == ("ok", "2 of the workflows are set here")


LAYERS = {"infra/Pulumi.yaml": "", "infra/compute/Pulumi.yaml": "", "infra/README/x": ""}


def test_pulumi(door: Callable[[Door], list[list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(checks_of.pulumi(repository({}))) == ("n/a", "no Pulumi.yaml under infra/")
    missing = checks_of.pulumi(repository(LAYERS))
    assert missing.state == "fault"
    assert "pulumi: not found on PATH" in missing.what
    assert "--skip pulumi" in missing.remedy
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/pulumi")
    ran = door(lambda _: (0, '[{"name": "dev", "updateInProgress": false}]', ""))
    assert said(checks_of.pulumi(repository(LAYERS))) == ("ok", "2 stacks in 2 layers, none locked")
    assert [one[-1] for one in ran] == ["infra", "infra/compute"]
    door(
        lambda argv: (
            0,
            f'[{{"name": "dev", "updateInProgress": {str(argv[-1] == "infra").lower()}}}]',
            "",
        )
    )
    locked = checks_of.pulumi(repository(LAYERS))
    assert said(locked) == ("fault", "infra: stack dev: locked by an update")
    assert "pulumi cancel --cwd LAYER --stack STACK" in locked.remedy
    for text in ("no JSON", "{}", "[1]"):
        door(functools.partial(printed, text))
        with pytest.raises(CommandFailedError, match="printed something else than JSON"):
            checks_of.pulumi(repository(LAYERS))
    door(lambda _: (255, "", "error: no credentials"))
    with pytest.raises(CommandFailedError, match="no credentials"):
        checks_of.pulumi(repository(LAYERS))


def test_checks_are_chosen_by_name() -> None:
    looked_at = repository({})
    assert tuple(one.name for one in checks(looked_at)) == NAMES
    assert [one.name for one in checks(looked_at, only=["aws", "locks"])] == ["locks", "aws"]
    assert "aws" not in {one.name for one in checks(looked_at, skip=["aws"])}
    with pytest.raises(BadArgumentsError, match="did you mean 'registry'"):
        checks(looked_at, only=["registri"])
    with pytest.raises(BadArgumentsError, match="--skip zzz: there is no such check; there are"):
        checks(looked_at, skip=["zzz"])
    with pytest.raises(BadArgumentsError, match="no check is left"):
        checks(looked_at, only=["aws"], skip=["aws"])
    assert all(one.remedy for one in checks(looked_at))


def test_a_strategy_without_any_candles_is_a_fault(tmp_path: Path) -> None:
    assert said(checks_of.candles(repository({}))) == ("n/a", "no strategy with backtests")
    files = {
        "strategies/momentum/pyproject.toml": pyproject("momentum"),
        "strategies/momentum/src/momentum/__init__.py": "",
    }
    here = repository(files, root=pyproject("root"), place=tmp_path)
    missing = checks_of.candles(here)
    assert missing.state == "fault"
    assert missing.what == (
        f"no candles in {tmp_path / 'user_data' / 'data'}; fetch them with: "
        'nox -s "backtest-data(momentum)"'
    )
    folder = tmp_path / "user_data" / "data" / "binance"
    folder.mkdir(parents=True)
    (folder / "BTC_USDT-1h.feather").touch()
    assert said(checks_of.candles(here)) == ("ok", "there are candles for momentum")
