"""`nox --install-only` and `-R`: what CI runs before it signs in, and after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran
from tests.support.platform_sessions import LOCK, PLATFORM, STRATEGIES
from tests.support.real import git
from tradai_tasks.sessions.core.registry.catalog import CATALOG
from tradai_tasks.sessions.core.registry.fitting import backtested, strategies

_MORE = ("mkdocs", "mypy", "bandit", "pip-audit", "pytest-cov", "pytest-benchmark")
_LOCK = LOCK.replace(
    '{ name = "ruff" }', ", ".join(f'{{ name = "{n}" }}' for n in ("ruff", *_MORE))
)
for _name in _MORE:
    _LOCK += f'\n[[package]]\nname = "{_name}"\nversion = "1.0"\n'
    _LOCK += 'source = { registry = "https://index.example" }\n'
EVERYTHING = {
    **PLATFORM,
    "uv.lock": _LOCK,
    "mkdocs.yml": "site_name: x\n",
    "README.md": "A page.\n",
    "tests/test_contract.py": "@pytest.mark.contract\ndef test_it(): ...\n",
    "services/web/Dockerfile": "FROM x\n",
    "lambdas/beat/Dockerfile": "FROM x\n",
    "infra/Pulumi.yaml": "name: x\n",
    "infra/Pulumi.dev.yaml": "",
    "infra/net/Pulumi.yaml": "name: y\n",
    "infra/pulumi-ci.sh": "#!/bin/sh\n",
    ".devcontainer/devcontainer.json": "{}",
}
BACKTESTED = {
    **STRATEGIES,
    "strategies/fast/pyproject.toml": STRATEGIES["strategies/fast/pyproject.toml"].replace(
        'dev = ["pytest"]', 'dev = ["pytest"]\nfreqtrade = ["freqtrade"]'
    ),
    "strategies/fast/uv.lock": STRATEGIES["strategies/fast/uv.lock"].replace(
        '[{ name = "pytest" }]', '[{ name = "pytest" }]\nfreqtrade = [{ name = "freqtrade" }]'
    )
    + '[[package]]\nname = "freqtrade"\nversion = "1"\n',
}
_INSTALLS = ({"uv", "sync"}, {"uv", "pip", "install"}, {"uv", "venv"}, {"pulumi", "install"})


@pytest.fixture
def ready(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """Programs that nobody may start here, where PATH is looked at."""
    programs = run.home / "programs"
    programs.mkdir()
    for name in ("pulumi", "npx"):
        (programs / name).write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return run


def installed(ran: Ran) -> list[list[str]]:
    """The commands of a run, all of which install."""
    assert ran.status == 0, ran.log
    assert "Traceback" not in ran.log
    for argv in ran.commands:
        words = {Path(argv[0]).name, *argv[1:3]}
        assert any(kind <= words for kind in _INSTALLS), argv
    return ran.commands


def of_kind(name: str) -> dict[str, str]:
    fits = next(entry.fits for entry in CATALOG if entry.name == name)
    return BACKTESTED if fits in {backtested, strategies} else EVERYTHING


@pytest.mark.parametrize("name", [entry.name for entry in CATALOG])
def test_every_session_only_installs(ready: InProcess, name: str) -> None:
    ready.files(of_kind(name))
    (ready.home / "infra").mkdir(exist_ok=True)
    (ready.home / "infra/pulumi-ci.sh").touch()
    (ready.home / "infra/pulumi-ci.sh").chmod(0o755)
    repository(ready.home)
    # of acting sessions the arguments are not even read: they have nothing to install
    entry = next(one for one in CATALOG if one.name == name)
    session = f"{name}(fast)" if entry.fits is backtested else name
    words = ["--", "preview"] if name == "infra" else []
    before = files_of(ready.home)
    ran = ready("--install-only", "-s", session, *words)
    commands = installed(ran)
    assert "only installed, as --install-only says" in ran.log
    if entry.environment == "none":
        assert commands == []
        assert files_of(ready.home) == before


def test_what_a_layer_of_pulumi_needs_is_installed_before_there_are_credentials(
    ready: InProcess,
) -> None:
    ready.files(EVERYTHING)
    (ready.home / "infra/pulumi-ci.sh").chmod(0o755)
    ran = ready("--install-only", "-s", "infra", "--", "preview")
    assert ran.starting("pulumi") == [
        ["pulumi", "install", "--cwd", "infra"],
        ["pulumi", "install", "--cwd", "infra/net"],
    ]
    broken = ready(
        "--install-only", "-s", "infra", "--", "preview", script=lambda argv: int("net" in argv[-1])
    )
    assert broken.status != 0
    assert "infra/net: pulumi install failed" in broken.log


def test_wrangler_is_fetched_before_there_is_a_token(ready: InProcess) -> None:
    setting = '[tool.tradai-tasks.docs]\nproject = "d"\n'
    ready.files({**EVERYTHING, "pyproject.toml": EVERYTHING["pyproject.toml"] + setting})
    repository(ready.home)
    ran = ready("--install-only", "-s", "docs", "--", "--deploy", "--site", "build/site")
    assert ran.status == 0, ran.log
    fetched = ran.starting("npx")
    assert len(fetched) == 1
    assert fetched[0][-1] == "--version"
    assert "pages" not in fetched[0]


def test_an_environment_that_sessions_share_is_not_installed_again(ready: InProcess) -> None:
    ready.files(BACKTESTED)
    repository(ready.home)
    first = ready("--install-only", "-s", "backtest-smoke(fast)")
    assert len(installed(first)) > 0
    folder = ready.home / ".nox" / ".cache" / "backtest-fast"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").touch()
    again = ready("-R", "--install-only", "-s", "backtest-smoke(fast)")
    assert installed(again) == []


def files_of(home: Path) -> list[Path]:
    made = {".nox", "__pycache__", ".git"}
    return sorted(path for path in home.rglob("*") if not made & set(path.parts))


def repository(home: Path) -> None:
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "One")
