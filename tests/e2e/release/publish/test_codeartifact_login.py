"""`codeartifact-login`, and what real pip, uv and twine make of what it writes."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.codeartifact import TOKEN, State, codeartifact
from tests.support.dists import wheel
from tests.support.inprocess import InProcess
from tests.support.real import NOXFILE, Result, clean_env, write

SETTINGS = '\n[tool.tradai-tasks.publish.codeartifact]\ndomain = "tradai"\nrepository = "py"\n'
PROJECT = """\
[project]
name = "momentum"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["tradai-strategy>=1.0"]
"""


@dataclass
class World:
    """A strategies repository, its private index, and a public one with a package of the name."""

    home: Path
    repo: Path
    private: State
    public: State
    nox: InProcess

    @property
    def env(self) -> dict[str, str]:
        return {
            **self.private.env,
            "HOME": str(self.home),
            "UV_CACHE_DIR": str(self.home / "uv-cache"),
            "UV_DEFAULT_INDEX": self.public.simple,
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
        }

    @property
    def project(self) -> Path:
        return self.repo / "strategies/momentum"

    def login(self, *args: str, **env: str) -> Result:
        """Run the session with nox in this process."""
        ran = self.nox("-s", "codeartifact-login", "--", *args, env={**self.env, **env})
        return Result(ran.status, ran.out, ran.log)

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.project,
            env=clean_env(**{**self.env, **env}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def locked(self) -> str:
        """The version of tradai-strategy in the lock file."""
        lock = tomllib.loads((self.project / "uv.lock").read_text(encoding="utf-8"))
        return str(next(p["version"] for p in lock["package"] if p["name"] == "tradai-strategy"))

    def with_token(self) -> set[str]:
        """The files that hold a token."""
        return {
            str(path.relative_to(self.home.parent))
            for path in self.home.parent.rglob("*")
            if path.is_file() and TOKEN.encode() in path.read_bytes()
        }


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    with codeartifact() as private, codeartifact(is_open=True) as public:
        ours = wheel(tmp_path / "ours", "tradai-strategy", "1.0.0")
        theirs = wheel(tmp_path / "theirs", "tradai-strategy", "99.0.0", code="EVIL = True\n")
        private.put("tradai-strategy", ours.name, ours.read_bytes())
        public.put("tradai-strategy", theirs.name, theirs.read_bytes())
        repo = write(
            tmp_path / "repo",
            {
                "noxfile.py": NOXFILE,
                "tradai-tasks.toml": '[publish.codeartifact]\ndomain = "tradai"\n'
                'repository = "py"\n',
                "strategies/momentum/pyproject.toml": PROJECT,
            },
        )
        (tmp_path / "home").mkdir()
        nox = InProcess(repo, monkeypatch, capsys)
        yield World(home=tmp_path / "home", repo=repo, private=private, public=public, nox=nox)


def variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines())


def has_done(done: subprocess.CompletedProcess[str] | Result) -> None:
    status = done.status if isinstance(done, Result) else done.returncode
    text = done.text if isinstance(done, Result) else done.stdout + done.stderr
    assert status == 0, text


def append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as handle:
        handle.write("\n" + text)


def test_a_public_package_of_the_same_name_does_not_win(world: World) -> None:
    # with no source, uv takes what the public index has
    has_done(world.run("uv", "lock"))
    assert world.locked() == "99.0.0"
    refused = world.login()
    assert refused.status != 0
    assert "Traceback" not in refused.text
    assert (
        "strategies/momentum/pyproject.toml: tradai-strategy has no source, so it is taken from "
        "any index, and a public package of that name would win; put the lines above there"
    ) in refused.text
    assert world.with_token() == set()
    assert world.private.count("token") == 0
    # the lines that it printed, put where it said
    file, _, lines = refused.out.partition("\n")
    assert file == "# strategies/momentum/pyproject.toml"
    append(world.project / "pyproject.toml", lines)
    has_done(world.login())
    assert world.with_token() == {"home/.netrc", "home/.pypirc"}
    has_done(world.run("uv", "lock"))
    assert world.locked() == "1.0.0"
    has_done(world.run("uv", "sync"))
    site = next(world.project.glob(".venv/lib/*/site-packages/tradai_strategy/__init__.py"))
    assert "EVIL" not in site.read_text(encoding="utf-8")
    assert TOKEN not in (world.project / "uv.lock").read_text(encoding="utf-8")
    # without `explicit` the index would be asked for every package: said, and not let through
    text = (world.project / "pyproject.toml").read_text(encoding="utf-8")
    (world.project / "pyproject.toml").write_text(text.replace("explicit = true\n", ""))
    assert "its index 'py' does not have `explicit = true`" in world.login().text


def ready(world: World) -> None:
    append(
        world.project / "pyproject.toml",
        f'[[tool.uv.index]]\nname = "private"\nurl = "{world.private.simple}"\nexplicit = true\n'
        '[tool.uv.sources]\ntradai-strategy = { index = "private" }\n',
    )


def test_in_ci_later_steps_have_it_in_their_environment(world: World, tmp_path: Path) -> None:
    ready(world)
    file = tmp_path / "github-env"
    file.write_text("EARLIER=kept\n", encoding="utf-8")
    result = world.login(GITHUB_ACTIONS="true", CI="true", GITHUB_ENV=str(file))
    has_done(result)
    given = variables(file)
    token = given["TWINE_PASSWORD"]
    assert given == {
        "EARLIER": "kept",
        "PIP_INDEX_URL": world.private.simple.replace("http://", f"http://aws:{token}@"),
        "UV_INDEX_PRIVATE_USERNAME": "aws",
        "UV_INDEX_PRIVATE_PASSWORD": token,
        "TWINE_REPOSITORY_URL": world.private.endpoint,
        "TWINE_USERNAME": "aws",
        "TWINE_PASSWORD": token,
    }
    # the mask is the one place where it is said
    assert f"::add-mask::{token}" in result.log.splitlines()
    assert result.text.count(TOKEN) == 1
    assert re.search(r"token good until \d{4}-\d\d-\d\d \d\d:\d\d \S+ \(in 12 h\)", result.log)
    assert world.with_token() == {"github-env"}

    has_done(world.run("uv", "sync", **given))
    assert world.locked() == "1.0.0"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", "got"]
    fetched = world.run(*pip, "tradai-strategy", **given)
    has_done(fetched)
    assert [path.name for path in (world.project / "got").iterdir()] == [
        "tradai_strategy-1.0.0-py3-none-any.whl"
    ]
    new = wheel(tmp_path / "new", "tradai-other")
    sent = world.run(
        sys.executable, "-m", "twine", "upload", "--non-interactive", str(new), **given
    )
    has_done(sent)
    assert new.name in world.private.files
    assert TOKEN not in fetched.stdout + fetched.stderr + sent.stdout + sent.stderr


def test_on_a_laptop_it_is_written_to_ones_own_files_and_other_entries_are_kept(
    world: World, tmp_path: Path
) -> None:
    ready(world)
    netrc = world.home / "dotfiles/netrc"
    netrc.parent.mkdir()
    netrc.write_text(
        "# my hosts\nmachine git.example login me password mine\n\nmachine 127.0.0.1\n  login old\n"
        "  password old\n\ndefault login anonymous password a@b\n"
    )
    netrc.chmod(0o644)
    (world.home / ".netrc").symlink_to(netrc)
    pypirc = world.home / ".pypirc"
    pypirc.write_text(
        "[distutils]\nindex-servers =\n    pypi\n\n[pypi]\nusername = __token__\npassword = mine\n"
    )
    first = world.login()
    has_done(first)
    has_done(world.login())
    text = netrc.read_text(encoding="utf-8")
    tokens = re.findall(rf"{TOKEN}-\d+-x+", text)
    assert len(tokens) == 1
    assert text == (
        "# my hosts\nmachine git.example login me password mine\n\n"
        f"machine 127.0.0.1 login aws password {tokens[0]}\n\n"
        "default login anonymous password a@b\n"
    )
    assert (world.home / ".netrc").is_symlink()
    assert world.with_token() == {"home/dotfiles/netrc", "home/.pypirc"} | {"home/.netrc"}
    for file in (netrc, pypirc):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "[pypi]\nusername = __token__\npassword = mine\n" in pypirc.read_text()
    assert TOKEN not in first.text

    has_done(world.run("uv", "sync"))
    assert world.locked() == "1.0.0"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", "got"]
    has_done(world.run(*pip, "--index-url", world.private.simple, "tradai-strategy"))
    new = wheel(tmp_path / "new", "tradai-other")
    has_done(
        world.run(sys.executable, "-m", "twine", "upload", "--repository", "private", str(new))
    )
    assert new.name in world.private.files


def test_what_makes_it_unsafe_or_impossible_is_said_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    def fails(passage: str, *args: str, **env: str) -> None:
        result = world.login(*args, **env)
        assert result.status != 0, result.text
        assert passage in result.text
        assert "Traceback" not in result.text
        assert TOKEN not in result.text
        assert world.with_token() == set()

    ready(world)
    extra = "https://index.example/simple"
    fails("PIP_EXTRA_INDEX_URL is set", PIP_EXTRA_INDEX_URL=extra)
    fails("GITHUB_ENV is not set, so no later step", GITHUB_ACTIONS="true")
    config = world.home / ".config/pip/pip.conf"
    write(world.home, {".config/pip/pip.conf": f"[global]\nextra-index-url = {extra}\n"})
    fails("take it out by: pip config unset global.extra-index-url")
    config.unlink()
    (world.home / ".netrc").write_text("machine secret-word is broken\n")
    fails("no .netrc file; fix it, nothing was written")
    assert "secret-word" not in world.login().text
    (world.home / ".netrc").write_bytes(b"machine a login me password caf\xe9\n")
    fails(".netrc: byte 31 is no UTF-8; fix it, nothing was written")
    world.private.always["token"] = "AccessDeniedException"
    fails("allow the action codeartifact:GetAuthorizationToken")
    world.private.always["endpoint"] = "503"
    fails("codeartifact:GetRepositoryEndpoint")
    world.private.heal()
    (world.home / ".netrc").unlink()
    dry = world.login("--dry-run")
    has_done(dry)
    assert f"uv: would be written to {world.home}/.netrc" in dry.out
    assert world.with_token() == set()
    only = world.login("--tool", "uv", "--env-file", str(tmp_path / "made" / "env"))
    has_done(only)
    assert set(variables(tmp_path / "made/env")) == {
        "UV_INDEX_PRIVATE_USERNAME",
        "UV_INDEX_PRIVATE_PASSWORD",
    }
    assert stat.S_IMODE((tmp_path / "made/env").stat().st_mode) == 0o600
    (world.repo / "tradai-tasks.toml").write_text("")
    assert "publish.codeartifact: not set" in world.login().text
