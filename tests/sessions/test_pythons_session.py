"""The Python that was asked for, and what nox's options say of environments."""

from __future__ import annotations

import sys

import pytest

from tests.support.inprocess import InProcess, Ran, environment, failed
from tests.support.platform_sessions import PLATFORM, ROOT, names
from tradai_tasks.checks.lock_check import LockState
from tradai_tasks.sessions.checks import lock

OWN = ".".join(map(str, sys.version_info[:3]))
OTHER = "3.12" if OWN.startswith("3.11.") else "3.11"


@pytest.fixture
def platform(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """A platform, on a machine that has every Python."""
    monkeypatch.setattr("nox.virtualenv._find_python", lambda spec: f"/pythons/{spec}/bin/python")
    return run.files(PLATFORM)


def setting(run: InProcess, python: str) -> None:
    (run.home / "pyproject.toml").write_text(f"{ROOT}[tool.tradai-tasks]\npython = {python}\n")


def made(ran: Ran) -> list[str]:
    """The Pythons of the environments that were made."""
    return [command[3] for command in ran.starting("uv", "venv")]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["test-3.12(a)", "test(a)", "test-3.12", "lint-3.12", "test"])
def test_the_names_of_children_are_taken_where_a_python_is_set(
    platform: InProcess, word: str
) -> None:
    setting(platform, '"3.12"')
    ran = platform("-s", word)
    assert "no such session" not in ran.log
    assert "Sessions not found" not in ran.log
    assert made(ran), ran.log


def test_the_names_of_children_are_taken_where_a_python_is_derived(platform: InProcess) -> None:
    file = platform.home / "libs/a/pyproject.toml"
    file.write_text(file.read_text().replace("[project]", '[project]\nrequires-python = ">=3.30"'))
    file = platform.home / "libs/b/pyproject.toml"
    file.write_text(file.read_text().replace("[project]", '[project]\nrequires-python = "<3.30"'))
    assert platform("-s", "test-3.29(b)").status != 0  # none in common
    file.write_text(file.read_text().replace("<3.30", ">=3.20"))
    (platform.home / "libs/a/pyproject.toml").write_text(file.read_text().replace("b", "a"))
    ran = platform("-s", "test-3.20(b)")
    assert made(ran) == ["/pythons/3.20/bin/python"], ran.log


@pytest.mark.parametrize(
    "options", [["-P", "3.13"], ["--force-python=3.13"], ["--extra-pythons", "3.13", "-p", "3.13"]]
)
def test_the_names_of_children_are_taken_under_a_forced_python(
    platform: InProcess, options: list[str]
) -> None:
    setting(platform, '"3.12"')
    ran = platform(*options, "-s", "test-3.13(a)")
    assert made(ran) == ["/pythons/3.13/bin/python"], ran.log
    failed(platform(*options, "-s", "test-3.13(nope)"), "test-3.13(nope): no package of that name")


def test_a_python_that_nobody_asked_for_is_no_session(platform: InProcess) -> None:
    setting(platform, '["3.11", "3.12"]')
    failed(
        platform("-s", "test-3.10(a)"),
        "test-3.10(a): no such session; there is test-3.11(a), test-3.12(a)",
    )
    assert made(platform("-s", "test-3.12(a)")) == ["/pythons/3.12/bin/python"]
    assert {"test-3.11(a)", "test-3.12(a)"} <= set(names(platform("-l")))


def test_arguments_for_an_aggregate_are_refused_by_any_of_its_names(platform: InProcess) -> None:
    failed(platform("-P", "3.13", "-s", "check-3.13", "--", "-x"), "takes no arguments after `--`")


# --- environments --------------------------------------------------------------------------------


def test_an_environment_of_another_python_is_made_anew(platform: InProcess) -> None:
    folder = platform.home / ".nox/test-a"
    environment(folder, OWN)
    kept = platform("-s", "test(a)")
    assert made(kept) == []
    setting(platform, f'"{OTHER}"')
    ran = platform("-s", "test(a)")
    assert made(ran) == [f"/pythons/{OTHER}/bin/python"]
    said = f".nox/test-a has Python {OWN}, and Python {OTHER} is asked for: it is recreated"
    assert said in ran.log
    assert made(platform("-s", "test(a)")) == []
    setting(platform, f'"{OTHER}"\n[tool.other]')
    assert made(platform("-s", "test(a)", "-P", "3.13")) == ["/pythons/3.13/bin/python"]
    (platform.home / "pyproject.toml").write_text(ROOT)
    ran = platform("-s", "test(a)")
    assert made(ran) == [sys.executable]
    assert f"and the Python {OWN} that runs nox is asked for: it is recreated" in ran.log


def test_a_pinned_python_counts_as_asked_for(platform: InProcess) -> None:
    environment(platform.home / ".nox/test-a", OWN)
    (platform.home / ".python-version").write_text(f"{OTHER}\n")
    assert made(platform("-s", "test(a)")) == [f"/pythons/{OTHER}/bin/python"]


def test_an_environment_that_states_nothing_is_made_anew(platform: InProcess) -> None:
    folder = platform.home / ".nox/test-a"
    folder.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("uv = 1\n")
    assert ".nox/test-a has an unknown Python, and" in platform("-s", "test(a)").log


def test_a_new_environment_of_the_wrong_python_fails(
    platform: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nox.virtualenv._find_python", lambda _: "/pythons/3.14/bin/python")
    setting(platform, '"3.12"')
    ran = platform("-s", "test(a)")
    failed(
        ran,
        "test(a): its environment has Python 3.14, but Python 3.12 is asked for; remove "
        ".nox/test-a, and see which Python is found: uv python list",
    )
    assert not ran.starting("python", "-m", "pytest")


def test_reuse_is_what_the_command_line_says(platform: InProcess) -> None:
    environment(platform.home / ".nox/test-a", OWN)
    for options in (["--reuse-venv=no"], ["--reuse-venv", "never"], ["-N"], ["--reuse-venv=never"]):
        assert made(platform("-s", "test(a)", *options)) == [sys.executable], options
    for options in ([], ["-r"], ["--reuse-venv=yes"], ["--reuse-venv=always"]):
        again = platform("-s", "test(a)", *options)
        assert made(again) == [], options
        assert again.starting("uv", "sync"), options


def test_without_installing_nothing_is_installed_unless_it_is_new(platform: InProcess) -> None:
    environment(platform.home / ".nox/test-a", OWN)
    for options in (["--no-install"], ["-R"]):
        ran = platform("-s", "test(a)", *options)
        assert not ran.starting("uv", "sync")
        assert not ran.starting("uv", "pip")
        assert ran.starting("python", "-m", "pytest")
    setting(platform, f'"{OTHER}"')
    ran = platform("-s", "test(a)", "-R")
    assert made(ran) == [f"/pythons/{OTHER}/bin/python"]
    assert ran.starting("uv", "sync")


def test_only_installing_runs_no_test(platform: InProcess) -> None:
    ran = platform("-s", "test(a)", "lint", "typecheck", "--install-only")
    assert ran.status == 0, ran.log
    assert ran.starting("uv", "sync")
    assert not ran.starting("python", "-m", "pytest")


def test_without_an_environment_nothing_is_installed(platform: InProcess) -> None:
    ran = platform("-s", "test(a)", "lint", "--no-venv")
    assert not made(ran)
    assert not ran.starting("uv", "sync")
    assert ran.starting("python", "-m", "pytest")
    assert ran.starting("ruff", "check")
    assert "Traceback" not in ran.log
    assert "without an environment it runs on" not in ran.log
    setting(platform, f'"{OTHER}"')
    warned = platform("-s", "test(a)", "--no-venv")
    assert f"without an environment it runs on Python {OWN}, not on {OTHER}" in warned.log


def test_another_backend_is_filled_too(
    platform: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = platform("-s", "test(a)", "-fb", "venv")
    assert ran.commands[0][1:3] == ["-m", "venv"]
    assert ran.starting("uv", "sync")


def test_a_python_that_a_package_does_not_allow_is_named(platform: InProcess) -> None:
    file = platform.home / "libs/a/pyproject.toml"
    file.write_text(file.read_text().replace("[project]", '[project]\nrequires-python = ">=3.13"'))
    setting(platform, '"3.12"')
    ran = platform("-s", "test(a)", script=lambda argv: int("sync" in argv))
    failed(ran, "a requires Python >=3.13, and Python 3.12 was asked for; change the setting")
    assert "nox -s lock" not in ran.log


# --- groups, locks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "group", ["[dependency-groups]\ndev = []\n", "[tool.uv]\ndev-dependencies = []\n"]
)
def test_an_empty_group_is_not_asked_for(platform: InProcess, group: str) -> None:
    root = f'[tool.uv.workspace]\nmembers = ["libs/*"]\n{group}'
    (platform.home / "pyproject.toml").write_text(root)
    ran = platform("-s", "typecheck")
    (command,) = ran.starting("uv", "sync")
    assert "--group" not in command
    assert ran.status == 0, ran.log


def test_locks_are_judged_by_what_uv_says(
    platform: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(state: str, said: str = "") -> Ran:
        found = LockState(file="uv.lock", state=state, said=said)  # type: ignore[arg-type]  # one of its states
        monkeypatch.setattr(lock, "state_of", lambda *_: found)
        return platform("-s", "lock", "--", "--check")

    assert says("fresh").status == 0
    failed(says("stale"), "lock: stale: uv.lock; make it fresh with: nox -s lock")
    failed(says("missing"), "lock: missing: uv.lock; make it fresh with: nox -s lock")
    unknown = says("unknown", "error: No interpreter found for Python >=3.99")
    failed(unknown, "lock: uv could not look at uv.lock: error: No interpreter found for Python")
    assert "nox -s lock" not in unknown.log


def test_uv_does_not_hear_of_the_environment_that_nox_runs_in(
    platform: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str | None]] = []
    names_ = ("UV_PYTHON", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")

    def look(*_: object) -> LockState:
        import os

        seen.append({name: os.environ.get(name) for name in names_})
        return LockState(file="uv.lock", state="fresh")

    monkeypatch.setattr(lock, "state_of", look)
    of_script = dict.fromkeys(names_, sys.prefix)
    assert platform("-s", "lock", "--", "--check", env=of_script).status == 0
    of_user = {"UV_PYTHON": "3.13", "VIRTUAL_ENV": "/somewhere/else"}
    assert platform("-s", "lock", "--", "--check", env=of_user).status == 0
    assert seen[0] == dict.fromkeys(names_)
    assert seen[1] == {**dict.fromkeys(names_), **of_user}
