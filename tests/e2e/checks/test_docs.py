"""`docs` with the real mkdocs and a stand-in for wrangler; `docs-freshness` on real clones.

`wrangler` is an executable of ours on PATH that notes what it is called with: the real one deploys.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran, run
from tests.support.loopback import QuietHandler, serving
from tests.support.real import clean_env, edit, git, nox, write
from tradai_tasks.process import sandbox_fault
from tradai_tasks.sandbox import Sandbox

__all__ = ["run"]

SITE = {
    "noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n",
    "pyproject.toml": (
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[dependency-groups]\ndocs = ["mkdocs==1.6.1"]\n'
        '[tool.tradai-tasks.docs]\nproject = "acme-docs"\n'
    ),
    "hook.py": """\
import os, pathlib

def environments():
    for file in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            yield file.read_bytes().decode("utf-8", "replace")
        except OSError:
            pass

def on_config(config):
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build", "seen").write_text(repr(dict(os.environ)) + "".join(environments()))
""",
    "mkdocs.yml": "site_name: x\nhooks: [hook.py]\ntheme: readthedocs\n"
    "validation:\n  links:\n    not_found: warn\n",
    "docs/index.md": "# Hello\n\n[next](next.md)\n",
    "docs/next.md": "# Next\n",
    ".gitignore": ".nox/\n.venv/\nbuild/\n__pycache__/\n",
}
FAKE = """#!{python}
import json, os, pathlib, sys
home = pathlib.Path(__file__).parent
token = os.environ.get("CLOUDFLARE_API_TOKEN")
site = pathlib.Path(sys.argv[3])
told = {{"argv": sys.argv[1:], "token": token, "index": (site / "index.html").is_file()}}
(home / "told.json").write_text(json.dumps(told))
sys.exit(int((home / "status").read_text()))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write(tmp_path_factory.mktemp("site") / "it", SITE)
    subprocess.run(["uv", "lock", "--quiet"], cwd=home, check=True, env=clean_env())
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "One")
    return home


@pytest.fixture
def wrangler(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    write(folder, {"wrangler": FAKE.format(python=sys.executable), "status": "0"})
    (folder / "wrangler").chmod(0o755)
    return folder


def test_a_site_is_built_strictly_and_deployed(site: Path, wrangler: Path) -> None:
    env = {"PATH": f"{wrangler}{os.pathsep}{os.environ['PATH']}"}
    bare = nox(site, "-s", "docs", "--", "--deploy", env=env)
    assert bare.status == 1
    assert "CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID not set" in bare.log
    env |= {"CLOUDFLARE_API_TOKEN": "marked-token", "CLOUDFLARE_ACCOUNT_ID": "a1"}
    env["GITHUB_PAT"] = "marked-pat"
    dry = nox(site, "-s", "docs", "--", "--deploy", "--dry-run", env=env)
    assert dry.status == 0, dry.text
    assert not (wrangler / "told.json").exists()
    ran = nox(site, "-s", "docs", "--", "--deploy", env=env)
    assert ran.status == 0, ran.text
    told = json.loads((wrangler / "told.json").read_text())
    assert told["argv"] == [
        "pages",
        "deploy",
        str(site / "build/site"),
        "--project-name=acme-docs",
        "--branch=main",
        f"--commit-hash={git(site, 'rev-parse', 'HEAD')}",
        "--commit-dirty=false",
    ]
    assert (told["token"], told["index"]) == ("marked-token", True)
    if not sandbox_fault(Sandbox()):  # else a hook can read its parents
        seen = (site / "build" / "seen").read_text()
        assert "HOME" in seen
        assert "marked-" not in seen
    assert "marked-token" not in ran.text + dry.text
    (wrangler / "status").write_text("1")
    failed = nox(site, "-s", "docs", "--", "--deploy", "--branch", "try", env=env)
    assert failed.status == 1
    assert "wrangler did not deploy the site" in failed.log
    assert "--branch=try" in json.loads((wrangler / "told.json").read_text())["argv"]
    # a warning is an error, and nothing is deployed
    (wrangler / "told.json").unlink()
    edit(site / "docs/index.md", "next.md", "gone.md")
    try:
        warned = nox(site, "-s", "docs", "--", "--deploy", env=env)
    finally:
        edit(site / "docs/index.md", "gone.md", "next.md")
    assert warned.status == 1
    assert "mkdocs does not build the site" in warned.log
    assert not (wrangler / "told.json").exists()


HOOK = """\
import json, os, pathlib

def on_config(config):
    seen = sorted(name for name in os.environ if name.startswith("CLOUDFLARE"))
    pathlib.Path(__file__).with_name("dump.json").write_text(json.dumps(seen))
"""


def test_a_hook_of_mkdocs_does_not_see_the_token(
    site: Path, wrangler: Path, tmp_path: Path
) -> None:
    home = tmp_path / "site"
    shutil.copytree(site, home, symlinks=True)
    write(home, {"hook.py": HOOK, "mkdocs.yml": SITE["mkdocs.yml"] + "hooks: [hook.py]\n"})
    env = {
        "PATH": f"{wrangler}{os.pathsep}{os.environ['PATH']}",
        "CLOUDFLARE_API_TOKEN": "marked-token",
        "CLOUDFLARE_ACCOUNT_ID": "a1",
    }
    ran = nox(home, "-s", "docs", "--", "--deploy", env=env)
    assert ran.status == 0, ran.text
    assert json.loads((home / "dump.json").read_text()) == []
    assert json.loads((wrangler / "told.json").read_text())["token"] == "marked-token"
    assert "marked-token" not in ran.text


def test_a_site_from_another_job_is_deployed_and_nothing_is_built(
    site: Path, wrangler: Path, tmp_path: Path
) -> None:
    home = tmp_path / "site"
    shutil.copytree(site, home, symlinks=True)
    write(home, {"mkdocs.yml": "no: [such", "build/handed/index.html": "<p>made elsewhere"})
    env = {
        "PATH": f"{wrangler}{os.pathsep}{os.environ['PATH']}",
        "CLOUDFLARE_API_TOKEN": "marked-token",
        "CLOUDFLARE_ACCOUNT_ID": "a1",
    }
    only = nox(home, "--install-only", "-s", "docs", "--", "--deploy", "--site", "build/handed")
    assert only.status == 0, only.text
    assert not (wrangler / "told.json").exists()
    ran = nox(home, "-R", "-s", "docs", "--", "--deploy", "--site", "build/handed", env=env)
    assert ran.status == 0, ran.text
    told = json.loads((wrangler / "told.json").read_text())
    assert told["argv"][2] == str(home / "build/handed")
    assert told["index"]
    lacking = nox(home, "-s", "docs", "--", "--deploy", "--site", "build/none", env=env)
    assert lacking.status == 1
    assert "no index.html is there, so it is no site; build it with: nox -s docs" in lacking.log
    alone = nox(home, "-s", "docs", "--", "--site", "build/handed", env=env)
    assert alone.status == 1
    assert "docs: --site goes with --deploy" in alone.log


def test_what_the_deployment_lacks_is_said_before_anything_is_built(
    run: InProcess, wrangler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*args: str) -> Ran:
        ran = run("-s", "docs", "--", *args)
        assert ran.status == 1
        assert not any("mkdocs" in command for command in ran.commands)
        assert "Traceback" not in ran.log
        return ran

    run.files(SITE)
    git(run.home, "init", "-q")
    assert "--branch goes with --deploy" in asked("--branch", "x").log
    # git alone is there: sessions ask it which files there are
    found = shutil.which
    monkeypatch.setattr(
        "tradai_tasks.process.shutil.which",
        lambda name, **given: found(name, **given) if name == "git" else None,
    )
    said = "wrangler: not found on PATH, nor is npx, which would fetch it; install Node.js, or the"
    assert said in asked("--deploy").log
    settings = SITE["pyproject.toml"].partition("[tool.trad")[0]
    run.files({"pyproject.toml": settings})
    assert "pyproject.toml: docs.project: not set" in asked("--deploy").log


def test_without_a_site_there_is_no_session(run: InProcess) -> None:
    (run.files(SITE).home / "mkdocs.yml").unlink()
    assert "* docs" not in run("-l").out
    assert "- docs " not in run("-l").out


@pytest.fixture
def pages(run: InProcess) -> InProcess:
    run.files(SITE | {"src/x.py": "", "justfile": "check:\n    nox -s check\n"})
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "One")
    return run


def test_pages_that_are_as_the_repository_is(pages: InProcess) -> None:
    ran = pages("-s", "docs-freshness")
    assert ran.status == 0, ran.log
    assert "2 pages are as the repository is" in ran.log


def test_pages_that_are_not(pages: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    pages.files({"docs/next.md": "# Next\n\n`src/gone.py`, `nox -s lnt`, `just chek`\n"})
    ran = pages("-s", "docs-freshness")
    assert ran.status == 1
    assert "docs-freshness: 3 in 1 of 2 pages" in ran.log
    assert "::error file=docs/next.md,line=3::`src/gone.py`: no such file or folder" in ran.out
    assert "did you mean 'lint'?" in ran.out
    assert "did you mean 'check'?" in ran.out


def test_a_page_that_is_older_than_its_code(
    pages: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    covers = '[[tool.tradai-tasks.docs.covers]]\npage = "docs/next.md"\n'
    covers += 'code = ["src/**"]\ndays = 30\n'
    pages.files({"pyproject.toml": SITE["pyproject.toml"] + covers, "src/x.py": "x = 1\n"})
    assert pages("-s", "docs-freshness").status == 0
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "2040-01-01T00:00:00Z")
    env = {**clean_env(), "GIT_COMMITTER_DATE": "2040-01-01T00:00:00Z"}
    subprocess.run(["git", "commit", "-qam", "Two"], cwd=pages.home, env=env, check=True)
    ran = pages("-s", "docs-freshness")
    assert ran.status == 1
    assert "older than the code it describes; 30 are allowed" in " ".join(
        ran.out.replace("│", " ").split()
    )
    wrong = covers.replace("src/**", "lib/**")
    pages.files({"pyproject.toml": SITE["pyproject.toml"] + wrong})
    assert "docs/next.md: nothing in git matches ['lib/**']" in pages("-s", "docs-freshness").log
    wrong = covers.replace("docs/next.md", "docs/nope.md")
    pages.files({"pyproject.toml": SITE["pyproject.toml"] + wrong})
    assert "docs/nope.md: no such page in git" in pages("-s", "docs-freshness").log


def test_no_page_is_an_error(pages: InProcess) -> None:
    settings = SITE["pyproject.toml"] + 'pages = ["nothing/*.md"]\n'
    pages.files({"pyproject.toml": settings})
    ran = pages("-s", "docs-freshness")
    assert ran.status == 3  # nox's own, where there is no such session
    assert "no page is where the setting docs.pages says; add one, or change it" in ran.log


@pytest.fixture
def web() -> Iterator[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response({"/gone": 404, "/login": 401}.get(self.path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def test_web_addresses_are_asked_for_on_request_only(pages: InProcess, web: str) -> None:
    links = "\n".join(f"[x]({web}/{name})" for name in ("there", "login", "gone"))
    pages.files({"docs/next.md": f"# Next\n\n{links}\n[y](http://127.0.0.1:9/)\n"})
    assert pages("-s", "docs-freshness").status == 0
    ran = pages("-s", "docs-freshness", "--", "--external")
    assert ran.status == 1
    shown = " ".join(ran.out.replace("│", " ").split())
    assert "docs-freshness: 2 in 1 of 2 pages" in ran.log
    assert "answers with status 404" in shown
    assert "does not answer (ConnectError)" in shown
